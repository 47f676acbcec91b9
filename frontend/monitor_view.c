/*
 * monitor_view.c - the commands that only look: registers by the devices' field tables, and memory.
 *
 * Nothing here may change the guest: memory that is not plain is not read, as its registers would notice.
 */
#include "frontend/monitor_int.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

enum { DUMP_DEFAULT = 128, DUMP_MAX = 64 << 10, DUMP_ROW = 16 };

#define LINEAR_END ((u64)1 << 32)   /* no 64-bit mode yet */
#define PHYSICAL_END ((u64)1 << 52) /* the architecture's limit */

/* ---- registers ---- */

/* What there is to see besides devices. */
static const char *const views[] = {"status", "cpu", "cpu-state"};

static void add_blob(struct answer *a, const char *path, const u8 *p, u32 size)
{
    enum { SHOWN = 16 };
    char *hex = malloc(2 * (size_t)size + 1);
    fprintf(a->text, "%-24s", path);
    for (u32 i = 0; i < MIN(size, (u32)SHOWN); i++)
        fprintf(a->text, " %02X", p[i]);
    if (size > SHOWN)
        fprintf(a->text, " ... %u bytes", size);
    fputc('\n', a->text);
    for (u32 i = 0; hex && i < size; i++)
        snprintf(hex + 2 * i, 3, "%02X", p[i]);
    if (hex)
        cJSON_AddStringToObject(a->json, path, hex);
    free(hex);
}

static void add_register(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct answer *a = ctx;
    u64 value = 0;
    switch (f->kind) {
    case FIELD_BYTES:
        add_blob(a, path, p, f->size);
        break;
    case FIELD_BOOL:
        answer_bool(a, path, *(const u8 *)p);
        break;
    case FIELD_TIMER:
        value = ((const struct timer *)p)->when;
        if (value == CLOCK_NEVER)
            answer_field(a, path, "off");
        else
            answer_field(a, path, "at %llu ns", (unsigned long long)value);
        break;
    default:
        memcpy(&value, p, f->size); /* hosts are little-endian */
        answer_field(a, path, "0x%0*llX", (int)(2 * f->size), (unsigned long long)value);
    }
}

static int list_devices(struct answer *a)
{
    const struct device *device;
    unsigned n = pc_devices(a->env->pc, &device);
    cJSON *list = cJSON_AddArrayToObject(a->json, "devices");
    for (unsigned i = 0; i < ARRAY_LEN(views) + n; i++) {
        const char *name = i < ARRAY_LEN(views) ? views[i] : device[i - ARRAY_LEN(views)].ops->name;
        fprintf(a->text, "%s\n", name);
        cJSON_AddItemToArray(list, cJSON_CreateString(name));
    }
    return 0;
}

static int show_device(struct answer *a, const char *name)
{
    const struct device *device;
    for (unsigned n = pc_devices(a->env->pc, &device); n > 0; n--, device++) {
        if (strcmp(device->ops->name, name) != 0)
            continue;
        if (device->ops->saving)
            device->ops->saving(device->self);
        state_walk("", device->ops->state, device->self, add_register, a);
        return 0;
    }
    return answer_error(a, "there is no device '%.80s'; 'info' lists all", name);
}

static const char *halt_name(enum halt_kind halt)
{
    return halt == HALT_NONE ? "no" : halt == HALT_HLT ? "hlt" : halt == HALT_SHUTDOWN ? "shutdown" : "wait for SIPI";
}

static int show_status(struct answer *a)
{
    struct pc *pc = a->env->pc;
    const struct cpu *cpu = pc_cpu(pc);
    struct monitor_status s;
    a->env->status(a->env->ctx, &s);
    answer_field(a, "state", "%s", s.paused ? "paused" : "running");
    answer_number(a, "instructions", cpu_count(cpu));
    answer_number(a, "virtual_ns", clock_now(pc_clock(pc)));
    answer_field(a, "cs", "0x%04X", cpu->seg[SEG_CS].sel);
    answer_field(a, "eip", "0x%08X", (u32)cpu->ip);
    answer_field(a, "halted", "%s", halt_name(cpu->halt));
    answer_bool(a, "typing", s.typing);
    if (*s.keys_failed)
        answer_field(a, "keys_failed", "%s", s.keys_failed);
    return 0;
}

static void add_segment(struct answer *a, const char *name, const struct segment *s)
{
    answer_field(a, name, "0x%04X base 0x%08X limit 0x%08X rights 0x%04X%s", s->sel, (u32)s->base, s->limit, s->attr,
                 s->null ? " null" : "");
}

static void add_flags(struct answer *a, u32 eflags)
{
    static const struct {
        u32 bit;
        const char *name;
    } flags[] = {{F_CF, "CF"}, {F_PF, "PF"},   {F_AF, "AF"},   {F_ZF, "ZF"}, {F_SF, "SF"}, {F_TF, "TF"},
                 {F_IF, "IF"}, {F_DF, "DF"},   {F_OF, "OF"},   {F_NT, "NT"}, {F_RF, "RF"}, {F_VM, "VM"},
                 {F_AC, "AC"}, {F_VIF, "VIF"}, {F_VIP, "VIP"}, {F_ID, "ID"}};
    char names[96] = "";
    size_t len = 0;
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
        if (eflags & flags[i].bit)
            len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", len ? " " : "", flags[i].name);
    answer_field(a, "eflags", "0x%08X", eflags);
    answer_field(a, "flags", "%s", names);
}

static int show_cpu(struct answer *a)
{
    static const char *const general[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const char *const segments[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    const struct cpu *c = pc_cpu(a->env->pc);
    for (unsigned i = 0; i < ARRAY_LEN(general); i++)
        answer_field(a, general[i], "0x%08X", (u32)c->r[i]);
    answer_field(a, "eip", "0x%08X", (u32)c->ip);
    add_flags(a, cpu_eflags(c));
    for (unsigned i = 0; i < ARRAY_LEN(segments); i++)
        add_segment(a, segments[i], &c->seg[i]);
    add_segment(a, "ldtr", &c->ldtr);
    add_segment(a, "tr", &c->tr);
    answer_field(a, "gdtr", "base 0x%08X limit 0x%04X", (u32)c->gdtr.base, c->gdtr.limit);
    answer_field(a, "idtr", "base 0x%08X limit 0x%04X", (u32)c->idtr.base, c->idtr.limit);
    answer_field(a, "cr0", "0x%08X", (u32)c->cr0);
    answer_field(a, "cr2", "0x%08X", (u32)c->cr2);
    answer_field(a, "cr3", "0x%08X", (u32)c->cr3);
    answer_field(a, "cr4", "0x%08X", (u32)c->cr4);
    answer_field(a, "dr6", "0x%08X", (u32)c->dr[6]);
    answer_field(a, "dr7", "0x%08X", (u32)c->dr[7]);
    answer_number(a, "cpl", c->cpl);
    answer_bool(a, "smm", c->smm);
    answer_field(a, "halted", "%s", halt_name(c->halt));
    return 0;
}

int monitor_info(struct answer *a)
{
    const char *what = a->arg[0];
    if (!what)
        return list_devices(a);
    if (strcmp(what, "status") == 0)
        return show_status(a);
    if (strcmp(what, "cpu") == 0)
        return show_cpu(a);
    if (strcmp(what, "cpu-state") != 0)
        return show_device(a, what);
    cpu_settle(pc_cpu(a->env->pc));
    state_walk("", cpu_fields, pc_cpu(a->env->pc), add_register, a);
    return 0;
}

/* ---- memory ---- */

/* The byte at ADDR. NULL, or why there is none to show. */
static const char *read_byte(const struct mmu *m, bool linear, u64 addr, u8 *byte)
{
    u64 phys = addr;
    if (linear && !mmu_peek(m, addr, &phys))
        return "is not mapped";
    u32 frame = phys_read_frame(m->phys, phys);
    if (frame & PHYS_SLOW)
        return "is registers, not memory";
    if (!frame)
        return "is no memory";
    *byte = phys_frame_host(m->phys, frame)[phys & (PAGE_SIZE - 1)];
    return NULL;
}

static void add_dump(struct answer *a, u64 addr, const u8 *data, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    char *hex = malloc(2 * len + 1);
    for (size_t row = 0; row < len; row += DUMP_ROW) {
        size_t n = MIN(len - row, (size_t)DUMP_ROW);
        fprintf(a->text, "0x%08llX ", (unsigned long long)(addr + row));
        for (size_t i = 0; i < n; i++)
            fprintf(a->text, " %02X", data[row + i]);
        fprintf(a->text, "%*s  |", (int)(3 * (DUMP_ROW - n)), "");
        for (size_t i = 0; i < n; i++)
            fputc(data[row + i] < 0x80 && isprint(data[row + i]) ? data[row + i] : '.', a->text);
        fputs("|\n", a->text);
    }
    char address[32];
    snprintf(address, sizeof address, "0x%08llX", (unsigned long long)addr);
    cJSON_AddStringToObject(a->json, "address", address);
    for (size_t i = 0; hex && i < len; i++) {
        hex[2 * i] = digits[data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    if (hex) {
        hex[2 * len] = 0;
        cJSON_AddStringToObject(a->json, "data", hex);
    }
    free(hex);
}

/* A number below END: decimal, or hexadecimal after 0x. */
static int parse_number(struct answer *a, const char *text, const char *what, u64 end, u64 *value)
{
    char *stop;
    bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
    errno = 0;
    *value = strtoull(hex ? text + 2 : text, &stop, hex ? 16 : 10);
    bool digit = hex ? isxdigit((u8)text[2]) : isdigit((u8)text[0]);
    if (errno || !digit || *stop || *value >= end)
        return answer_error(a, "%s is a number below 0x%llX, like 4096 or 0x1000, not '%.40s'", what,
                            (unsigned long long)end, text);
    return 0;
}

static int dump(struct answer *a, bool linear)
{
    const struct mmu *m = &pc_cpu(a->env->pc)->mmu;
    u64 end = linear ? LINEAR_END : PHYSICAL_END, addr, len = DUMP_DEFAULT;
    const char *why = NULL;
    int r = parse_number(a, a->arg[0], "ADDR", end, &addr);
    if (r == 0 && a->arg[1])
        r = parse_number(a, a->arg[1], "LEN", DUMP_MAX + 1, &len);
    if (r)
        return r;
    u8 *data = malloc(DUMP_MAX);
    size_t n = 0;
    if (!data)
        return answer_error(a, "not enough memory");
    for (len = MIN(len, end - addr); n < len && !why; n += !why)
        why = read_byte(m, linear, addr + n, &data[n]);
    if (why && n == 0)
        r = answer_error(a, "0x%08llX %s", (unsigned long long)addr, why);
    else
        add_dump(a, addr, data, n);
    if (why && n > 0)
        answer_field(a, "end", "0x%08llX %s", (unsigned long long)(addr + n), why);
    free(data);
    return r;
}

int monitor_dump_linear(struct answer *a)
{
    return dump(a, true);
}

int monitor_dump_physical(struct answer *a)
{
    return dump(a, false);
}
