/* The tour's source listing: every instruction of the tour that runs has its line. */
#define _GNU_SOURCE
#include "frontend/guest/listing.h"
#include "cpu/observe.h"
#include "tests/unit/pc_box.h"

static struct listing listing;

/* ---- what it consists of ---- */

static void holds_the_sources(void **state)
{
    static const struct {
        const char *file, *text;
    } lines[] = {
        {"macros.inc", "    .equ PLAIN, 0x07"},
        {"tour.S", "    jmp short boot"},
        {"stage7.inc", "stage7:"},
        {"tour.S", "image_end:"}, /* behind all the included files */
    };
    size_t at = 0;
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        while (at < listing.count && strcmp(listing.line[at].text, lines[i].text) != 0)
            at++;
        if (at == listing.count || strcmp(listing.line[at].file, lines[i].file) != 0)
            fail_msg("no '%s' in %s", lines[i].text, lines[i].file);
    }
    assert_int_equal(listing.line[0].number, 1);
}

/* Numbers go up by one in each file: no line is lost or taken twice. */
static void counts_the_lines_of_each_file(void **state)
{
    for (size_t i = 0; i < listing.count; i++) {
        unsigned before = 0;
        for (size_t k = i; k-- > 0 && !before;)
            before = strcmp(listing.line[k].file, listing.line[i].file) == 0 ? listing.line[k].number : 0;
        assert_int_equal(listing.line[i].number, before + 1);
    }
}

/* Every byte of the image belongs to one line, in both places of the boot sector. */
static void covers_the_image(void **state)
{
    u32 next = 0;
    for (size_t i = 0; i < listing.places; i++) {
        const struct listing_line *line = &listing.line[listing.placed[i]];
        assert_int_equal(line->offset, next);
        assert_true(line->bytes > 0);
        next += line->bytes;
    }
    assert_int_equal(next, tour_code_size);
    for (u32 i = 0; i < tour_code_size; i++) {
        long at = listing_at(&listing, LISTING_LINEAR + i);
        assert_true(at >= 0 && i - listing.line[at].offset < listing.line[at].bytes);
        assert_int_equal(listing_at(&listing, LISTING_BOOT + i), i < LISTING_BOOT_BYTES ? at : -1);
    }
    assert_int_equal(listing_at(&listing, LISTING_LINEAR + tour_code_size), -1);
    assert_int_equal(listing_at(&listing, LISTING_BOOT - 1), -1);
    assert_int_equal(listing_at(&listing, ~(u64)0), -1);
}

static void knows_its_bytes(void **state)
{
    assert_true(listing_is(LISTING_LINEAR + 100, tour_code + 100, 50));
    assert_true(listing_is(LISTING_BOOT, tour_code, 512));
    assert_false(listing_is(LISTING_LINEAR + 100, tour_code + 101, 50));
    assert_false(listing_is(LISTING_LINEAR + tour_code_size - 1, tour_code + tour_code_size - 1, 2));
    assert_false(listing_is(0x500, tour_code, 1));
}

/* A label is where the next bytes are: the first line with bytes behind it. */
static void knows_its_labels(void **state)
{
    struct symbols *s = symbols_new();
    const struct symbol *list;
    assert_int_equal(listing_symbols(&listing, s), 0);
    assert_in_range(symbols_all(s, &list), 200, 1000);
    assert_int_equal(symbols_find(s, "image")->addr, LISTING_LINEAR);
    const struct symbol *main_label = symbols_find(s, "main");
    assert_int_equal(main_label->addr, LISTING_LINEAR + LISTING_BOOT_BYTES);
    assert_string_equal(listing.line[listing_at(&listing, main_label->addr)].text, "    cli");
    assert_null(symbols_find(s, "1"));
    symbols_free(s);
}

/* ---- the tour runs ---- */

struct watch {
    u8 seen[1 << 16]; /* offsets in the image at which an instruction began */
    unsigned places;
    bool loaded;
};

static void saw(void *ctx, const struct cpu *c, const struct insn *in)
{
    struct watch *w = ctx;
    u32 lin = (u32)(c->seg[SEG_CS].base + c->ip), offset = lin - (lin < LISTING_LINEAR ? LISTING_BOOT : LISTING_LINEAR);
    w->loaded |= lin == LISTING_BOOT;
    if (!w->loaded || offset >= (lin < LISTING_LINEAR ? LISTING_BOOT_BYTES : tour_code_size) || w->seen[offset])
        return;
    w->seen[offset] = 1;
    w->places++;
    long at = listing_at(&listing, lin);
    if (at < 0)
        fail_msg("nothing at %X", lin);
    const struct listing_line *line = &listing.line[at];
    const char *text = line->text + strspn(line->text, " \t");
    bool code = *text && *text != '#' && (*text != '.' || strncmp(text, ".byte", 5) == 0) && !strstr(text, ".asciz");
    if (!code || offset + in->len > line->offset + line->bytes)
        fail_msg("%X is said to be %s:%u '%s'", lin, line->file, line->number, line->text);
}

static void run_for(struct box *b, u64 ms)
{
    u64 end = clock_now(pc_clock(b->pc)) + ms * 1000000;
    while (clock_now(pc_clock(b->pc)) < end)
        if (pc_run(b->pc, 100000) == PC_IDLE)
            pc_skip_to(b->pc, MIN(pc_next_event(b->pc), end));
}

static void press(struct box *b, enum key key, u64 ms)
{
    const struct input_sink *in = pc_input(b->pc);
    in->key(in->ctx, key, true);
    run_for(b, 50);
    in->key(in->ctx, key, false);
    run_for(b, ms);
}

/* From page to page: the timer is watched for two seconds, the picture drawn, keys are tried; then to the end and back.
 */
static void has_a_line_for_all_that_runs(void **state)
{
    static const enum key keys[] = {KEY_ENTER, KEY_ENTER, KEY_ENTER, KEY_ENTER, KEY_ENTER, KEY_ENTER,
                                    KEY_ENTER, KEY_ENTER, KEY_A,     KEY_LEFT,  KEY_ESC,   KEY_1};
    static struct watch w;
    struct box b;
    box_open(&b, box_roms_or_skip(state), BOX_TOUR);
    cpu_observe(pc_cpu(b.pc), &(struct cpu_observer){.ctx = &w, .insn = saw});
    run_for(&b, 3000);
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
        press(&b, keys[i], 2000);
    print_message("%u different instructions\n", w.places);
    assert_in_range(w.places, 1300, 1 << 16);
    box_close(&b);
}

static int setup(void **state)
{
    return listing_open(&listing) || box_group_setup(state);
}

static int teardown(void **state)
{
    listing_close(&listing);
    return box_group_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_the_sources), cmocka_unit_test(counts_the_lines_of_each_file),
        cmocka_unit_test(covers_the_image),  cmocka_unit_test(knows_its_bytes),
        cmocka_unit_test(knows_its_labels),  cmocka_unit_test(has_a_line_for_all_that_runs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
