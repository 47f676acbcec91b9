/*
 * options.c - parsing the command line and printing what it can be.
 */
#include "frontend/options.h"
#include "frontend/step/stepcmd.h"
#include "frontend/step/view.h"
#include "frontend/trace/record.h"
#include "translator/engine.h"
#include <errno.h>
#include <stdlib.h>

struct option_row {
    const char *name, *argument, *group, *help;
};

static const struct option_row rows[] = {
#define OPT(id, name, argument, group, help) {name, argument, group, help},
#include "frontend/options.def"
#undef OPT
};

static int complain(const char *format, const char *what)
{
    fputs("ombra: ", stderr);
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    return -EINVAL;
}

/* A number with an optional suffix K, M, G: powers of KILO. */
static int parse_scaled(const char *text, const char *name, u64 kilo, u64 low, u64 high, u64 *value)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 0);
    u64 scale = *end == 'K' || *end == 'k' ? kilo : *end == 'M' ? kilo * kilo : *end == 'G' ? kilo * kilo * kilo : 1;
    if (scale > 1)
        end++;
    if (errno || end == text || *end || *text == '-' || v > high / scale || v * scale < low) {
        fprintf(stderr, "ombra: --%s takes a number from %llu to %llu, not '%s'\n", name, (unsigned long long)low,
                (unsigned long long)high, text);
        return -EINVAL;
    }
    *value = v * scale;
    return 0;
}

static int parse_number(const char *text, const char *name, u64 low, u64 high, u64 *value)
{
    return parse_scaled(text, name, 1000, low, high, value);
}

static int parse_word(const char *text, const char *name, const char *const *words, int *value)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *value = i;
            return 0;
        }
    fprintf(stderr, "ombra: --%s takes", name);
    for (int i = 0; words[i]; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : words[i + 1] ? "," : " or", words[i]);
    fprintf(stderr, ", not '%s'\n", text);
    return -EINVAL;
}

static int add(const char **list, unsigned *count, unsigned max, const char *value, const char *name)
{
    if (*count == max) {
        fprintf(stderr, "ombra: --%s can be given %u times at most\n", name, max);
        return -EINVAL;
    }
    list[(*count)++] = value;
    return 0;
}

static int parse_boot(struct options *o, const char *v)
{
    if (!*v || strspn(v, "acd") != strlen(v) || strlen(v) > 3)
        return complain("--boot takes up to three of the letters a, c and d, not '%s'", v);
    o->boot = v;
    return 0;
}

static int parse_seconds(struct options *o, const char *v)
{
    char *end;
    double s = strtod(v, &end);
    if (end == v || *end || !(s > 0) || s > 1e9)
        return complain("--max-time takes a number of seconds, not '%s'", v);
    o->max_ns = (u64)(s * 1e9);
    return 0;
}

static int set_word(struct options *o, enum option_id id, const char *v)
{
    static const char *const displays[] = {"sdl", "terminal", "none", NULL};
    static const char *const clocks[] = {"wall", "virtual", NULL};
    static const char *const engines[] = {"interp", "ir", "jit", NULL};
    static const char *const faults[] = {"reset", "stop", NULL};
    static const char *const adapters[] = {"pci", "isa", NULL};
    static const char *const formats[] = {"text", "binary", NULL};
    int n = 0, r;
    switch (id) {
    case OPTION_DISPLAY:
        r = parse_word(v, "display", displays, &n);
        o->display = DISPLAY_SDL + n;
        return r;
    case OPTION_VGA:
        r = parse_word(v, "vga", adapters, &n);
        o->isa_vga = n == 1;
        return r;
    case OPTION_TRACEFORMAT:
        r = parse_word(v, "trace-format", formats, &n);
        o->trace_binary = n == 1;
        return r;
    case OPTION_CLOCK:
        r = parse_word(v, "clock", clocks, &n);
        o->clock = CLOCK_WALL + n;
        return r;
    case OPTION_ENGINE:
        r = parse_word(v, "engine", engines, &n);
        o->engine = (enum pc_engine)n;
        return r;
    default:
        r = parse_word(v, "on-triple-fault", faults, &n);
        o->stop_on_triple_fault = n == 1;
        return r;
    }
}

/* Where a plain string option goes. */
static const char **string_slot(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_KERNEL:
        return &o->kernel;
    case OPTION_INITRD:
        return &o->initrd;
    case OPTION_APPEND:
        return &o->append;
    case OPTION_BIOS:
        return &o->bios;
    case OPTION_VGABIOS:
        return &o->vgabios;
    case OPTION_CPU:
        return &o->cpu;
    case OPTION_RTC:
        return &o->rtc;
    case OPTION_CMOS:
        return &o->cmos;
    case OPTION_SCREENSHOT:
        return &o->screenshot;
    case OPTION_TEXTDUMP:
        return &o->text_dump;
    case OPTION_KEYS:
        return &o->keys;
    case OPTION_PARALLEL:
        return &o->parallel;
    case OPTION_DEBUGCON:
        return &o->debugcon;
    case OPTION_GDB:
        return &o->gdb;
    case OPTION_TRACE:
        return &o->trace;
    case OPTION_TRACEFILE:
        return &o->trace_file;
    case OPTION_DUMP:
        return &o->dump;
    case OPTION_SCRIPT:
        return &o->script;
    case OPTION_LOG:
        return &o->log;
    case OPTION_LOGFILE:
        return &o->log_file;
    case OPTION_SAVE:
        return &o->save;
    case OPTION_LOAD:
        return &o->load;
    case OPTION_RECORD:
        return &o->record;
    case OPTION_REPLAY:
        return &o->replay;
    case OPTION_MONITOR:
        return &o->monitor;
    case OPTION_MONITORJSON:
        return &o->monitor_json;
    default:
        return NULL;
    }
}

static bool *switch_slot(struct options *o, enum option_id id)
{
    switch (id) {
    case OPTION_SNAPSHOT:
        return &o->snapshot;
    case OPTION_NOAPIC:
        return &o->no_apic;
    case OPTION_EXITPORT:
        return &o->exit_port;
    case OPTION_SOFTFP:
        return &o->soft_float;
    case OPTION_VERIFY:
        return &o->verify;
    case OPTION_STATS:
        return &o->stats;
    case OPTION_HELP:
        return &o->help;
    case OPTION_MAN:
        return &o->man;
    default:
        return &o->version;
    }
}

static int set_value(struct options *o, enum option_id id, const char *v)
{
    const char *name = rows[id].name;
    switch (id) {
    case OPTION_HD:
        return add(o->hd, &o->hds, OPTIONS_HD, v, name);
    case OPTION_CD:
        return add(o->cd, &o->cds, OPTIONS_CD, v, name);
    case OPTION_FD:
        return add(o->fd, &o->fds, OPTIONS_FD, v, name);
    case OPTION_SERIAL:
        return add(o->serial, &o->serials, OPTIONS_SERIAL, v, name);
    case OPTION_SYMBOLS:
        return add(o->symbols, &o->symbol_files, OPTIONS_SYMBOLS, v, name);
    case OPTION_MEM:
        return parse_number(v, name, 1, 65536, &o->mem_mb);
    case OPTION_REWIND:
        return parse_number(v, name, 0, 1 << 20, &o->rewind_mb);
    case OPTION_THRESHOLD:
        return parse_number(v, name, 0, ENGINE_THRESHOLD_MAX, &o->threshold);
    case OPTION_CACHE:
        return parse_scaled(v, name, 1024, ENGINE_CACHE_MIN, 1 << 30, &o->code_cache);
    case OPTION_MAXINSN:
        return parse_number(v, name, 1, (u64)1 << 62, &o->max_instructions);
    case OPTION_MAXTIME:
        return parse_seconds(o, v);
    case OPTION_BOOT:
        return parse_boot(o, v);
    case OPTION_DISPLAY:
    case OPTION_VGA:
    case OPTION_CLOCK:
    case OPTION_ENGINE:
    case OPTION_TRACEFORMAT:
    case OPTION_TRIPLE:
        return set_word(o, id, v);
    default:
        *string_slot(o, id) = v;
        return 0;
    }
}

/* The row that TEXT (without dashes, up to '=') names, or OPTION_COUNT. */
static unsigned find_row(const char *text)
{
    size_t len = strcspn(text, "=");
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, text, len) == 0)
            return i;
    return OPTION_COUNT;
}

/* Parses argv[*I], taking a value from the next word if need be. */
static int parse_option(struct options *o, int argc, char **argv, int *i)
{
    const char *text = argv[*i] + (argv[*i][1] == '-' ? 2 : 1);
    unsigned id = find_row(text);
    const char *value = strchr(text, '=');
    if (id == OPTION_COUNT)
        return complain("unknown option '%s'; 'ombra --help' lists all", argv[*i]);
    if (!rows[id].argument) {
        if (value)
            return complain("--%s takes no value", rows[id].name);
        *switch_slot(o, id) = true;
        return 0;
    }
    if (value)
        return set_value(o, id, value + 1);
    if (*i + 1 >= argc) {
        fprintf(stderr, "ombra: --%s needs a value: --%s %s\n", rows[id].name, rows[id].name, rows[id].argument);
        return -EINVAL;
    }
    return set_value(o, id, argv[++*i]);
}

int options_parse(struct options *o, int argc, char **argv)
{
    bool only_images = false;
    memset(o, 0, sizeof *o);
    o->mem_mb = 128;
    o->rewind_mb = REWIND_UNSET;
    o->engine = engine_has_host() ? PC_JIT : PC_INTERP;
    o->threshold = THRESHOLD_UNSET;
    o->step = argc > 1 && strcmp(argv[1], "step") == 0;
    for (int i = 1 + o->step; i < argc; i++) {
        if (!only_images && strcmp(argv[i], "--") == 0) {
            only_images = true;
        } else if (!only_images && argv[i][0] == '-' && argv[i][1]) {
            int r = parse_option(o, argc, argv, &i);
            if (r)
                return r;
        } else if (o->images == OPTIONS_MAX_IMAGES) {
            return complain("too many images, '%s' is one too much", argv[i]);
        } else {
            o->image[o->images++] = argv[i];
        }
    }
    if (o->trace && options_rewind(o))
        return complain("--trace and %s exclude each other: what is done again would be written again", "--rewind");
    if (o->step && o->verify)
        return complain("--verify does not go with '%s'", "ombra step");
    if (o->record && o->replay)
        return complain("--record and %s exclude each other", "--replay");
    if (o->replay && o->keys)
        return complain("--replay and %s exclude each other; the recording has what was typed", "--keys");
    if (o->script && !o->step)
        return complain("%s goes with 'ombra step'", "--script");
    if (!o->kernel && (o->initrd || o->append) && o->images == 0)
        return complain("%s goes with --kernel", o->initrd ? "--initrd" : "--append");
    if (!o->trace && (o->trace_file || o->trace_binary))
        return complain("%s goes with --trace", o->trace_file ? "--trace-file" : "--trace-format");
    if (o->trace_binary && !o->trace_file)
        return complain("--trace-format binary needs a file: %s", "--trace-file FILE");
    return 0;
}

u64 options_rewind(const struct options *o)
{
    enum { DEFAULT_MB = 256 };
    u64 mb = o->rewind_mb == REWIND_UNSET ? (o->gdb && !o->trace ? DEFAULT_MB : 0) : o->rewind_mb;
    return mb << 20;
}

bool options_untouched(const struct options *o)
{
    return o->snapshot || o->record || o->replay || options_rewind(o) > 0;
}

static void help_row(FILE *out, const struct option_row *r)
{
    char left[64];
    int width = 0;
    snprintf(left, sizeof left, "--%s %s", r->name, r->argument ? r->argument : "");
    fprintf(out, "  %-30s", left);
    for (const char *p = r->help; *p;) { /* wrap the help text at column 100 */
        size_t word = strcspn(p, " ");
        if (width + (int)word > 68) {
            fprintf(out, "\n%32s", "");
            width = 0;
        }
        fprintf(out, " %.*s", (int)word, p);
        width += (int)word + 1;
        p += word + (p[word] == ' ');
    }
    fputc('\n', out);
}

void options_help(FILE *out)
{
    fputs("usage: ombra [options] [IMAGE...]\n"
          "       ombra step [options] [IMAGE...]\n\n"
          "Runs a PC in software. What an IMAGE is (floppy, hard disk, CD, kernel) is found by looking at it.\n"
          "Without any image a small guided tour of the machine starts. The man page ('ombra --man') has more.\n",
          out);
    const char *group = "";
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(group, rows[i].group) != 0) {
            group = rows[i].group;
            fprintf(out, "\n%s:\n", group);
        }
        help_row(out, &rows[i]);
    }
}

/* Text with the characters that mdoc would take for its own escaped. */
static void man_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void man_key_scripts(FILE *out)
{
    static const struct {
        const char *name, *shown, *help;
    } statements[] = {
#define K(name, kind, argument, least, most, shown, help) {name, shown, help},
#include "frontend/keyscript.def"
#undef K
    };
    fputs(".Sh KEY SCRIPTS\nStatements are separated by ';' or new lines; '#' begins a comment. Texts stand in single "
          "or double\n"
          "quotes and know \\en \\et \\er \\ee \\eb \\e\\e \\exHH; times are 2s, 500ms or 100us of the guest's time.\n"
          ".Bl -tag -width Ds\n",
          out);
    for (unsigned i = 0; i < ARRAY_LEN(statements); i++) {
        fputs(".It Cm ", out);
        man_text(out, statements[i].name);
        fprintf(out, " Ar %s\n", statements[i].shown);
        man_text(out, statements[i].help);
        fputc('\n', out);
    }
    fputs(".El\n", out);
}

static void man_monitor(FILE *out)
{
    static const struct {
        const char *name, *other, *shown, *help;
    } commands[] = {
#define M(name, other, function, least, most, shown, help) {name, other, shown, help},
#include "frontend/monitor.def"
#undef M
    };
    fputs(
        ".Sh MONITOR\nOne command a line. Quotes hold words together; numbers are decimal, or hexadecimal after 0x.\n"
        "A line that is refused changes nothing; the answer then begins with\n.Ql error: .\n"
        "With\n.Fl Fl monitor\\-json\na line is an object, arguments have the names below in lower case, and so is the "
        "answer:\n"
        ".Bd -literal -offset indent\n"
        "{\"execute\": \"x\", \"arguments\": {\"addr\": \"0x7C00\", \"len\": 4}, \"id\": 1}\n"
        "{\"return\": {\"address\": \"0x00007C00\", \"data\": \"EB3C904D\"}, \"id\": 1}\n"
        "{\"error\": \"reset takes no argument\", \"id\": 2}\n"
        ".Ed\n.Bl -tag -width Ds\n",
        out);
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(out, ".It Cm %s", commands[i].name);
        if (*commands[i].other)
            fprintf(out, " No , Cm %s", commands[i].other);
        if (*commands[i].shown)
            fprintf(out, " Ar %s", commands[i].shown);
        fputc('\n', out);
        man_text(out, commands[i].help);
        fputc('\n', out);
    }
    fputs(".El\n", out);
}

/* A name and what stands behind it, with its keys. */
static void man_item(FILE *out, const char *name, const char *shown, const char *keys, const char *help)
{
    fputs(".It Cm ", out);
    man_text(out, name);
    if (*shown) {
        fputs(" Ar ", out);
        man_text(out, shown);
    }
    fputc('\n', out);
    man_text(out, help);
    if (*keys) {
        fputs(" (key: ", out);
        man_text(out, keys);
        fputc(')', out);
    }
    fputc('\n', out);
}

static void man_stepper(FILE *out)
{
    char keys[24], key[8];
    fputs(
        ".Sh LOOKING INSIDE\n.Nm\n.Cm step\n.Op Ar options\n.Op Ar image ...\n"
        "stands before the first instruction of the BIOS and shows the machine in the terminal: instructions with what "
        "the\nnext one will do and what the last one did, registers, memory and stack, and by keys everything else.\n"
        "The guest's time is virtual, what it writes to images is forgotten at the end, and everything can be taken "
        "back.\n"
        "In a running machine\n.Ql Ctrl+] i\nin the terminal display, or Ctrl+Alt+I in the window, opens the same view "
        "in the terminal\nthat the program was started from, without a way back in time; the guest stands still "
        "until it is left.\n"
        ".Pp\nNumbers in addresses and conditions are hexadecimal as on the screen (10. is ten, 0x10 and 10h are as "
        "always);\nhow often is decimal. Expressions know registers, flags, control registers, symbols,\n"
        ".Ql ds:si\nand\n.Ql 7C0:10\nas linear addresses,\n.Ql word [es:di]\nas memory, and C's operators but for "
        "division.\n"
        ".Pp\nWith\n.Fl Fl script\nthe commands come from a file, one a line;\n.Ql #\nbegins a comment. Each prints "
        "what a person would see. A script with a mistake is not\nbegun: one line with its place, exit status 2. A "
        "command that fails ends it with status 1.\n.Bl -tag -width Ds\n",
        out);
    for (const struct stepcmd_row *r = stepcmd_rows; r->name; r++) {
        stepcmd_keys(r, keys, sizeof keys);
        man_item(out, r->name, r->shown, keys, r->help);
    }
    fputs(".El\n.Pp\nThese are the views:\n.Bl -tag -width Ds\n", out);
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        man_item(out, view_rows[i].name, "", view_rows[i].key ? stepcmd_key_name(view_rows[i].key, key) : "",
                 view_rows[i].help);
    fputs(".El\n", out);
}

static void man_debugging(FILE *out)
{
    fputs(".Sh DEBUGGING\nWith\n.Fl Fl gdb\nthe guest stands before its first instruction until GDB connects with\n"
          ".Ql target remote PORT\n(or the path of the socket) and lets it run; with GDB gone it runs on, and GDB may "
          "come again.\n"
          "Only programs on the same host can connect, unless an address is written before the port; whoever connects\n"
          "controls the guest.\n"
          ".Pp\nBreakpoints and watchpoints are kept outside of the guest's memory and debug registers; the guest "
          "cannot see them,\nand its time stands still while it is stopped.\n"
          "The command\n.Ic watch\nstops behind the instruction that wrote,\n.Ic rwatch\nbehind one that only "
          "read.\n"
          "A single step that meets a fault or an interrupt ends before the handler's first instruction.\n"
          "Registers of devices cannot be read or written as memory.\n"
          ".Pp\nAddresses are linear. In real mode, and wherever a segment has a base, GDB knows only the offset in "
          "EIP;\nadd the base:\n"
          ".Bd -literal -offset indent\n(gdb) set architecture i8086\n(gdb) x/5i $cs_base+$eip\n"
          "(gdb) break *($cs_base+0x10)\n(gdb) x/8xh $ss_base+$esp\n.Ed\n"
          ".Pp\nThe bases, control and debug registers are read with\n.Ic info registers system .\n"
          "They cannot be changed, nor can selectors in protected mode.\n"
          ".Ic monitor help\nlists further commands.\n"
          ".Pp\nThe guest can go back in time:\n.Ic reverse-stepi\nand\n.Ic reverse-continue\n"
          "go to before the last instruction, and to where a breakpoint or a watchpoint was hit last, or to the "
          "beginning;\na watchpoint stops in front of the instruction that wrote. From there the guest does again what "
          "it did, its output\nis not repeated, and what is typed at it is ignored, until it comes to where it was; a "
          "change of a register or of\nmemory makes another history. What the guest writes to disks goes back with it "
          "and is forgotten at the end, as with\n.Fl Fl snapshot ;\nwith\n.Fl Fl rewind Ar 0\nthere is no way back, "
          "and images are written to.\n",
          out);
}

static void man_recordings(FILE *out)
{
    fputs(".Sh RECORDINGS AND SAVED STATES\n"
          "A guest does the same again if the same comes to it at the same instructions. With\n.Fl Fl record\n"
          "everything that comes from outside is written to a file: keys, mouse, serial input, changed media, buttons, "
          "and how\nthe guest's clock was steered. With\n.Fl Fl replay ,\n"
          "the same options and the same images it comes again, and nothing else does; the run ends where the recorded "
          "one\nended. If the machine's state is not the same there, a line says so and the exit status is 1.\n"
          "The date is the recorded one. Images are left untouched by both.\n"
          ".Pp\nA state that\n.Fl Fl save\\-state\nwrote holds memory and devices, not what is on disks. It can be "
          "loaded only while the images are what they were\nwhen it was saved: memory that knows an older disk would "
          "destroy what is on it. With\n.Fl Fl snapshot\nthe images are left untouched, and it can be loaded always.\n",
          out);
}

static void man_traces(FILE *out)
{
    static const struct {
        const char *name, *help;
    } kinds[] = {
#define K(id, name, help) {name, help},
        TRACE_KINDS(K)
#undef K
    };
    fputs(".Sh TRACES\n.Fl Fl trace\nwrites down, one record a line, in the order in which things happen:\n"
          ".Bl -tag -width Ds\n",
          out);
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].help)
            fprintf(out, ".It Cm %s\n%s\n", kinds[i].name, kinds[i].help);
    fputs(
        ".El\nWhat an instruction reads and writes stands before its own line, which ends in the registers that it "
        "changed;\n"
        "lines with\n.Ql regs\nname those that changed in another way. FPU, MMX and SSE registers are looked at around "
        "instructions that use them.\n"
        "A read\\-modify\\-write is one write; fetching instructions is not shown.\n"
        ".Pp\nFilters follow the kinds:\n"
        ".Bl -tag -width Ds\n"
        ".It Cm addr= Ns Ar RANGE\nlinear address of the instruction that does it, or a name of\n.Fl Fl symbols\n"
        ".It Cm data= Ns Ar RANGE\nlinear address of the memory, for mem\n"
        ".It Cm port= Ns Ar RANGE\nnumber of the port, for port\n"
        ".It Cm cpl= Ns Ar RANGE\nprivilege level\n"
        ".It Cm cr3= Ns Ar RANGE\naddress space\n"
        ".It Cm count= Ns Ar RANGE\ninstructions since the start; K, M, G as suffixes. Outside of it the guest runs at "
        "full "
        "speed\n"
        ".El\nA range is\n.Ql 5 ,\n.Ql 0x7C00..0x7DFF ,\n.Ql 1M..\nor\n.Ql ..1M ;\nboth ends belong to it, and of a "
        "filter that is given several times any will do.\n"
        ".Pp\n.Nm\n.Cm diff\\-trace Ar A B\n.Op Fl Fl context Ar N\n.Op Fl Fl ignore Ar NAME[,NAME]\n"
        "finds the first difference of two traces in either form and prints it behind the N records before it (8), "
        "with the registers of both.\n"
        "Ignored may be registers by their names in traces, flags (AF),\n.Cm fpu\n(FPU, MMX and SSE) and\n.Cm count .\n"
        "It ends with status 0 if the traces are equal, 1 if they differ, 2 if one cannot be read. Runs that shall be "
        "equal want\n.Fl Fl clock Cm virtual\nand a fixed\n.Fl Fl rtc .\n",
        out);
}

void options_man(FILE *out)
{
    fputs(".Dd 2026-11-21\n.Dt OMBRA 1\n.Os\n.Sh NAME\n.Nm ombra\n.Nd a PC in software\n"
          ".Sh SYNOPSIS\n.Nm ombra\n.Op Ar options\n.Op Ar image ...\n.Nm\n.Cm step\n.Op Ar options\n.Op Ar image "
          "...\n.Nm ombra\n.Cm diff\\-trace Ar A B\n"
          ".Sh DESCRIPTION\nRuns a PC in software: unmodified x86 guests on any host.\n"
          "What an image is (floppy, hard disk, CD, kernel) is found by looking at it.\n"
          "Without any image a small guided tour of the machine starts.\n",
          out);
    const char *group = "";
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(group, rows[i].group) != 0) {
            fprintf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", *group ? ".El\n" : ".Sh OPTIONS\n", rows[i].group);
            group = rows[i].group;
        }
        fputs(".It Fl Fl ", out);
        man_text(out, rows[i].name);
        if (rows[i].argument)
            fprintf(out, " Ar %s", rows[i].argument);
        fputc('\n', out);
        man_text(out, rows[i].help);
        fputc('\n', out);
    }
    fputs(".El\n", out);
    man_key_scripts(out);
    man_monitor(out);
    man_stepper(out);
    man_debugging(out);
    man_recordings(out);
    man_traces(out);
    fputs(".Sh EXIT STATUS\n0 after the guest switched off, 1 if something failed while running, 2 if an option or a "
          "file\n"
          "cannot be used. With\n.Fl Fl exit\\-port\nthe status is the guest's.\n",
          out);
}
