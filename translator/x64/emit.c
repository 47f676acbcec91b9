/*
 * emit.c - the x86-64 backend: one pass over a block, values in the four scratch registers or still in the guest
 * register that they were read from.
 *
 * RAX never holds a value: LAHF and the probes want it. A value that was read from a guest register stays an alias of
 * it until that register is written; arithmetic whose result goes back to a guest register works in place.
 */
#include "translator/x64/work.h"
#include <stdlib.h>

typedef void (*emit_fn)(struct emit *e, const struct ir_op *o);

static void nothing(struct emit *e, const struct ir_op *o)
{
}

static void mark(struct emit *e, unsigned k)
{
    if (e->code->marks)
        e->code->marks[k] = (u32)(e->o.at - (e->room->mem.rw + e->room->used));
}

static void instruction(struct emit *e, const struct ir_op *o)
{
    e->insn = (unsigned)o->imm;
    while (e->part + 1 < e->code->part + e->code->parts && e->part[1].first <= e->insn)
        e->part++;
    mark(e, e->insn);
}

static void constant(struct emit *e, const struct ir_op *o)
{
    e->place[e->at] = (struct place){.where = IN_CONST};
}

static void put_unless_done(struct emit *e, const struct ir_op *o)
{
    if (!e->done[e->at])
        em_put(e, o);
}

static void flags_as_they_were(struct emit *e, const struct ir_op *o)
{
    if (e->cur == e->home)
        e->cur = (ir_ref)e->at;
    e->home = (ir_ref)e->at;
    if (e->cur == e->home)
        e->cur_seen = e->b->count;
}

static void flags_are(struct emit *e, const struct ir_op *o)
{
    e->cur = o->f;
    e->cur_seen = e->seen[e->at];
    em_flag_used(e, o->f);
}

/* HIGH and REST are placed by the operations before them. */
static const emit_fn emitters[IR_COUNT] = {
    [IR_NOP] = nothing,
    [IR_INSN] = instruction,
    [IR_CONST] = constant,
    [IR_GET] = em_get,
    [IR_PUT] = put_unless_done,
    [IR_GETF] = flags_as_they_were,
    [IR_FLAGS] = flags_are,
    [IR_ADD] = em_alu,
    [IR_SUB] = em_alu,
    [IR_ADC] = em_alu,
    [IR_SBB] = em_alu,
    [IR_AND] = em_alu,
    [IR_OR] = em_alu,
    [IR_XOR] = em_alu,
    [IR_NEG] = em_unary,
    [IR_NOT] = em_unary,
    [IR_INC] = em_unary,
    [IR_DEC] = em_unary,
    [IR_SHL] = em_shift,
    [IR_SHR] = em_shift,
    [IR_SAR] = em_shift,
    [IR_ROL] = em_shift,
    [IR_ROR] = em_shift,
    [IR_RCL] = em_shift,
    [IR_RCR] = em_shift,
    [IR_SHLD] = em_shift_double,
    [IR_SHRD] = em_shift_double,
    [IR_BT] = em_bit,
    [IR_BTS] = em_bit,
    [IR_BTR] = em_bit,
    [IR_BTC] = em_bit,
    [IR_BSF] = em_scan,
    [IR_BSR] = em_scan,
    [IR_CARRY] = em_carry,
    [IR_MUL] = em_multiply,
    [IR_IMUL] = em_multiply,
    [IR_HIGH] = nothing,
    [IR_DIV] = em_divide,
    [IR_IDIV] = em_divide,
    [IR_REST] = nothing,
    [IR_ZEXT] = em_extend,
    [IR_SEXT] = em_extend,
    [IR_BSWAP] = em_swap_bytes,
    [IR_LEA] = em_lea,
    [IR_LOWF] = em_low_flags,
    [IR_SETCC] = em_set_if,
    [IR_SELECT] = em_choose,
    [IR_SEL] = em_selector,
    [IR_SEGOK] = em_can_set_segment,
    [IR_SETSEG] = em_set_segment,
    [IR_SEG] = em_check_segment,
    [IR_LIMIT] = em_check_target,
    [IR_LD] = em_load,
    [IR_ST] = em_store,
    [IR_LDW] = em_load_for_write,
    [IR_STW] = em_store_back,
    [IR_CAS8] = em_compare_exchange_8,
    [IR_IMAGE] = em_image,
    [IR_POPPED] = em_popped,
    [IR_SSE] = em_sse,
    [IR_SSEM] = em_sse_mem,
    [IR_MXCSR] = em_sse_control,
    [IR_MMX] = em_sse,
    [IR_MMXM] = em_sse_mem,
    [IR_X87IN] = em_x87_in,
    [IR_X87] = em_x87,
    [IR_X87M] = em_x87_memory,
    [IR_X87F] = em_x87_compare,
    [IR_X87C] = em_x87_move_if,
    [IR_X87SW] = em_x87_word,
    [IR_X87CW] = em_x87_control,
    [IR_AHF] = em_ah_flags,
    [IR_STEP] = em_step,
    [IR_DF] = em_direction,
    [IR_REP] = em_rep,
    [IR_HELPER] = em_handler,
    [IR_JMP] = em_leave,
    [IR_JCC] = em_leave,
    [IR_JMPV] = em_leave,
    [IR_LAST] = em_leave,
    [IR_TEST0] = em_leave,
    [IR_EXIT] = em_exit, [IR_GUARD] = em_guard,
};

/* How far each state of the flags is seen. */
static void find_seen(struct emit *e)
{
    unsigned last = 0;
    for (unsigned i = e->b->count; i-- > 1;) {
        const struct ir_op *o = &e->b->op[i];
        if (o->op == IR_FLAGS) {
            e->seen[i] = (u16)last;
            last = 0;
        } else if (!last && (ir_leaves(o) || (ir_info[o->op].attrs & IR_ENDS))) {
            last = i;
        }
    }
}

/* Takes the block off the budget; the distance field of the jump that is taken when the slice is too short. */
static u8 *head(struct emit *e)
{
    asm_alu_imm(&e->o, 8, 5, R15, e->code->count);
    return asm_jcc(&e->o, CC_S);
}

static void slice_ends(struct emit *e, u8 *jump)
{
    em_patch(e, jump, e->o.at);
    if (e->code->sse)
        em_patch(e, e->sse_unable, e->o.at);
    asm_alu_imm(&e->o, 8, 0, R15, e->code->count);
    em_set_ip(e, e->code->ip);
    asm_mov_imm(&e->o, RAX, X64_SLICE_ENDS);
    em_jump_to(e, e->thunks->exit);
}

static bool is_sse(const struct ir_op *o)
{
    return o->op == IR_SSE || o->op == IR_SSEM || o->op == IR_MXCSR;
}

/*
 * Are all flags made anew before anything may leave or take them? In the first part: that one is interpreted if the slice is too
 * short or SSE is not usable.
 */
static bool flags_dead(const struct emit *e)
{
    unsigned first = e->code->parts > 1 ? e->code->part[1].first : e->code->count;
    const struct ir_op *o = &e->b->op[1];
    while (o->op != IR_FLAGS && o->op != IR_GETF && !is_sse(o) && !ir_leaves(o) && !(ir_info[o->op].attrs & IR_ENDS) &&
           !(o->op == IR_INSN && o->imm >= first))
        o++;
    return o->op == IR_FLAGS;
}

static void cold_code(struct emit *e)
{
    for (unsigned i = 0; i < e->ncold; i++) {
        const struct cold *c = &e->cold[i];
        em_patch(e, c->jump, e->o.at);
        if (c->behind) {
            em_string_cold(e, c);
            continue;
        }
        if (c->second)
            em_second_probe(e, c);
        asm_rm(&e->o, 4, 0x89, c->address, em_cpu_mem(offsetof(struct cpu, access_at)));
        if (c->flags.steps)
            em_flags_home_by(e, &c->flags);
        em_call_thunk(e, e->thunks->access, c->site);
        if (c->back)
            em_patch(e, asm_jmp(&e->o), c->back);
    }
    if (e->code->sse)
        em_sse_cold(e);
}

static bool any_sse(const struct ir_block *b)
{
    unsigned i = 1;
    while (i < b->count && !is_sse(&b->op[i]))
        i++;
    return i < b->count;
}

static void operation(struct emit *e, const struct ir_op *o)
{
    em_remake_tidy(e);
    em_remake_begin(e, o);
    emitters[o->op](e, o);
    em_remake_end(e);
}

static void clear(struct emit *e, unsigned count)
{
    memset(e, 0, offsetof(struct emit, place));
    memset(e->place, 0, count * sizeof e->place[0]);
    memset(e->seen, 0, count * sizeof e->seen[0]);
    memset(e->kept, 0, count * sizeof e->kept[0]);
    memset(e->done, 0, count * sizeof e->done[0]);
}

static void body(struct emit *e)
{
    e->left[0] = e->fleft[0] = 0;
    for (unsigned i = 1; i < e->b->count; i++) {
        e->left[i] = e->b->op[i].uses;
        e->fleft[i] = e->b->op[i].fuses;
    }
    find_seen(e);
    e->cur_seen = e->b->count;
    e->code->flags_dead = flags_dead(e);
    e->part = e->code->part;
    u8 *too_short = head(e);
    if (e->code->sse)
        em_sse_head(e);
    for (e->at = 1; e->at < e->b->count && !e->failed; e->at++)
        operation(e, &e->b->op[e->at]);
    mark(e, e->code->count);
    em_stubs(e);
    cold_code(e);
    slice_ends(e, too_short);
}

struct emit *x64_emit_new(void)
{
    return malloc(sizeof(struct emit));
}

void x64_emit_free(struct emit *e)
{
    free(e);
}

enum x64_result x64_compile(struct emit *e, struct x64_room *room, const struct x64_thunks *t, const struct ir_block *b,
                 const struct lift_mode *mode, struct x64_code *code)
{
    clear(e, b->count);
    u8 *start = room->mem.rw + room->used;
    e->o = (struct asm_out){.at = start, .end = room->mem.rw + room->mem.size};
    e->b = b;
    e->mode = mode;
    e->thunks = t;
    e->room = room;
    e->code = code;
    code->links = code->nsites = 0;
    code->sse = any_sse(b);
    body(e);
    if (e->o.at == e->o.end)
        return X64_FULL;
    if (e->failed)
        return X64_REFUSED;
    code->entry_rw = start;
    code->entry = room->mem.rx + room->used;
    size_t size = (size_t)(e->o.at - start);
    code->size = size;
    room->used += (size + 15) & ~(size_t)15;
    host_exec_wrote(code->entry, size);
    return X64_DONE;
}
