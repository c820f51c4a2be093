/* Doubly linked lists of structures that contain their link. Nothing is allocated, and a link
   leaves its list in constant time. A zeroed list is empty; a zeroed link is in no list. */
#ifndef MIC_LIST_H
#define MIC_LIST_H

#include "base.h"

MIC_PRIVATE_BEGIN

struct list_link {
  struct list_link *next, *previous;
  struct list *list; /* NULL: in none */
};

struct list {
  struct list_link *first, *last;
  size_t count;
};

/* Does nothing if the link is in no list. */
void list_remove(struct list_link *link);
/* Removes the link from the list that it is in, and adds it at the end of this one. */
void list_append(struct list *list, struct list_link *link);

static inline void *list_item(struct list_link *link, size_t offset) {
  return link == NULL ? NULL : (char *)link - offset;
}

/* The structure whose `member` is this link; NULL for NULL. */
#define LIST_ITEM(link, type, member) ((type *)list_item(link, offsetof(type, member)))

MIC_PRIVATE_END
#endif
