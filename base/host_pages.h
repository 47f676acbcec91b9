/*
 * host_pages.h - large pieces of memory: a guest's RAM, tables that are read all over. For every floor above.
 *
 * The memory is zero, takes nothing until it is touched, and gets the host's huge pages where there are any: what is read at random
 * misses the host's TLB less.
 */
#ifndef OMBRA_BASE_HOST_PAGES_H
#define OMBRA_BASE_HOST_PAGES_H

#include "base/types.h"

/* SIZE bytes, more than 0; NULL: no memory. */
void *host_pages_new(size_t size);

/* What host_pages_new(SIZE) has given, or NULL. */
void host_pages_free(void *memory, size_t size);

#endif
