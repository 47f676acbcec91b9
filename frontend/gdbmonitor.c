/*
 * gdbmonitor.c - the monitor commands of the GDB stub.
 */
#include "frontend/gdbmonitor.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const segment_names[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs"};

/* A segment by its register's name or, in real mode, by its number. */
static bool segment_base(const struct cpu *c, const char *text, size_t len, u32 *base)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (len == 2 && strncmp(text, segment_names[i], 2) == 0) {
            *base = (u32)c->seg[i].base;
            return true;
        }
    char *end;
    unsigned long sel = strtoul(text, &end, 16);
    *base = (u32)sel << 4;
    return len > 0 && end == text + len && sel <= 0xFFFF && (!(c->cr0 & CR0_PE) || c->eflags & F_VM);
}

/* SEG:OFF, in hexadecimal; nothing: where the processor and its stack are. */
static void cmd_linear(struct debugger *d, const char *text, struct gdb_text *out)
{
    const struct cpu *c = pc_cpu(d->pc);
    const char *colon = strchr(text, ':');
    u32 base;
    if (!*text) {
        gdb_putf(out, "cs:eip %04x:%08x is %08x\n", c->seg[SEG_CS].sel, (u32)c->ip, debugger_here(d));
        gdb_putf(out, "ss:esp %04x:%08x is %08x\n", c->seg[SEG_SS].sel, (u32)c->r[R_SP],
                 (u32)(c->seg[SEG_SS].base + (u32)c->r[R_SP]));
        return;
    }
    char *end = NULL;
    u32 off = colon ? (u32)strtoul(colon + 1, &end, 16) : 0;
    if (!colon || end == colon + 1 || *end || !segment_base(c, text, (size_t)(colon - text), &base))
        gdb_put(out, "linear takes SEGMENT:OFFSET, a segment register or, in real mode, its value in hexadecimal\n");
    else
        gdb_putf(out, "%08x\n", base + off);
}

static void cmd_physical(struct debugger *d, const char *text, struct gdb_text *out)
{
    char *end;
    u64 phys, lin = strtoul(text, &end, 16);
    if (end == text || *end || lin > ~(u32)0)
        gdb_put(out, "physical takes a linear address in hexadecimal\n");
    else if (mmu_peek(&pc_cpu(d->pc)->mmu, lin, &phys))
        gdb_putf(out, "%09llx\n", (unsigned long long)phys);
    else
        gdb_put(out, "not mapped\n");
}

static void cmd_count(struct debugger *d, const char *text, struct gdb_text *out)
{
    gdb_putf(out, "%llu\n", (unsigned long long)cpu_count(pc_cpu(d->pc)));
}

/* The next continue ends there. */
static void cmd_until(struct debugger *d, const char *text, struct gdb_text *out)
{
    char *end;
    u64 now = cpu_count(pc_cpu(d->pc)), count = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || count <= now)
        gdb_putf(out, "until takes an instruction count above %llu\n", (unsigned long long)now);
    else
        debugger_limit(d, count);
}

static const struct command {
    const char *name, *argument, *help;
    void (*run)(struct debugger *d, const char *text, struct gdb_text *out);
} commands[] = {
    {"linear", "[SEG:OFF]", "the linear address of SEG:OFF, or of the next instruction and the stack", cmd_linear},
    {"physical", "ADDRESS", "the physical address of a linear one", cmd_physical},
    {"count", "", "how many instructions were executed", cmd_count},
    {"until", "N", "the next 'continue' stops when N instructions were executed", cmd_until},
};

static const struct command *find(const char *name, size_t len)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
        if (strlen(commands[i].name) == len && strncmp(commands[i].name, name, len) == 0)
            return &commands[i];
    return NULL;
}

static void list(struct gdb_text *out)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++)
        gdb_putf(out, "%-8s %-9s  %s\n", commands[i].name, commands[i].argument, commands[i].help);
}

static void put(void *ctx, const char *text)
{
    gdb_put(ctx, text);
}

void gdb_monitor(void *ctx, const char *command, struct gdb_text *out)
{
    struct gdb_monitor *m = ctx;
    command += strspn(command, " ");
    size_t len = strcspn(command, " ");
    const struct command *own = find(command, len);
    if (own) {
        own->run(m->debugger, command + len + strspn(command + len, " "), out);
        return;
    }
    if (len == 4 && strncmp(command, "help", len) == 0 && !command[4])
        list(out);
    if (m->monitor)
        monitor_execute(m->monitor, command, put, out);
    else if (!out->len)
        gdb_put(out, "no such command; 'monitor help' lists all\n");
}
