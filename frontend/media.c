/*
 * media.c - opening, changing and closing images.
 */
#include "frontend/media.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_cd(unsigned slot)
{
    return slot >= PC_FLOPPIES;
}

/* ---- the list ---- */

static int append(struct media *m, struct block *b, const char *path, enum image_kind kind)
{
    if (m->count == m->cap) {
        unsigned cap = m->cap ? m->cap * 2 : 8;
        struct medium *more = realloc(m->list, cap * sizeof *more);
        if (!more)
            return -ENOMEM;
        m->list = more;
        m->cap = cap;
    }
    char *name = strdup(path);
    if (!name)
        return -ENOMEM;
    m->list[m->count++] = (struct medium){b, name, kind};
    return 0;
}

static void take_off(struct media *m, struct block *b)
{
    unsigned i = 0;
    while (m->list[i].block != b)
        i++;
    free(m->list[i].path);
    m->list[i] = m->list[--m->count];
    block_close(b);
}

int media_add(struct media *m, struct block *b)
{
    int r = append(m, b, "", IMAGE_UNKNOWN);
    if (r)
        block_close(b);
    return r;
}

int media_open(struct media *m, const char *path, enum image_kind kind, unsigned flags, struct block **out, char *err,
               size_t n)
{
    int r = image_open(path, kind, flags | (m->snapshot ? IMAGE_SNAPSHOT : 0), out, err, n);
    if (r)
        return r;
    r = append(m, *out, path, kind);
    if (r) {
        block_close(*out);
        snprintf(err, n, "%s: not enough memory", path);
    }
    return r;
}

int media_flush(struct media *m, char *err, size_t n)
{
    int first = 0;
    for (unsigned i = 0; i < m->count; i++) {
        struct block *b = m->list[i].block;
        int r = b->readonly ? 0 : block_flush(b);
        if (r && !first)
            snprintf(err, n, "%s: cannot be made durable: %s", m->list[i].path, strerror(-r));
        first = first ? first : r;
    }
    return first;
}

void media_close(struct media *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        block_close(m->list[i].block);
        free(m->list[i].path);
    }
    free(m->list);
    *m = (struct media){0};
}

const char *media_path(const struct media *m, const struct block *b)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->list[i].block == b)
            return m->list[i].path;
    return "";
}

/* ---- drives ---- */

/* The first CD drive is where people and guests expect it. */
static int first_cd(const struct media *m)
{
    static const u8 order[PC_DRIVES] = {2, 3, 1, 0};
    for (unsigned i = 0; i < PC_DRIVES; i++)
        if (m->present[PC_FLOPPIES + order[i]])
            return PC_FLOPPIES + order[i];
    return -1;
}

int media_slot(const struct media *m, const char *drive, char *err, size_t n)
{
    int slot = -1;
    if ((drive[0] == 'a' || drive[0] == 'b') && !drive[1])
        slot = drive[0] - 'a';
    else if (strcmp(drive, "cd") == 0)
        slot = first_cd(m);
    else if (strncmp(drive, "cd", 2) == 0 && drive[2] >= '0' && drive[2] < '0' + PC_DRIVES && !drive[3])
        slot = PC_FLOPPIES + drive[2] - '0';
    if (slot >= 0 && m->present[slot])
        return slot;
    snprintf(err, n, "there is no drive '%.40s' for media; they are a, b, cd, and cd0 to cd3 by IDE position", drive);
    return -ENODEV;
}

int media_plug(struct media *m, unsigned slot, struct block *b)
{
    int r = is_cd(slot) ? pc_change_cd(m->pc, slot - PC_FLOPPIES, b) : pc_change_floppy(m->pc, slot, b);
    if (r == 0)
        m->inside[slot] = b;
    return r;
}

static bool is_inside(const struct media *m, const struct block *b)
{
    for (unsigned i = 0; i < MEDIA_SLOTS; i++)
        if (m->inside[i] == b)
            return true;
    return false;
}

/* What was in a drive before and is named again. */
static struct block *find_kept(const struct media *m, const char *path, enum image_kind kind)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->list[i].kind == kind && strcmp(m->list[i].path, path) == 0 && !is_inside(m, m->list[i].block))
            return m->list[i].block;
    return NULL;
}

int media_change(struct media *m, unsigned slot, const char *path, char *err, size_t n)
{
    enum image_kind kind = is_cd(slot) ? IMAGE_CD : IMAGE_FLOPPY;
    struct block *old = m->inside[slot], *b = NULL;
    if (slot >= MEDIA_SLOTS || !m->present[slot]) {
        snprintf(err, n, "there is no such drive for media");
        return -ENODEV;
    }
    bool named = path && *path;
    if (named && m->keeps)
        b = find_kept(m, path, kind);
    bool kept = b != NULL;
    int r = named && !b ? media_open(m, path, kind, is_cd(slot) ? IMAGE_READONLY : IMAGE_PROTECT, &b, err, n) : 0;
    if (r)
        return r;
    if (old && !old->readonly && block_flush(old)) {
        snprintf(err, n, "what is in the drive cannot be made durable, so it stays");
        r = -EIO;
    }
    if (r == 0 && media_plug(m, slot, b)) {
        snprintf(err, n, "there is no such drive for media");
        r = -ENODEV;
    }
    if (r && b && !kept)
        take_off(m, b);
    if (r == 0 && old && !m->keeps)
        take_off(m, old);
    return r;
}
