/*
 * listing.c - the assembler's listing taken apart. Its lines are "NUMBER [ADDRESS] [BYTES]<tab>SOURCE"; where the bytes
 * go on in a further line, that has no address and no source. An included file begins at 1 again behind the line that
 * names it.
 */
#include "frontend/guest/listing.h"
#include "frontend/guest/tour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

extern const u8 tour_code_listing[];
extern const size_t tour_code_listing_size;

enum { DEPTH = 8, FILES = 64 };

/* Which file we are in: those that are open, the outermost first. */
struct files {
    const char *name[DEPTH];
    unsigned line[DEPTH], depth, count;
    bool enter; /* the line before includes the last of the listing's files */
};

static void note_include(struct listing *l, struct files *f, const char *text)
{
    const char *name = text + strspn(text, " \t");
    if (strncmp(name, ".include \"", 10) != 0 || f->count == FILES || f->depth + 1 == DEPTH)
        return;
    name += 10;
    int n = (int)strcspn(name, "\"");
    for (const char *slash; (slash = memchr(name, '/', (size_t)n)); name = slash + 1)
        n -= (int)(slash + 1 - name);
    snprintf(l->file[f->count++], LISTING_NAME, "%.*s", n, name);
    f->enter = true;
}

/* A line with NUMBER comes: the included file begins, or has ended. */
static void enter_line(struct listing *l, struct files *f, unsigned number)
{
    if (f->enter)
        f->name[++f->depth] = l->file[f->count - 1];
    else if (f->depth && number != f->line[f->depth] + 1 && number == f->line[f->depth - 1] + 1)
        f->depth--;
    f->enter = false;
    f->line[f->depth] = number;
}

/* LINE without its newline. */
static void take_line(struct listing *l, struct files *f, char *line)
{
    char *end, *source = strchr(line, '\t');
    unsigned number = (unsigned)strtoul(line, &end, 10);
    if (!source) /* bytes go on */
        return;
    enter_line(l, f, number);
    struct listing_line *to = &l->line[l->count];
    *to = (struct listing_line){.file = f->name[f->depth], .number = number, .text = source + 1};
    if (source - end > 5 && end[1] != ' ') {
        to->offset = (u32)strtoul(end + 1, NULL, 16);
        l->placed[l->places++] = l->count;
    }
    l->count++;
    note_include(l, f, source + 1);
}

/* How much each line makes: up to where the next one that makes anything begins. */
static void measure(struct listing *l)
{
    for (size_t i = 0; i < l->places; i++) {
        struct listing_line *line = &l->line[l->placed[i]];
        u32 next = i + 1 < l->places ? l->line[l->placed[i + 1]].offset : (u32)tour_code_size;
        line->bytes = next - line->offset;
    }
}

int listing_open(struct listing *l)
{
    struct files f = {.name = {"tour.S"}};
    size_t lines = 1;
    for (size_t i = 0; i < tour_code_listing_size; i++)
        lines += tour_code_listing[i] == '\n';
    *l = (struct listing){.line = calloc(lines, sizeof *l->line),
                          .placed = calloc(lines, sizeof *l->placed),
                          .text = malloc(tour_code_listing_size + 1),
                          .file = calloc(FILES, sizeof *l->file)};
    if (!l->line || !l->placed || !l->text || !l->file) {
        listing_close(l);
        return -ENOMEM;
    }
    memcpy(l->text, tour_code_listing, tour_code_listing_size);
    l->text[tour_code_listing_size] = 0;
    for (char *p = l->text, *next; *p; p = next) {
        next = p + strcspn(p, "\n");
        if (*next)
            *next++ = 0;
        take_line(l, &f, p);
    }
    measure(l);
    return 0;
}

void listing_close(struct listing *l)
{
    free(l->line);
    free(l->placed);
    free(l->text);
    free(l->file);
    *l = (struct listing){0};
}

/* Where in the tour LIN is; tour_code_size or more: nowhere. */
static u64 offset_of(u64 lin)
{
    bool boot = lin - LISTING_BOOT < LISTING_BOOT_BYTES;
    return lin - (boot ? LISTING_BOOT : LISTING_LINEAR);
}

long listing_at(const struct listing *l, u64 lin)
{
    u64 offset = offset_of(lin);
    size_t low = 0, high = l->places;
    while (low < high) { /* the last that begins at or before OFFSET is before HIGH */
        size_t middle = low + (high - low) / 2;
        if (l->line[l->placed[middle]].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return -1;
    const struct listing_line *line = &l->line[l->placed[low - 1]];
    return offset - line->offset < line->bytes ? (long)l->placed[low - 1] : -1;
}

bool listing_is(u64 lin, const u8 *memory, size_t n)
{
    u64 offset = offset_of(lin);
    return offset < tour_code_size && n <= tour_code_size - offset && memcmp(memory, tour_code + offset, n) == 0;
}

/* Length of the label that TEXT consists of, 0 if it is none; numbers are local labels and do not count. */
static int label(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return text[n] == ':' && (*text < '0' || *text > '9') ? (int)n : 0;
}

int listing_symbols(const struct listing *l, struct symbols *s)
{
    char *map, error[128];
    size_t size, place = 0;
    FILE *out = open_memstream(&map, &size); /* as nm would print it */
    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < l->count; i++) {
        while (place < l->places && l->placed[place] < i)
            place++;
        int n = label(l->line[i].text);
        if (n && place < l->places)
            fprintf(out, "%08X T %.*s\n", LISTING_LINEAR + l->line[l->placed[place]].offset, n, l->line[i].text);
    }
    bool failed = ferror(out);
    if (fclose(out) || failed)
        return -ENOMEM;
    int r = symbols_parse(s, "tour", (const u8 *)map, size, 0, error, sizeof error);
    free(map);
    return r;
}
