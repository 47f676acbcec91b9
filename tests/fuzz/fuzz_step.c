/*
 * fuzz_step.c - scripts for the stepper (first byte even), or keys (odd). A script with an error leaves the machine as
 * it was; whatever is typed, the screen can be drawn and the machine goes on.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/step/stepui.h"
#include "frontend/step/view.h"
#include "tests/fuzz/machine.h"
#include <errno.h>

enum { COUNTS = 1000, LIMIT = 3000, KEYS = 400, COLS = 80, ROWS = 24 };

/* Commands that write files are none of a fuzzer's business. */
static bool writes_files(const char *text, size_t n)
{
    return memmem(text, n, "screensh", 8) || memmem(text, n, "SCREENSH", 8) || memmem(text, n, "keys", 4);
}

static void run_script(struct stepper *s, const char *text, size_t n)
{
    char *out = NULL;
    size_t size;
    struct stepcmd_env env = {.s = s, .out = open_memstream(&out, &size)};
    fuzz_check(env.out);
    u64 before = pc_hash(s->pc);
    int r = stepscript_run(&env, text, n, "script", LIMIT);
    fclose(env.out);
    fuzz_check(r == 0 || strncmp(env.error, "script:", 7) == 0);
    fuzz_check(!strchr(env.error, '\n'));
    if (r == -EINVAL)
        fuzz_check(!size && pc_hash(s->pc) == before && s->cpu->stops.count == 0);
    fuzz_check(s->goal.kind == GOAL_NONE);
    stepcmd_close(&env);
    free(out);
}

static void run_keys(struct stepper *s, const u8 *keys, size_t n)
{
    struct stepui ui;
    struct grid g;
    fuzz_check(grid_init(&g, COLS, ROWS) == 0);
    stepui_open(&ui, s);
    for (size_t i = 0; i < n && i < KEYS && !ui.env.quit; i++) {
        int key = keys[i] < 0x80 ? keys[i] : STEPKEY_UP + keys[i] % 8;
        stepui_key(&ui, key);
        stepui_draw(&ui, &g);
    }
    stepui_close(&ui);
    grid_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_machine machine;
    struct stepper *s = malloc(sizeof *s);
    if (size < 1 || writes_files((const char *)data, size)) {
        free(s);
        return 0;
    }
    fuzz_machine_open(&machine, cpu_model_find("p4"));
    fuzz_machine_run(&machine, COUNTS, COUNTS, 1);
    fuzz_check(s && stepper_open(s, machine.pc) == 0);
    if (data[0] & 2)
        fuzz_check(stepper_remember(s, NULL) == 0);
    if (data[0] & 1)
        run_keys(s, data + 1, size - 1);
    else
        run_script(s, (const char *)data + 1, size - 1);
    stepper_close(s);
    free(s);
    fuzz_machine_close(&machine);
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const char *const seeds[] = {
        " step\nstep 30\nover\nout\ncontinue 50\nshow\nshow registers\nstops\n",
        " break E000 if ax == 1\nwatch 500 4 if zf && !cf\nrwatch ds:[si] 2\nuntil if byte [es:di] <= 10.\ndelete\n",
        " until mode\nuntil int 8\nuntil port 20\nuntil write 413\nuntil F000:E000\nprint (1+2)*3<<4|~ax\nquit\n",
        "\"step 20\nback 3\nback\nrunback\nrunback start\nrunback count 7\nrunback write 500 2\nstep\n",
        " view gdt\nshow device pic\nshow pages cs:ip\nmemory phys 100000\nsyntax\nshow code\nhelp "
        "until\nup\npagedown\n",
        "!ssnnrgiltTdefK?v\x80\x81\x82\x83:memory 7c00\r:print ax\rkkuE080\r b",
        "#sssbbb\x83\x82"
        "Bstart\r:runback\rssss:back 99\rq",
    };
    if (n >= ARRAY_LEN(seeds))
        return 0;
    size_t len = strlen(seeds[n]);
    memcpy(out, seeds[n], len);
    return len;
}
