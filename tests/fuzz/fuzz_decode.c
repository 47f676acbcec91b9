/*
 * fuzz_decode.c - the decoder on any bytes: every processor model, 16 and 32 bits, and 64 bits with all
 * features; every number of valid bytes.
 */
#define _GNU_SOURCE /* memfd_create */
#include "cpu/cpu.h"
#include "cpu/decode.h"
#include "cpu/isa.h"
#include "tests/fuzz/fuzz.h"

/* One instruction with AVAIL of its bytes valid, which the sanitizers hold it to. */
static enum decode_result decode_some(const struct decode_mode *mode, const u8 *p, unsigned avail, struct insn *in)
{
    u8 *exact = malloc(avail ? avail : 1);
    fuzz_check(exact);
    memcpy(exact, p, avail);
    memset(in, 0xA5, sizeof *in);
    enum decode_result r = decode(mode, exact, avail, in);
    free(exact);
    return r;
}

static void check_insn(const struct insn *in, unsigned bits)
{
    unsigned base_max = bits == 64 ? BASE_RIP : REG_ZERO;
    fuzz_check(in->len >= 1 && in->len <= INSN_MAX_LEN);
    fuzz_check(in->op < ISA_COUNT && in->fn);
    fuzz_check(in->seg < SEG_COUNT);
    fuzz_check(!in->mem || (in->base <= base_max && in->index <= REG_ZERO));
    fuzz_check(bits == 64 ? in->adsize >= 1 : in->adsize <= 1 && in->opsize <= 1);
}

/* With fewer bytes than the instruction has the decoder asks for more, with more it finds the same. */
static void check_prefixes(const struct decode_mode *mode, const u8 *p, unsigned avail, const struct insn *whole)
{
    for (unsigned n = 0; n <= avail; n++) {
        struct insn in;
        enum decode_result r = decode_some(mode, p, n, &in);
        if (n < whole->len) {
            fuzz_check(r == DECODE_MORE);
            continue;
        }
        fuzz_check(r == DECODE_OK);
        fuzz_check(in.op == whole->op && in.len == whole->len && in.fn == whole->fn && in.imm == whole->imm);
    }
}

static void check_at(const struct decode_mode *mode, const u8 *p, size_t left)
{
    struct insn in;
    unsigned avail = (unsigned)MIN(left, (size_t)INSN_MAX_LEN);
    switch (decode_some(mode, p, avail, &in)) {
    case DECODE_OK:
        check_insn(&in, mode->bits);
        fuzz_check(in.len <= avail);
        check_prefixes(mode, p, avail, &in);
        break;
    case DECODE_MORE:
        fuzz_check(avail < INSN_MAX_LEN);
        break;
    case DECODE_TOO_LONG:
        fuzz_check(avail == INSN_MAX_LEN);
        break;
    }
}

/*
 * Each model's decoder, made when it is first wanted and never changed: making one takes longer than an input. The
 * last, behind all models, has all features.
 */
static const struct decoder *decoder_of(unsigned pick, bool long64)
{
    enum { MODELS_MAX = 16 };
    static struct decoder *decoders[MODELS_MAX + 1];
    unsigned models = 0;
    while (cpu_models[models].name)
        models++;
    fuzz_check(models <= MODELS_MAX);
    unsigned model = long64 ? models : pick % models;
    if (!decoders[model])
        decoders[model] = decoder_new(long64 ? ~(u32)0 : cpu_models[model].features);
    fuzz_check(decoders[model]);
    return decoders[model];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    unsigned pick = fuzz_take8(&in);
    bool long64 = pick & 0x80;
    struct decode_mode mode = {decoder_of(pick / 2, long64), long64 ? 64 : pick % 2 ? 32 : 16};
    for (size_t at = 0; at < MIN(in.left, (size_t)256); at++)
        check_at(&mode, in.p + at, in.left - at);
    return 0;
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    static const struct {
        u8 len;
        char bytes[20];
    } seeds[] = {
        {5, "\x00\xB8\x34\x12\xC3"},                          /* mov ax, 1234h; ret */
        {8, "\x01\xC7\x84\x8B\x44\x33\x22\x11"},              /* mov [ebx+ecx*4+disp32], cut short */
        {11, "\x07\x66\x0F\x38\x00\xC1\xF2\x0F\x58\xC1\xF4"}, /* SSE forms */
        {10, "\x06\xF3\x0F\xB8\xC1\xF0\x0F\xC7\x0F\xDF"},     /* LOCK CMPXCHG8B */
        {17, "\x03\x66\x67\x2E\x36\x3E\x26\x64\x65\xF0\xF2\xF3\x66\x67\x81\x84\x24"}, /* prefixes up to the limit */
        {9, "\x05\x9A\x78\x56\x34\x12\x08\x00\xDD"},                                  /* CALL ptr16:32 */
        {9, "\x04\xC8\x10\x00\x01\xDB\x28\xD9\xFA"},                                  /* ENTER, x87 */
        {14, "\x80\x48\x8B\x05\x10\x00\x00\x00\x67\x46\x8A\x74\xA5\x80"},             /* RIP-relative, REX with SIB */
        {16, "\x80\x49\xBF\xEF\xCD\xAB\x90\x78\x56\x34\x12\x66\x40\xF3\x41\x90"},     /* MOV r15, imm64; REX twice */
    };
    if (n >= ARRAY_LEN(seeds))
        return 0;
    memcpy(out, seeds[n].bytes, seeds[n].len);
    return seeds[n].len;
}
