/*
 * options.h - the command line, parsed into struct options; --help and the man page from the same table.
 */
#ifndef OMBRA_FRONTEND_OPTIONS_H
#define OMBRA_FRONTEND_OPTIONS_H

#include "hw/pc.h"
#include <stdio.h>

enum option_id {
#define OPT(id, name, argument, group, help) OPTION_##id,
#include "frontend/options.def"
#undef OPT
    OPTION_COUNT
};

enum { OPTIONS_MAX_IMAGES = 16, OPTIONS_HD = 4, OPTIONS_CD = 4, OPTIONS_FD = 2, OPTIONS_SERIAL = 4, OPTIONS_SYMBOLS = 8 };

#define REWIND_UNSET (~(u64)0)
#define THRESHOLD_UNSET (~(u64)0)

enum display_kind { DISPLAY_AUTO, DISPLAY_SDL, DISPLAY_TERMINAL, DISPLAY_NONE };
enum clock_kind { CLOCK_AUTO, CLOCK_WALL, CLOCK_VIRTUAL };

struct options {
    const char *image[OPTIONS_MAX_IMAGES]; /* without an option: what they are is found by looking */
    unsigned images;
    const char *hd[OPTIONS_HD], *cd[OPTIONS_CD], *fd[OPTIONS_FD];
    unsigned hds, cds, fds;
    const char *kernel, *initrd, *append;
    const char *boot, *bios, *vgabios, *cpu, *rtc, *cmos;
    const char *screenshot, *text_dump, *keys;
    const char *serial[OPTIONS_SERIAL];
    unsigned serials;
    const char *symbols[OPTIONS_SYMBOLS];
    unsigned symbol_files;
    const char *parallel, *debugcon, *log, *log_file, *save, *load, *monitor, *monitor_json, *gdb, *trace, *trace_file, *dump;
    u64 mem_mb;
    const char *record, *replay;
    u64 rewind_mb;        /* REWIND_UNSET: as options_rewind() says */
    u64 max_instructions; /* 0: no end */
    u64 max_ns;           /* 0: no end */
    enum display_kind display;
    enum clock_kind clock;
    enum pc_engine engine;
    u64 threshold;        /* THRESHOLD_UNSET: a default */
    u64 code_cache;       /* bytes; 0: a default */
    bool snapshot, no_apic, stop_on_triple_fault, exit_port, soft_float, verify, isa_vga, stats, trace_binary;
    bool step; /* "ombra step" */
    const char *script;
    bool help, man, version;
};

/* Fills O from the command line. Returns 0, or -EINVAL after one line on standard error. */
int options_parse(struct options *o, int argc, char **argv);

/* Bytes for going back in time, 0: there is none. Whether images stay as they are, whatever the guest writes. */
u64 options_rewind(const struct options *o);
bool options_untouched(const struct options *o);

void options_help(FILE *out);

/* The man page in mdoc, options included. */
void options_man(FILE *out);

#endif
