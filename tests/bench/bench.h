/* bench.h - what the files of the benchmark binary share. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#define NOINLINE __attribute__((noinline))

struct program {
    const char *group, *name;
    uint32_t (*run)(void); /* returns a checksum that every correct processor agrees on */
    int times;             /* to be run, so that the start of the process does not count; 0: once */
};

/* The programs of a file; a row without a name ends each list. */
extern const struct program basic_programs[], string_programs[], compute_programs[], code_programs[], system_programs[],
    float_programs[];

/* Pseudo-random numbers, which begin anew with each program. */
uint32_t rnd(void);

#endif
