#include "base.h"

#include "list.h"

void list_remove(struct list_link *link) {
  struct list *list = link->list;
  if (list == NULL)
    return;
  *(link->previous != NULL ? &link->previous->next : &list->first) = link->next;
  *(link->next != NULL ? &link->next->previous : &list->last) = link->previous;
  list->count--;
  link->next = link->previous = NULL;
  link->list = NULL;
}

void list_append(struct list *list, struct list_link *link) {
  list_remove(link);
  link->list = list;
  link->previous = list->last;
  *(list->last != NULL ? &list->last->next : &list->first) = link;
  list->last = link;
  list->count++;
}
