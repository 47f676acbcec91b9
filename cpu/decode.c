/*
 * decode.c - bytes to struct insn, by the rows of isa.def.
 *
 * SDM vol. 2, ch. 2 (format, prefixes, ModRM and SIB), appendix A.
 */
#include "cpu/decode.h"
#include "cpu/dispatch.h"
#include "cpu/isa.h"
#include <stdlib.h>

/*
 * The rows of one model by opcode: for each (map, opcode) a list in row[], most specific first, that ends with ISA_UD.
 * In 64-bit mode the lists are others. row[0] is an empty list.
 */
struct opcodes {
    u16 first[MAP_COUNT][256]; /* index into row[] */
    bool modrm[MAP_COUNT][256];
};

struct decoder {
    struct opcodes legacy, long64;
    u16 row[];
};

/* ---- the lists ---- */

/* Where two rows fit, the one with the higher rank wins. */
static unsigned rank(u16 id)
{
    static const u8 by_modrm[] = {
        [MODRM_NO >> 8] = 0, [MODRM_ANY >> 8] = 1, [MODRM_MEM >> 8] = 2, [MODRM_REG >> 8] = 2,
        [MODRM_R >> 8] = 3,  [MODRM_RM >> 8] = 4,  [MODRM_RR >> 8] = 4,  [MODRM_IS >> 8] = 5,
    };
    const struct isa_row *r = &isa_rows[id];
    bool exact = id == ISA_NOP; /* 90h is not the XCHG that its row of eight says */
    return by_modrm[r->modrm >> 8] * 4u + (r->prefix != PREFIX_ANY ? 2 : 0) + exact;
}

/* How many opcodes the row covers: registers and conditions are in the opcode's low bits. */
static unsigned opcodes_of(u16 id)
{
    const struct isa_row *r = &isa_rows[id];
    bool by_condition = id == ISA_Jcc_Jb || id == ISA_Jcc_Jz || id == ISA_SETcc_Eb || id == ISA_CMOVcc_GvEv;
    if (by_condition)
        return 16;
    if (id == ISA_NOP)
        return 1;
    return r->operand[0] == OPERAND_Zb || r->operand[0] == OPERAND_Zv ? 8 : 1;
}

static bool covers(u16 id, unsigned map, unsigned opcode)
{
    const struct isa_row *r = &isa_rows[id];
    return r->map == map && opcode >= r->opcode && opcode < r->opcode + opcodes_of(id);
}

static bool exists(u16 id, u32 features, bool long64)
{
    const struct isa_row *r = &isa_rows[id];
    return r->m64 != (long64 ? M64_INV : M64_ONLY) && !(r->feature & ~features);
}

/* Writes the list of one opcode to OUT (with room for all rows), returns its length. */
static unsigned list_rows(u32 features, bool long64, unsigned map, unsigned opcode, u16 *out)
{
    unsigned n = 0;
    for (u16 id = 1; id < ISA_COUNT; id++) {
        if (!covers(id, map, opcode) || !exists(id, features, long64))
            continue;
        unsigned at = n++;
        for (; at > 0 && rank(out[at - 1]) < rank(id); at--)
            out[at] = out[at - 1];
        out[at] = id;
    }
    out[n++] = ISA_UD;
    return n;
}

/* Appends the lists of all opcodes to the USED entries of row[], returns how many are used then. */
static unsigned fill(struct decoder *d, struct opcodes *o, u32 features, unsigned used)
{
    bool long64 = o == &d->long64;
    u16 list[ISA_COUNT];
    for (unsigned map = 0; map < MAP_COUNT; map++) {
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            unsigned n = list_rows(features, long64, map, opcode, list);
            o->first[map][opcode] = (u16)used;
            o->modrm[map][opcode] = isa_rows[list[0]].modrm != MODRM_NO;
            memcpy(d->row + used, list, n * sizeof list[0]);
            used += n;
        }
    }
    return used;
}

struct decoder *decoder_new(u32 features)
{
    size_t room = MAP_COUNT * 256 + (size_t)ISA_COUNT * 16; /* an ISA_UD each, and no row covers more than 16 opcodes */
    struct decoder *d = calloc(1, sizeof *d + (1 + 2 * room) * sizeof d->row[0]);
    if (!d)
        return NULL;
    unsigned used = fill(d, &d->legacy, features, 1);
    if (features & FEAT_LM)
        fill(d, &d->long64, features, used);
    return d;
}

void decoder_free(struct decoder *d)
{
    free(d);
}

/* ---- one instruction ---- */

enum { PFX_66 = 1, PFX_67 = 2 };
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct reader {
    const u8 *p;
    unsigned avail;
    unsigned at; /* beyond MIN(avail, 15): what was read is nothing */
    u8 modrm;
    u8 prefixes;
    u8 last_rep; /* enum rep */
    s8 seg;      /* override, or -1 */
    bool lock;
    bool long64; /* 64-bit mode */
    u8 rex;      /* the prefix as it stands in the code, or 0 */
};

/* Takes N bytes, little-endian; zero when there are not so many. */
static u64 take(struct reader *r, unsigned n)
{
    u64 v = 0;
    if (r->at + n <= MIN(r->avail, (unsigned)INSN_MAX_LEN))
        memcpy(&v, r->p + r->at, n);
    r->at += n;
    return v;
}

static s64 take_signed(struct reader *r, unsigned n)
{
    u64 v = take(r, n);
    unsigned shift = 64 - n * 8;
    return (s64)(v << shift) >> shift;
}

static enum decode_result verdict(const struct reader *r)
{
    if (r->at > INSN_MAX_LEN && r->avail >= INSN_MAX_LEN)
        return DECODE_TOO_LONG;
    return r->at > r->avail ? DECODE_MORE : DECODE_OK;
}

/* True if BYTE is a prefix, and notes it. */
static bool prefix(struct reader *r, u8 byte)
{
    switch (byte) {
    case 0x26:
    case 0x2E:
    case 0x36:
    case 0x3E:
        if (!r->long64) /* else ignored, even after FS or GS */
            r->seg = (s8)(byte >> 3 & 3);
        return true;
    case 0x64:
    case 0x65:
        r->seg = (s8)(SEG_FS + (byte & 1));
        return true;
    case 0x66:
        r->prefixes |= PFX_66;
        return true;
    case 0x67:
        r->prefixes |= PFX_67;
        return true;
    case 0xF0:
        r->lock = true;
        return true;
    case 0xF2:
    case 0xF3:
        r->last_rep = byte == 0xF2 ? REP_NE : REP_E;
        return true;
    default:
        return false;
    }
}

/* In 64-bit mode REX is a prefix too. It counts only right before the opcode. */
static bool prefix64(struct reader *r, u8 byte)
{
    bool rex = (byte & 0xF0) == 0x40;
    if (!rex && !prefix(r, byte))
        return false;
    r->rex = rex ? byte : 0;
    return true;
}

static bool prefix_fits(const struct reader *r, enum isa_prefix want)
{
    switch (want) {
    case PREFIX_NP:
        return r->last_rep == REP_NONE && !(r->prefixes & PFX_66);
    case PREFIX_66:
        return r->last_rep == REP_NONE && (r->prefixes & PFX_66);
    case PREFIX_F2:
        return r->last_rep == REP_NE;
    case PREFIX_F3:
        return r->last_rep == REP_E;
    default:
        return !r->long64 || want != PREFIX_W || (r->rex & REX_W);
    }
}

static bool modrm_fits(u8 modrm, u16 want)
{
    u8 arg = (u8)want;
    bool mem = modrm < 0xC0, same_reg = (modrm >> 3 & 7) == arg;
    switch (want & 0xFF00) {
    case MODRM_MEM:
        return mem;
    case MODRM_REG:
        return !mem;
    case MODRM_R:
        return same_reg;
    case MODRM_RM:
        return mem && same_reg;
    case MODRM_RR:
        return !mem && same_reg;
    case MODRM_IS:
        return modrm == arg;
    default:
        return true;
    }
}

static const struct opcodes *opcodes_in(const struct decoder *d, bool long64)
{
    return long64 ? &d->long64 : &d->legacy;
}

static u16 find_row(const struct decoder *d, const struct reader *r, unsigned map, u8 opcode)
{
    if (r->long64 && map == MAP_M1 && opcode == 0x90 && (r->rex & REX_B))
        return ISA_XCHG_ZvAX; /* of R8: neither NOP nor, after F3, PAUSE (silicon, AMD) */
    const u16 *id = d->row + opcodes_in(d, r->long64)->first[map][opcode];
    while (*id != ISA_UD &&
           !(modrm_fits(r->modrm, isa_rows[*id].modrm) && prefix_fits(r, (enum isa_prefix)isa_rows[*id].prefix)))
        id++;
    return *id;
}

/* ---- operands ---- */

/* Offset in cpu->r of byte register N: AL CL DL BL AH CH DH BH, with REX AL CL DL BL SPL BPL SIL DIL R8B and so on. */
static u8 byte_reg(const struct reader *r, unsigned n)
{
    return (u8)(n < 4 || r->rex ? n * 8 : (n - 4) * 8 + 1);
}

static void memory16(struct reader *r, struct insn *in)
{
    static const u8 base[8] = {R_BX, R_BX, R_BP, R_BP, REG_ZERO, REG_ZERO, R_BP, R_BX};
    static const u8 index[8] = {R_SI, R_DI, R_SI, R_DI, R_SI, R_DI, REG_ZERO, REG_ZERO};
    unsigned mod = r->modrm >> 6, rm = r->modrm & 7;
    in->base = base[rm];
    in->index = index[rm];
    if (mod == 0 && rm == 6) {
        in->base = REG_ZERO;
        in->disp = (s32)take_signed(r, 2);
    } else if (mod != 0) {
        in->disp = (s32)take_signed(r, mod);
    }
}

static void memory32(struct reader *r, struct insn *in)
{
    unsigned mod = r->modrm >> 6;
    in->base = r->modrm & 7;
    if (in->base == R_SP) { /* a SIB byte follows */
        u8 sib = (u8)take(r, 1);
        in->base = sib & 7;
        in->scale = sib >> 6;
        in->index = (sib >> 3 & 7) == R_SP ? REG_ZERO : sib >> 3 & 7;
    }
    if (mod == 0 && in->base == R_BP)
        in->base = REG_ZERO;
    if (mod == 1)
        in->disp = (s32)take_signed(r, 1);
    else if (mod == 2 || in->base == REG_ZERO)
        in->disp = (s32)take_signed(r, 4);
}

/* As memory32(), with REX. What has no base there is relative to RIP here, unless SIB says that. */
static void memory64(struct reader *r, struct insn *in)
{
    unsigned mod = r->modrm >> 6, base = r->modrm & 7;
    u8 none = BASE_RIP;
    if (base == R_SP) { /* a SIB byte follows */
        u8 sib = (u8)take(r, 1);
        u8 index = (sib >> 3 & 7) | (r->rex & REX_X) << 2;
        base = sib & 7;
        none = REG_ZERO;
        in->scale = sib >> 6;
        in->index = index == R_SP ? REG_ZERO : index;
    }
    in->base = (u8)(base | (r->rex & REX_B) << 3);
    if (mod == 0 && base == R_BP)
        in->base = none;
    if (mod == 1)
        in->disp = (s32)take_signed(r, 1);
    else if (mod == 2 || in->base >= REG_ZERO)
        in->disp = (s32)take_signed(r, 4);
}

/* The E operand: memory, or a register. */
static void decode_modrm(struct reader *r, struct insn *in, bool memory)
{
    in->modrm = r->modrm & 63;
    in->reg = (u8)((r->modrm >> 3 & 7) | (r->rex & REX_R) << 1);
    in->rm = (u8)((r->modrm & 7) | (r->rex & REX_B) << 3);
    if (!memory)
        return;
    in->mem = 1;
    if (r->long64)
        memory64(r, in);
    else if (in->adsize == 0)
        memory16(r, in);
    else
        memory32(r, in);
    if (r->seg < 0 && (in->base == R_BP || in->base == R_SP))
        in->seg = SEG_SS;
}

static unsigned imm_width(const struct insn *in)
{
    return in->opsize == 0 ? 2 : 4;
}

/* Which Ib the manual sign-extends: those that stand for a wider number. */
static bool ib_signed(const struct isa_row *row)
{
    return row->map == MAP_M1 && (row->opcode == 0x83 || row->opcode == 0x6A || row->opcode == 0x6B);
}

static void decode_operand(struct reader *r, struct insn *in, const struct isa_row *row, u8 opcode,
                           enum isa_operand kind)
{
    switch (kind) {
    case OPERAND_Eb:
        if (!in->mem)
            in->rm = byte_reg(r, in->rm);
        break;
    case OPERAND_Gb:
        in->reg = byte_reg(r, in->reg);
        break;
    case OPERAND_Zb:
        in->reg = byte_reg(r, (opcode & 7u) | (r->rex & REX_B) << 3);
        break;
    case OPERAND_Zv:
        in->reg = (u8)((opcode & 7) | (r->rex & REX_B) << 3);
        break;
    case OPERAND_Ib:
        in->imm = ib_signed(row) ? (u64)take_signed(r, 1) : take(r, 1);
        break;
    case OPERAND_Jb:
        in->imm = (u64)take_signed(r, 1);
        break;
    case OPERAND_Iw:
        in->imm = take(r, 2);
        break;
    case OPERAND_Iz:
    case OPERAND_Iv:
    case OPERAND_Jz:
        if (r->long64 && kind == OPERAND_Iv && in->opsize == 2)
            in->imm = take(r, 8);
        else
            in->imm = (u64)take_signed(r, imm_width(in));
        break;
    case OPERAND_IwIb:
        in->imm = take(r, 2);
        in->imm |= take(r, 1) << 16;
        break;
    case OPERAND_Ap:
        in->imm = take(r, imm_width(in));
        in->imm |= take(r, 2) << 32;
        break;
    case OPERAND_Ob:
    case OPERAND_Ov:
        in->imm = take(r, 2u << in->adsize);
        break;
    default:
        break;
    }
}

/* Segment, MMX and x87 registers are eight in 64-bit mode too: REX does not matter. */
static void only_eight(struct insn *in)
{
    const u8 *kind = isa_rows[in->op].operand;
    for (unsigned i = 0; i < ARRAY_LEN(isa_rows[0].operand); i++) {
        if (kind[i] == OPERAND_Sw || kind[i] == OPERAND_Pq || kind[i] == OPERAND_Pd)
            in->reg &= 7;
        if (kind[i] == OPERAND_Qq || kind[i] == OPERAND_Qd || kind[i] == OPERAND_Nq || kind[i] == OPERAND_STi)
            in->rm &= 7;
    }
}

/* Control and debug registers are moved to and from general registers whatever mod says. */
static bool registers_only(const struct isa_row *row)
{
    enum isa_operand a = row->operand[0], b = row->operand[1];
    return a == OPERAND_Cd || a == OPERAND_Dd || b == OPERAND_Cd || b == OPERAND_Dd;
}

static void decode_operands(struct reader *r, struct insn *in, const struct isa_row *row, u8 opcode)
{
    if (row->modrm != MODRM_NO)
        decode_modrm(r, in, r->modrm < 0xC0 && !registers_only(row));
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++)
        decode_operand(r, in, row, opcode, row->operand[i]);
    if (opcodes_of(in->op) == 16)
        in->modrm = opcode & 15;
    if (row->attrs & A_FPU)
        in->imm = (u64)(opcode & 7) << 8 | r->modrm; /* FOP */
}

static u8 next_opcode(struct reader *r, unsigned *map)
{
    u8 opcode = (u8)take(r, 1);
    while ((r->long64 ? prefix64(r, opcode) : prefix(r, opcode)) && verdict(r) == DECODE_OK)
        opcode = (u8)take(r, 1);
    *map = MAP_M1;
    if (opcode != 0x0F)
        return opcode;
    *map = MAP_M2;
    return (u8)take(r, 1);
}

/* Before the row is known. In 64-bit mode operands have 32 bits and addresses 64. */
static void sizes(const struct reader *r, unsigned bits, struct insn *in)
{
    bool wide = bits != 16;
    in->opsize = wide != !!(r->prefixes & PFX_66);
    in->adsize = wide != !!(r->prefixes & PFX_67);
    if (!r->long64)
        return;
    in->adsize++;
    if (r->rex & REX_W)
        in->opsize = 2;
}

/* What the row makes of the operand size in 64-bit mode. */
static void size64(struct insn *in)
{
    u8 m64 = isa_rows[in->op].m64;
    if (m64 == M64_F64 || (m64 == M64_D64 && in->opsize == 1))
        in->opsize = 2;
    if ((isa_rows[in->op].attrs & A_IO) && in->opsize == 2) /* no port has 64 bits */
        in->opsize = 1;
}

/* The handlers have no forms for 64-bit mode yet. */
static op_fn handler(const struct insn *in, bool long64)
{
    const struct insn none = {.op = ISA_UD};
    return dispatch(long64 ? &none : in);
}

/* LONG64 is constant wherever this is inlined: what 64-bit mode asks costs the other code nothing. */
static ALWAYS_INLINE enum decode_result decode_in(const struct decode_mode *mode, const u8 *p, unsigned avail,
                                                  struct insn *in, const bool long64)
{
    struct reader r = {.p = p, .avail = avail, .seg = -1, .long64 = long64};
    unsigned map;
    u8 opcode = next_opcode(&r, &map);
    if (verdict(&r) != DECODE_OK)
        return verdict(&r);

    memset(in, 0, sizeof *in);
    sizes(&r, mode->bits, in);
    in->seg = r.seg < 0 ? SEG_DS : (u8)r.seg;
    in->base = in->index = REG_ZERO;
    in->lock = r.lock;
    if (opcodes_in(mode->decoder, r.long64)->modrm[map][opcode]) {
        r.modrm = (u8)take(&r, 1);
        if (verdict(&r) != DECODE_OK)
            return verdict(&r);
    }
    in->op = find_row(mode->decoder, &r, map, opcode);
    if (r.long64)
        size64(in);
    if (in->op != ISA_UD)
        decode_operands(&r, in, &isa_rows[in->op], opcode);
    if (r.long64)
        only_eight(in);
    if (verdict(&r) != DECODE_OK)
        return verdict(&r);
    if (isa_rows[in->op].attrs & A_REP)
        in->rep = r.last_rep;
    if (r.lock && !(in->mem && (isa_rows[in->op].attrs & A_LOCK)))
        in->op = ISA_UD;
    in->len = (u8)r.at;
    in->fn = handler(in, r.long64);
    return DECODE_OK;
}

static __attribute__((flatten, noinline)) enum decode_result decode64(const struct decode_mode *mode, const u8 *p,
                                                                      unsigned avail, struct insn *in)
{
    return decode_in(mode, p, avail, in, true);
}

__attribute__((flatten)) enum decode_result decode(const struct decode_mode *mode, const u8 *p, unsigned avail,
                                                   struct insn *in)
{
    return mode->bits == 64 ? decode64(mode, p, avail, in) : decode_in(mode, p, avail, in, false);
}
