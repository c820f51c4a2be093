/* A part of a login, a refresh or a call as text with placeholders: a JSON body, a form body, a URL
   path with query, or a header line. Compiled and checked once, filled for each request; a value is
   escaped for the place where it stands. */
#ifndef MIC_TEMPLATE_H
#define MIC_TEMPLATE_H

#include "../base.h"
#include "../text/buffer.h"
#include "login_values.h"

MIC_PRIVATE_BEGIN

enum template_kind { TEMPLATE_JSON, TEMPLATE_FORM, TEMPLATE_PATH, TEMPLATE_HEADER };

enum template_part_kind {
  PART_TEXT,
  PART_VALUE,
  /* A group is a JSON member or element, a form pair, or a header line. It is left out if an
     optional value in it, but not in an inner group, is not set. */
  PART_GROUP,
  PART_GROUP_END
};

struct template_part {
  enum template_part_kind kind;
  size_t start, length; /* of a text */
  unsigned value;       /* login_value */
  bool optional;        /* of a value: {name?} */
  bool query;           /* of a value in a path: it stands behind the "?" */
  size_t end;           /* of a group: the index of its end */
};

struct template {
  enum template_kind kind;
  char *text;                  /* owned: the literal parts, unescaped */
  struct template_part *parts; /* owned */
  size_t count, capacity;
  unsigned uses;  /* bits of the built-in values in it: see VALUE_BIT */
  unsigned needs; /* the same of those that are not optional */
};

/* What is wrong with a template, as a phrase, and at which byte of it, from 1. */
struct template_problem {
  char what[120];
  size_t at; /* 0: the whole */
};

/* The phrase of a problem that is a lack of memory. */
extern const char template_no_memory[];

/* Compiles a template. Each value that is not optional must be set by now, unless it may come late.
   False: `problem` is set, and the template is empty. */
bool template_compile(struct template *template, enum template_kind kind, const char *source,
                      size_t length, const struct login_values *values,
                      struct template_problem *problem);
void template_clear(struct template *template);

/* The first value without which the template cannot be filled; -1 if there is none. */
int template_missing(const struct template *template, const struct login_values *values);
enum template_status {
  TEMPLATE_FILLED,
  TEMPLATE_LEFT_OUT, /* a header line whose optional value is not set */
  TEMPLATE_UNFIT,    /* a value cannot stand in its place, for example ".." as a path segment */
  TEMPLATE_NO_MEMORY
};

/* Appends the filled template. template_missing must be -1. TEMPLATE_UNFIT: *value is the value. */
enum template_status template_fill(const struct template *template,
                                   const struct login_values *values, struct buffer *to,
                                   unsigned *value);

MIC_PRIVATE_END
#endif
