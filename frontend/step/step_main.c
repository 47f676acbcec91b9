/*
 * step_main.c - from the parsed command line to a stepper and back.
 */
#include "frontend/step/step_main.h"
#include "frontend/file.h"
#include "frontend/guest/listing.h"
#include "frontend/machine.h"
#include "frontend/session.h"
#include "frontend/step/screen_curses.h"
#include "frontend/step/stepcmd.h"
#include "frontend/symbols.h"
#include <errno.h>
#include <stdlib.h>

enum { SCRIPT_MAX = 1 << 20 };

#define DEFAULT_LIMIT 1000000000ull /* counts of one run in a script */

static int complain(const char *error)
{
    fprintf(stderr, "ombra: %s\n", error);
    return EXIT_BAD_INPUT;
}

static bool find_symbol(void *ctx, const char *name, u64 *value)
{
    const struct symbol *found = symbols_find(ctx, name);
    if (found)
        *value = found->addr;
    return found;
}

static int load_symbols(struct symbols *symbols, const struct options *o, char *error, size_t n)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < o->symbol_files; i++)
        r = symbols_load(symbols, o->symbols[i], error, n);
    return r;
}

/* ---- the two ways ---- */

static int run_script(struct stepper *s, const struct options *o, const char *text, size_t len)
{
    struct stepcmd_env env = {.s = s, .out = stdout};
    int r = stepscript_run(&env, text, len, o->script, o->max_instructions ? o->max_instructions : DEFAULT_LIMIT);
    stepcmd_close(&env);
    fflush(stdout);
    if (r)
        complain(env.error);
    return r == -EINVAL ? EXIT_BAD_INPUT : r ? EXIT_RUN_FAILED : EXIT_OK;
}

static int run_person(struct stepper *s)
{
    char error[MACHINE_ERROR_MAX];
    return screen_curses_run(s, error, sizeof error) ? complain(error) : EXIT_OK;
}

/* ---- the past ---- */

/* Without the memory for it the stepper only goes forward. */
static void remember(struct stepper *s, struct machine *m)
{
    const struct rewind_media media = rewind_media_of(&m->media);
    if (stepper_remember(s, &media))
        complain("there is not enough memory to keep the past; the stepper goes forward only");
}

/* What is beside the machine. */
struct companions {
    struct symbols *symbols;
    struct listing listing;
};

static void introduce(struct stepper *s, const struct companions *with)
{
    s->symbols = with->symbols;
    s->names = (struct expr_names){find_symbol, with->symbols};
    s->listing = &with->listing;
}

static int look_into(struct machine *m, const struct companions *with, const struct options *o, const char *text,
                     size_t len)
{
    struct stepper *s = calloc(1, sizeof *s);
    int status = EXIT_RUN_FAILED;
    if (s && stepper_open(s, m->pc) == 0) {
        introduce(s, with);
        remember(s, m);
        status = o->script ? run_script(s, o, text, len) : run_person(s);
        stepper_close(s);
    } else {
        complain("not enough memory");
    }
    free(s);
    return status;
}

int step_inspect(struct pc *pc, struct symbols *symbols, bool *ended, char *error, size_t error_size)
{
    struct companions with = {.symbols = symbols};
    struct stepper *s = calloc(1, sizeof *s);
    int r = s && listing_open(&with.listing) == 0 ? stepper_open(s, pc) : -ENOMEM;
    if (r) {
        snprintf(error, error_size, "not enough memory");
    } else {
        introduce(s, &with);
        r = screen_curses_run(s, error, error_size);
        *ended = s->end != END_NONE;
        stepper_close(s);
    }
    listing_close(&with.listing);
    free(s);
    return r;
}

/* ---- the command line ---- */

/* What belongs to a run of the guest by itself. */
static const char *misplaced(const struct options *o)
{
    return o->keys                         ? "--keys (use the command 'keys')"
           : o->monitor || o->monitor_json ? "--monitor"
           : o->gdb                        ? "--gdb"
           : o->trace                      ? "--trace"
           : o->serials                    ? "--serial"
           : o->display != DISPLAY_AUTO    ? "--display"
           : o->screenshot || o->text_dump
               ? "--screenshot and --text-dump (use the commands 'screenshot' and 'show screen')"
               : NULL;
}

/* Standard output is the stepper's: the guest's log would spoil it. */
static struct options own_options(const struct options *o)
{
    struct options own = *o;
    own.snapshot = true; /* looking inside changes no image */
    if (!own.script && !own.log_file)
        own.log_file = "/dev/null";
    return own;
}

int step_main(const struct options *o)
{
    char error[MACHINE_ERROR_MAX];
    struct options own = own_options(o);
    struct machine_ports ports = {.serial_present = {true}};
    struct machine machine;
    u8 *text = NULL;
    size_t len = 0;
    int status = EXIT_BAD_INPUT;
    const char *bad = misplaced(o);
    if (bad) {
        snprintf(error, sizeof error, "%s does not go with 'ombra step'", bad);
        return complain(error);
    }
    struct companions with = {.symbols = symbols_new()};
    if (!with.symbols || listing_open(&with.listing)) {
        complain("not enough memory");
    } else if ((o->script && file_read(o->script, SCRIPT_MAX, &text, &len, error, sizeof error)) ||
               load_symbols(with.symbols, o, error, sizeof error) ||
               machine_open(&machine, &own, &ports, error, sizeof error)) {
        complain(error);
    } else {
        if (machine.tour)
            listing_symbols(&with.listing, with.symbols);
        status = look_into(&machine, &with, o, (const char *)text, len);
        machine_close(&machine);
    }
    listing_close(&with.listing);
    symbols_free(with.symbols);
    free(text);
    return status;
}
