#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct inner {
    u16 a;
    u8 b[3];
};

struct outer {
    u8 small;
    u32 wide;
    u64 list[3];
    u8 blob[10];
    struct inner one, many[2];
    struct timer timer;
};

static const struct field inner_fields[] = {
    FIELD(struct inner, a),
    FIELD_ARRAY(struct inner, b),
    FIELD_END,
};

static const struct field outer_fields[] = {
    FIELD(struct outer, small),
    FIELD(struct outer, wide),
    FIELD_ARRAY(struct outer, list),
    FIELD_BLOB(struct outer, blob),
    FIELD_SUB(struct outer, one, inner_fields),
    FIELD_SUBS(struct outer, many, inner_fields),
    FIELD_TIMEOUT(struct outer, timer),
    FIELD_END,
};

static struct outer sample(void)
{
    return (struct outer){
        .small = 7,
        .wide = 0xDEADBEEF,
        .list = {1, 2, ~(u64)0},
        .blob = "123456789",
        .one = {.a = 300, .b = {1, 2, 3}},
        .many = {{.a = 4, .b = {4, 5, 6}}, {.a = 65535, .b = {7, 8, 9}}},
        .timer = {.when = 123456789},
    };
}

static u64 hash(const struct outer *o)
{
    return state_hash(1, outer_fields, o);
}

static void test_roundtrip(void **ctx)
{
    struct outer in = sample(), out = {0};
    struct state_buf b = {0};

    state_save(&b, "first", 1, inner_fields, &in.one);
    state_save(&b, "outer", 3, outer_fields, &in);
    assert_false(b.failed);
    assert_int_equal(state_check(&b), 0);
    assert_int_equal(state_load(&b, "outer", 3, outer_fields, &out), 0);
    assert_true(hash(&in) == hash(&out));
    assert_true(out.list[2] == ~(u64)0 && out.many[1].b[2] == 9 && out.timer.when == 123456789);

    assert_int_equal(state_load(&b, "nobody", 1, outer_fields, &out), -ENOENT);
    assert_int_equal(state_load(&b, "outer", 2, outer_fields, &out), -ENOTSUP);
    assert_int_equal(state_load(&b, "outer", 4, outer_fields, &out), 0);
    state_buf_free(&b);
}

/* Every field counts in the hash. */
static void test_hash(void **ctx)
{
    struct outer a = sample(), b;
    u64 h = hash(&a);

    assert_true(state_hash(2, outer_fields, &a) != h);
    b = sample(), b.small++, assert_true(hash(&b) != h);
    b = sample(), b.list[1]++, assert_true(hash(&b) != h);
    b = sample(), b.blob[9]++, assert_true(hash(&b) != h);
    b = sample(), b.many[1].b[0]++, assert_true(hash(&b) != h);
    b = sample(), b.timer.when++, assert_true(hash(&b) != h);
    b = sample(), b.timer.name = "other", assert_true(hash(&b) == h);
    assert_true(state_hash_bytes(0, "ab", 2) != state_hash_bytes(0, "ab\0", 3));
}

/* A newer or older program's table: unknown fields are skipped, missing ones stay, wider ones shrink if they fit. */
static void test_other_tables(void **ctx)
{
    struct newer {
        u64 small;
        u16 fresh;
        u32 wide;
        u64 list[4];
    } n = {.fresh = 55, .list = {9, 9, 9, 9}};
    static const struct field newer_fields[] = {
        FIELD(struct newer, small),
        FIELD(struct newer, fresh),
        FIELD(struct newer, wide),
        FIELD_ARRAY(struct newer, list),
        FIELD_END,
    };
    struct outer o = sample();
    struct state_buf b = {0}, c = {0};

    state_save(&b, "x", 1, outer_fields, &o);
    assert_int_equal(state_load(&b, "x", 1, newer_fields, &n), 0);
    assert_true(n.small == 7 && n.fresh == 55 && n.wide == 0xDEADBEEF && n.list[2] == ~(u64)0 && n.list[3] == 9);

    /* Back again: four elements do not fit into three, and nothing is touched. */
    state_save(&c, "x", 1, newer_fields, &n);
    u64 before = hash(&o);
    assert_int_equal(state_load(&c, "x", 1, outer_fields, &o), -EINVAL);
    assert_true(hash(&o) == before);
    state_buf_free(&b);
    state_buf_free(&c);

    static const struct field small_only[] = {FIELD(struct newer, small), FIELD_END};
    n.small = 300; /* too large for outer's byte */
    struct state_buf d = {0};
    state_save(&d, "x", 1, small_only, &n);
    assert_int_equal(state_load(&d, "x", 1, outer_fields, &o), -EINVAL);
    state_buf_free(&d);
}

static void test_raw(void **ctx)
{
    enum { LEN = (1 << 20) + 100 };
    u8 *in = calloc(1, LEN), *out = malloc(LEN);
    struct state_buf b = {0};

    for (unsigned i = 0; i < 5000; i++)
        in[200000 + i] = (i * 2654435761u) >> 13;
    in[LEN - 1] = 9;
    state_save_raw(&b, "ram", in, LEN);
    assert_false(b.failed);
    assert_true(b.len < 9000); /* a megabyte of zeros costs next to nothing */
    assert_int_equal(state_check(&b), 0);
    memset(out, 0xEE, LEN);
    assert_int_equal(state_load_raw(&b, "ram", out, LEN - 1), -EINVAL);
    assert_int_equal(state_load_raw(&b, "rom", out, LEN), -ENOENT);
    assert_int_equal(state_load_raw(&b, "ram", out, LEN), 0);
    assert_memory_equal(in, out, LEN);
    state_buf_free(&b);
    free(in);
    free(out);
}

static void test_raw_empty(void **ctx)
{
    struct state_buf b = {0};
    u8 nothing = 5;

    state_save_raw(&b, "none", &nothing, 0);
    assert_int_equal(state_load_raw(&b, "none", &nothing, 0), 0);
    assert_int_equal(nothing, 5);
    state_buf_free(&b);
}

static u32 next_random(u32 *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Truncated and damaged buffers: any answer will do, as long as no byte outside is touched (the sanitizers watch). */
static void test_hostile(void **ctx)
{
    enum { RAW = 9000 };
    u8 raw[RAW] = {1, 2, 3}, out[RAW];
    struct outer o = sample();
    struct state_buf good = {0};
    u32 seed = 1;

    raw[5000] = 77;
    state_save(&good, "outer", 1, outer_fields, &o);
    state_save_raw(&good, "raw", raw, RAW);
    for (unsigned i = 0; i < 60000; i++) {
        size_t len = i < good.len ? i : good.len;
        u8 *copy = malloc(len ? len : 1); /* exactly as long as claimed */
        memcpy(copy, good.data, len);
        struct state_buf bad = {.data = copy, .len = len, .cap = len};
        for (unsigned k = 0; i >= good.len && k < 1 + i % 4; k++)
            copy[next_random(&seed) % len] = next_random(&seed) % 3 ? next_random(&seed) : 0xFF;
        int err = state_check(&bad);
        assert_true(err == 0 || err == -EINVAL);
        struct outer target = {0};
        err = state_load(&bad, "outer", 1, outer_fields, &target);
        if (err < 0)
            assert_true(hash(&target) == hash(&(struct outer){0}));
        state_load_raw(&bad, "raw", out, RAW);
        free(copy);
    }
    state_buf_free(&good);
}

static void test_file(void **ctx)
{
    char path[] = "/tmp/ombra-state-XXXXXX";
    struct outer in = sample(), out = {0};
    struct state_buf b = {0}, r = {0};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    state_save(&b, "outer", 1, outer_fields, &in);
    assert_int_equal(state_write_file(&b, path), 0);
    assert_int_equal(state_read_file(&r, path), 0);
    assert_int_equal(state_load(&r, "outer", 1, outer_fields, &out), 0);
    assert_true(hash(&in) == hash(&out));
    state_buf_free(&r);

    /* One damaged byte, one missing byte, another format. */
    FILE *f = fopen(path, "r+b");
    fseek(f, -1, SEEK_END);
    int last = fgetc(f);
    fseek(f, -1, SEEK_END);
    fputc(last ^ 1, f);
    fclose(f);
    assert_int_equal(state_read_file(&r, path), -EINVAL);
    assert_int_equal(state_write_file(&b, path), 0);
    assert_int_equal(truncate(path, 24 + b.len - 1), 0);
    assert_int_equal(state_read_file(&r, path), -EINVAL);
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(state_read_file(&r, path), -EINVAL);
    assert_null(r.data);

    assert_int_equal(state_read_file(&r, "/nonexistent/file"), -ENOENT);
    assert_int_equal(state_read_file(&r, "/dev/zero"), -EINVAL);
    assert_int_equal(state_write_file(&b, "/nonexistent/file"), -ENOENT);
    state_buf_free(&b);
    unlink(path);
}

struct seen {
    unsigned count;
    bool nested;
};

static void visit(void *ctx, const char *path, const struct field *f, const void *p)
{
    struct seen *s = ctx;
    s->count++;
    if (strcmp(path, "x.many[1].b[2]") == 0)
        s->nested = *(const u8 *)p == 9;
}

static void test_walk(void **ctx)
{
    struct outer o = sample();
    struct seen s = {0};

    state_walk("x", outer_fields, &o, visit, &s);
    assert_int_equal(s.count, 1 + 1 + 3 + 1 + 4 + 8 + 1);
    assert_true(s.nested);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roundtrip), cmocka_unit_test(test_hash),      cmocka_unit_test(test_other_tables),
        cmocka_unit_test(test_raw),       cmocka_unit_test(test_raw_empty), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_file),      cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
