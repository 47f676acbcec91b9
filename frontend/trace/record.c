/*
 * record.c - the names of what is in a trace.
 */
#include "frontend/trace/record.h"
#include "cpu/observe.h"

const struct trace_reg_row trace_regs[TRACE_REGS_ALL] = {
#define R(id, name, digits) {name, digits},
#include "frontend/trace/regs.def"
#undef R
};

const char *const trace_kind_names[TRACE_KIND_COUNT] = {
#define K(id, name, help) name,
    TRACE_KINDS(K)
#undef K
};

const char *const trace_source_names[TRACE_SOURCE_COUNT] = {
#define S(id, name) [EVENT_##id] = name,
    TRACE_SOURCES(S)
#undef S
};
