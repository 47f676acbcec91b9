/*
 * runner.c - runs the oracle's cases natively: a 32-bit program without a C library, so that no 32-bit
 * library is needed to build it. Linux on x86-64.
 *
 * Protocol: descriptor 3 is the shared memory (struct oracle_shm). A 32-bit number n on standard input asks for cases
 * 0 to n-1; a byte on standard output says that their results are there. End of input ends the program. Before the
 * first request one byte says that it is ready.
 */
#include "proto.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

/* The layout is known to runner_entry.S. */
struct run_state {
    u8 in_fx[512], out_fx[512];
    u32 r[8];
    u32 eflags;
    u16 sel[6];
    u32 target, target_sel;
    u32 esp, ss;
    u32 saved_esp;
    u32 flat;
    u32 environment[7]; /* FNSTENV's: the pointers are in 3 to 6 */
} __attribute__((aligned(64)));

extern struct run_state state;
struct run_state state;

int run_case(void);
void run_exit(void);
__attribute__((noreturn)) void run_abort(void);
void signal_entry(void);
void signal_restorer(void);
int syscall6(int n, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f);
__attribute__((noreturn)) void runner_main(void);
void signal_handler(int sig, const void *info, const u8 *context);

static struct oracle_shm *const shm = (struct oracle_shm *)ORACLE_SHM;
static struct oracle_result *result; /* of the case in hand; null between cases */
static u8 signal_stack[65536] __attribute__((aligned(64)));

/* GCC may call these. */
void *memcpy(void *to, const void *from, unsigned n);
void *memset(void *to, int value, unsigned n);

void *memcpy(void *to, const void *from, unsigned n)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int value, unsigned n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
    return start;
}

/* ---- Linux ---- */

enum {
    SYS_EXIT = 1,
    SYS_READ = 3,
    SYS_WRITE = 4,
    SYS_MUNMAP = 91,
    SYS_MODIFY_LDT = 123,
    SYS_MPROTECT = 125,
    SYS_SIGACTION = 174,
    SYS_SIGALTSTACK = 186,
    SYS_MMAP2 = 192,
    SYS_SET_THREAD_AREA = 243,
};

enum {
    PROT_READ = 1,
    PROT_WRITE = 2,
    PROT_EXEC = 4,
    MAP_SHARED = 1,
    MAP_FIXED = 16,
    MAP_PRIVATE = 2,
    MAP_ANON = 32,
    MAP_POPULATE = 0x8000
};
enum { SA_SIGINFO = 4, SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000, SA_NODEFER = 0x40000000 };
enum { SIG_ILL = 4, SIG_TRAP = 5, SIG_BUS = 7, SIG_FPE = 8, SIG_SEGV = 11 };

/* What ends the program with a fault of the set-up; the oracle prints the number. */
static void require(int ok, u32 number)
{
    if (!ok)
        syscall6(SYS_EXIT, number, 0, 0, 0, 0, 0);
}

static void map(u32 at, u32 size, u32 prot, u32 offset)
{
    u32 got = (u32)syscall6(SYS_MMAP2, at, size, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, 3, offset / ORACLE_PAGE);
    require(got == at, 20);
    /* A page that is not in the page tables yet would show in error codes. */
    for (u32 page = 0; page < size; page += ORACLE_PAGE)
        (void)*(volatile const u8 *)(at + page);
}

/* Takes away what the kernel put into the address space, so that a wild pointer of a case faults. */
static void unmap(u32 from, u32 to)
{
    require(syscall6(SYS_MUNMAP, from, to - from, 0, 0, 0, 0) == 0, 21);
}

struct user_desc {
    u32 entry, base, limit, flags;
};

enum { DESC_32BIT = 1, DESC_CONTENTS = 1, DESC_READ_ONLY = 8, DESC_PAGES = 16, DESC_USEABLE = 64 };

static void make_segment(const struct oracle_segment *s)
{
    struct user_desc d = {.entry = s->sel >> 3, .base = s->base, .limit = s->limit, .flags = DESC_USEABLE};
    d.flags |= (s->wide ? DESC_32BIT : 0) | (u32)(s->code ? 2 : s->down) << DESC_CONTENTS;
    d.flags |= s->read_only ? DESC_READ_ONLY : 0;
    if (s->limit > 0xFFFFF) {
        d.limit >>= 12;
        d.flags |= DESC_PAGES;
    }
    if (s->sel & 4) {
        if (syscall6(SYS_MODIFY_LDT, 0x11, (u32)&d, sizeof d, 0, 0, 0) != 0)
            shm->has_ldt = 0;
    } else {
        require(syscall6(SYS_SET_THREAD_AREA, (u32)&d, 0, 0, 0, 0, 0) == 0, 22);
    }
}

static void catch_signals(void)
{
    struct {
        u32 handler, flags, restorer, mask[2];
    } action = {(u32)signal_entry, SA_SIGINFO | SA_RESTORER | SA_ONSTACK | SA_NODEFER, (u32)signal_restorer, {0, 0}};
    struct {
        u32 at, flags, size;
    } stack = {(u32)signal_stack, 0, sizeof signal_stack};
    static const u8 caught[] = {SIG_ILL, SIG_TRAP, SIG_BUS, SIG_FPE, SIG_SEGV};
    require(syscall6(SYS_SIGALTSTACK, (u32)&stack, 0, 0, 0, 0, 0) == 0, 23);
    for (unsigned i = 0; i < sizeof caught; i++)
        require(syscall6(SYS_SIGACTION, caught[i], (u32)&action, 0, 8, 0, 0) == 0, 24);
}

/* ---- one case ---- */

/* Offsets in the signal's context: general registers of ucontext, then the FXSAVE image behind the FSAVE one. */
enum {
    UC_GS = 20,
    UC_FS = 24,
    UC_ES = 28,
    UC_DS = 32,
    UC_EDI = 36, /* then ESI EBP ESP EBX EDX ECX EAX */
    UC_TRAP = 68,
    UC_ERROR = 72,
    UC_EIP = 76,
    UC_CS = 80,
    UC_EFLAGS = 84,
    UC_SS = 92,
    UC_FPSTATE = 96,
    UC_CR2 = 104,
    FPSTATE_FX = 112,
};

enum { FX_FOP = 6, FX_FIP = 8, FX_FDP = 16 };

static u32 word(const u8 *p, u32 off)
{
    return *(const u32 *)(p + off);
}

void signal_handler(int sig, const void *info, const u8 *context)
{
    struct oracle_result *r = result;
    require(r != 0, 30);
    r->vector = (int32_t)word(context, UC_TRAP);
    r->error = word(context, UC_ERROR);
    r->cr2 = r->vector == 14 ? word(context, UC_CR2) : 0;
    r->ip = word(context, UC_EIP);
    r->eflags = word(context, UC_EFLAGS);
    for (unsigned i = 0; i < 8; i++) {
        static const u8 place[8] = {7, 6, 5, 4, 3, 2, 1, 0};
        r->r[i] = word(context, UC_EDI + place[i] * 4u);
    }
    r->sel[OSEL_ES] = (u16)word(context, UC_ES);
    r->sel[OSEL_CS] = (u16)word(context, UC_CS);
    r->sel[OSEL_SS] = (u16)word(context, UC_SS);
    r->sel[OSEL_DS] = (u16)word(context, UC_DS);
    r->sel[OSEL_FS] = (u16)word(context, UC_FS);
    r->sel[OSEL_GS] = (u16)word(context, UC_GS);
    memcpy(r->fx, (const u8 *)word(context, UC_FPSTATE) + FPSTATE_FX, 512);
    run_abort();
}

static void load_case(const struct oracle_case *c)
{
    memcpy(shm->code + c->code_at, c->code, c->code_len);
    for (unsigned i = 0; i < c->patches; i++)
        memcpy(shm->data + c->patch[i].off, c->bytes + c->patch[i].at, c->patch[i].len);
    memcpy(state.in_fx, c->fx, 512);
    for (unsigned i = 0; i < 8; i++)
        state.r[i] = (u32)c->r[i];
    memcpy(state.sel, c->sel, sizeof state.sel);
    state.eflags = c->eflags;
    state.target = (u32)c->ip;
    state.target_sel = c->sel[OSEL_CS];
    state.esp = (u32)c->r[4];
    state.ss = c->sel[OSEL_SS];
}

static void store_result(const struct oracle_case *c, struct oracle_result *r)
{
    r->vector = -1;
    r->error = 0;
    r->cr2 = 0;
    r->ip = c->ip + c->insn_len;
    r->eflags = state.eflags;
    for (unsigned i = 0; i < 8; i++)
        r->r[i] = state.r[i];
    memcpy(r->sel, state.sel, sizeof r->sel);
    r->sel[OSEL_CS] = c->sel[OSEL_CS];
    r->sel[OSEL_DS] = c->sel[OSEL_DS];
    memcpy(r->fx, state.out_fx, 512);
    *(u16 *)(r->fx + FX_FOP) = state.environment[4] >> 16 & 0x7FF;
    *(u32 *)(r->fx + FX_FIP) = state.environment[3];
    *(u32 *)(r->fx + FX_FDP) = state.environment[5];
}

static void run(const struct oracle_case *c, struct oracle_result *r)
{
    load_case(c);
    result = r;
    if (run_case() == 0)
        store_result(c, r);
    result = 0;
    oracle_note_changes(r, shm->data, shm->pristine);
    if (r->changes || c->patches)
        memcpy(shm->data, shm->pristine, ORACLE_DATA_SIZE);
    memset(shm->code + c->code_at, 0xCC, c->code_len);
}

/* ---- */

/* ORACLE_EXIT leads to run_exit(). */
static void make_exit(void)
{
    u32 got = (u32)syscall6(SYS_MMAP2, ORACLE_EXIT, ORACLE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANON | MAP_FIXED, (u32)-1, 0);
    require(got == ORACLE_EXIT, 25);
    u8 *p = (u8 *)ORACLE_EXIT;
    *p = 0xE9;
    *(u32 *)(p + 1) = (u32)run_exit - (ORACLE_EXIT + 5);
    require(syscall6(SYS_MPROTECT, ORACLE_EXIT, ORACLE_PAGE, PROT_READ | PROT_EXEC, 0, 0, 0) == 0, 26);
}

void runner_main(void)
{
    extern u8 __executable_start[], _end[];
    u32 low = (u32)__executable_start & ~(ORACLE_PAGE - 1u), high = ((u32)_end + ORACLE_PAGE) & ~(ORACLE_PAGE - 1u);
    unmap(0x10000, low);
    unmap(high, 0xFFFFE000);
    map(ORACLE_SHM, sizeof(struct oracle_shm), PROT_READ | PROT_WRITE, 0);
    map(ORACLE_CODE, ORACLE_CODE_SIZE, PROT_READ | PROT_EXEC, 0);
    map(ORACLE_DATA, ORACLE_WRITABLE, PROT_READ | PROT_WRITE, ORACLE_CODE_SIZE);
    map(ORACLE_DATA + ORACLE_WRITABLE, ORACLE_DATA_SIZE - ORACLE_WRITABLE, PROT_READ,
        ORACLE_CODE_SIZE + ORACLE_WRITABLE);
    make_exit();
    static const struct oracle_segment segments[] = {ORACLE_SEGMENTS};
    shm->has_ldt = 1;
    for (unsigned i = 0; i < sizeof segments / sizeof segments[0]; i++)
        make_segment(&segments[i]);
    state.flat = ORACLE_SEL_DATA;
    catch_signals();
    memset(shm->code, 0xCC, ORACLE_CODE_SIZE);
    memcpy(shm->data, shm->pristine, ORACLE_DATA_SIZE);
    u32 n = 0;
    do {
        for (u32 i = 0; i < n; i++) {
            shm->current = i;
            run(&shm->cases[i], &shm->results[i]);
        }
        syscall6(SYS_WRITE, 1, (u32) "", 1, 0, 0, 0);
    } while (syscall6(SYS_READ, 0, (u32)&n, 4, 0, 0, 0) == 4);
    syscall6(SYS_EXIT, 0, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}
