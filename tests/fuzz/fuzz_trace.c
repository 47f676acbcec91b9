/*
 * fuzz_trace.c - trace files. An input is a byte of options and one that says where to cut the rest in two traces,
 * which are compared. Both get the right beginning by an option, so that not only headers are tried. A trace that is
 * read to its end equals itself.
 */
#define _GNU_SOURCE /* memfd_create */
#include "frontend/trace/code.h"
#include "frontend/trace/diff.h"
#include "frontend/trace/writer.h"
#include "tests/fuzz/fuzz.h"

enum { OPT_BINARY = 1, OPT_TEXT = 2, OPT_END = 4, OPT_CONTEXT = 8, HEAD_MAX = 64 };

static const char text_head[] = TRACE_TEXT_MAGIC "1: x\n", text_end[] = "\n# end\n";
static const u8 binary_head[] = {'O', 'M', 'B', 'R', 'A', 'T', 'R', 'C', TRACE_VERSION, TRACE_REGS_ALL, 0};

/* The trace of the N bytes at P with what OPTIONS put around it. */
static int file_of(const u8 *p, size_t n, u8 options, char path[32])
{
    u8 *all = malloc(n + HEAD_MAX + sizeof text_end);
    size_t len = 0;
    fuzz_check(all);
    if (options & OPT_BINARY)
        memcpy(all, binary_head, len = sizeof binary_head);
    else if (options & OPT_TEXT)
        memcpy(all, text_head, len = sizeof text_head - 1);
    memcpy(all + len, p, n);
    len += n;
    if (options & OPT_END && !(options & OPT_BINARY)) {
        memcpy(all + len, text_end, sizeof text_end - 1);
        len += sizeof text_end - 1;
    }
    int fd = fuzz_file(all, len, len, path);
    free(all);
    return fd;
}

static int compare(const char *a, const char *b, u8 options, FILE *out)
{
    char error[400] = "";
    struct trace_diff d = {.context = options & OPT_CONTEXT ? 3 : 0, .out = out};
    fuzz_check(trace_diff_ignore(&d, "AF,EDX"));
    int r = TRACE_DIFF_BAD;
    if (!trace_reader_open(&d.side[0], a, error, sizeof error) &&
        !trace_reader_open(&d.side[1], b, error, sizeof error))
        r = trace_diff_run(&d, error, sizeof error);
    fuzz_check(r == TRACE_DIFF_BAD ? error[0] && !strchr(error, '\n') : !error[0]);
    trace_reader_close(d.side[0]);
    trace_reader_close(d.side[1]);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    u8 options = fuzz_take8(&in);
    size_t first = fuzz_take8(&in) * in.left / 256, len;
    char path[2][32], *text;
    int fd[2] = {file_of(in.p, first, options, path[0]), file_of(in.p + first, in.left - first, options, path[1])};
    FILE *out = open_memstream(&text, &len);
    fuzz_check(out);
    compare(path[0], path[1], options, out);
    fuzz_check(compare(path[0], path[0], options, out) != TRACE_DIFF_DIFFERS);
    fclose(out);
    for (size_t i = 0; i < len; i++)
        fuzz_check(text[i] == '\n' || (text[i] >= ' ' && text[i] < 0x7F));
    free(text);
    close(fd[0]);
    close(fd[1]);
    return 0;
}

static const char *const lines = " 1 regs 0000:7C00 | EAX=00000001 EFL=00000002 CSBASE=0 BITS=16\n"
                                 " 1 block 0000:7C00\n"
                                 " 1 mem 0000:7C00 write 2 [5000] = 1234\n"
                                 " 1 insn 0000:7C00 A30050 mov word ptr [0x5000], ax\n"
                                 " 2 port 0000:7C03 out 1 [80] = 01\n"
                                 " 2 insn 0000:7C03 E680 out 0x80, al | EDX=5 EFL=00000012\n"
                                 " 3 int 0000:7C05 0D fault error 00000018\n";

/* The same, coded. */
static size_t code(u8 *out)
{
    static struct trace_code s;
    u64 regs[TRACE_REGS_ALL] = {1, [TRACE_REG_BITS] = 0x16};
    const struct trace_record records[] = {
        {.kind = TRACE_REGS, .count = 1, .ip = 0x7C00, .changed = BIT64(0) | BIT64(TRACE_REG_BITS)},
        {.kind = TRACE_BLOCK, .count = 1, .ip = 0x7C00},
        {.kind = TRACE_MEM, .count = 1, .ip = 0x7C00, .addr = 0x5000, .value = 0x1234, .size = 2, .write = true},
        {.kind = TRACE_INSN, .count = 1, .ip = 0x7C00, .len = 3, .bytes = {0xA3, 0, 0x50}, .changed = 3},
        {.kind = TRACE_PORT, .count = 2, .ip = 0x7C03, .addr = 0x80, .value = 1, .size = 1, .write = true},
        {.kind = TRACE_INT, .count = 2, .ip = 0x7C03, .vector = 13, .has_error = true, .error = 0x18},
    };
    size_t n = 0;
    memset(&s, 0, sizeof s);
    for (unsigned i = 0; i < ARRAY_LEN(records); i++)
        n += trace_encode(&s, &records[i], regs, out + n);
    return n + trace_encode_end(ARRAY_LEN(records), out + n);
}

size_t fuzz_seed(unsigned n, u8 *out)
{
    if (n >= 4)
        return 0;
    out[0] = (u8)((n & 1 ? OPT_BINARY : OPT_TEXT | OPT_END) | (n & 2 ? OPT_CONTEXT : 0));
    out[1] = 128;
    size_t len = 0;
    for (unsigned i = 0; i < 2; i++)
        if (n & 1) {
            len += code(out + 2 + len);
        } else {
            memcpy(out + 2 + len, lines, strlen(lines));
            len += strlen(lines);
        }
    return 2 + len;
}
