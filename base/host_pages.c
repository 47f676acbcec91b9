/*
 * host_pages.c - large pieces of memory on Linux.
 */
#define _GNU_SOURCE /* madvise */
#include "base/host_pages.h"
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, HOST_PAGE_MAX = 64 << 10 /* of AArch64 */ };

static size_t whole_pages(size_t size)
{
    return (size + HOST_PAGE_MAX - 1) & ~(size_t)(HOST_PAGE_MAX - 1);
}

/* Huge pages are aligned: what lies before and behind the part that begins with one is given back. */
void *host_pages_new(size_t size)
{
    size_t all = whole_pages(size) + HUGE_PAGE;
    if (all < size)
        return NULL;
    u8 *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)p & (HUGE_PAGE - 1), behind = HUGE_PAGE - before;
    if (before)
        munmap(p, before);
    munmap(p + before + whole_pages(size), behind);
    madvise(p + before, whole_pages(size), MADV_HUGEPAGE); /* a wish */
    return p + before;
}

void host_pages_free(void *memory, size_t size)
{
    if (memory)
        munmap(memory, whole_pages(size));
}
