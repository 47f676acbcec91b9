/*
 * softfp_trans.c - the x87's transcendental functions: F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS.
 *
 * Integer arithmetic with 128-bit significands: results carry some 115 good bits before they are rounded
 * once, by env->rc, to 64. Angles are reduced with the 66-bit pi of the silicon (SDM vol. 1, 8.3.8), so
 * that sines near multiples of pi come out as guests know them.
 *
 * Q127 below means: a u128 that counts units of 2^-127.
 */
#include "cpu/softfp_core.h"

/* sig / 2^127 * 2^exp, bit 127 of sig set; zero is sig = 0. */
struct wide {
    bool sign;
    s32 exp;
    u128 sig;
};

#define W(hi, lo) ((u128)(hi) << 64 | (lo))
#define ONE W(TOP_BIT, 0) /* 1 in Q127 */

/* 1 / n!, Q127 */
static const u128 inv_factorial[] = {
    W(0x8000000000000000, 0x0000000000000000), W(0x8000000000000000, 0x0000000000000000),
    W(0x4000000000000000, 0x0000000000000000), W(0x1555555555555555, 0x5555555555555555),
    W(0x0555555555555555, 0x5555555555555555), W(0x0111111111111111, 0x1111111111111111),
    W(0x002D82D82D82D82D, 0x82D82D82D82D82D8), W(0x0006806806806806, 0x8068068068068068),
    W(0x0000D00D00D00D00, 0xD00D00D00D00D00D), W(0x0000171DE3A556C7, 0x338FAAC1C88E5001),
    W(0x0000024FC9F6EF13, 0xEB8E5DE02DA7D4CD), W(0x00000035CC8ACFEA, 0x89C71FCE8FC97070),
    W(0x000000047BB63BFE, 0x3625ED5136A61EB4), W(0x000000005849184E, 0xA1B425F28E0CC749),
    W(0x00000000064E5D2A, 0x301F27482EB7C517), W(0x00000000006B9FCF, 0x9CCEE07C476195AC),
    W(0x000000000006B9FC, 0xF9CCEE07C476195B), W(0x000000000000654B, 0x1DC0C2B529AC9814),
    W(0x00000000000005A0, 0x9E18EE5F65DEEC01), W(0x000000000000004B, 0xD26D1A05055C9328),
    W(0x0000000000000003, 0xCA8574804044A0F5), W(0x0000000000000000, 0x2E371DEDB9EAE318),
    W(0x0000000000000000, 0x0219C72DB6FF0A53), W(0x0000000000000000, 0x001761B41316381A),
    W(0x0000000000000000, 0x0000F96780CB97AC), W(0x0000000000000000, 0x000009F9E66E8B30),
    W(0x0000000000000000, 0x000000623A17F1A9), W(0x0000000000000000, 0x00000003A356385C),
};

/* 1 / (2n + 1), Q127 */
#define INV_ODD(n) ONE / (2 * (n) + 1)
static const u128 inv_odd[] = {
    INV_ODD(0),  INV_ODD(1),  INV_ODD(2),  INV_ODD(3),  INV_ODD(4),  INV_ODD(5),  INV_ODD(6),  INV_ODD(7),
    INV_ODD(8),  INV_ODD(9),  INV_ODD(10), INV_ODD(11), INV_ODD(12), INV_ODD(13), INV_ODD(14), INV_ODD(15),
    INV_ODD(16), INV_ODD(17), INV_ODD(18), INV_ODD(19), INV_ODD(20), INV_ODD(21),
};

/* atan(k / 32), units of 2^-128 */
static const u128 atan_table[] = {
    W(0x0000000000000000, 0x0000000000000000), W(0x07FF556EEA5D892A, 0x13BCEBBB6ED46311),
    W(0x0FFAADDB967EF4E3, 0x6CB2792DC0E2E0D5), W(0x17EE182602F10E8C, 0x126ACFCF099F06CF),
    W(0x1FD5BA9AAC2F6DC6, 0x5912F313E7D111DF), W(0x27ADDDD18CC4D8B0, 0xD1D8674940D83FA1),
    W(0x2F72F6979CB6044D, 0x1EC2D3E207271D22), W(0x3721AEA524C14408, 0xBD88697072D54BC1),
    W(0x3EB6EBF25901BAC5, 0x5B71E7BD7DE885F9), W(0x462FD68C2FC5E098, 0x6523A458DFC414C7),
    W(0x4D89DCDC1FAF2F34, 0xE2D5DA4C693D7994), W(0x54C2B6654735276D, 0x4CDBFBBDFBECF461),
    W(0x5BD86507937BC239, 0xC55190916E7F2242), W(0x62C934E5286C95B6, 0xD0BA3748FA85146F),
    W(0x6993BB0F308FF2DB, 0x213E4AF4800F389B), W(0x7036D3253B27BE33, 0xE318F6CB3CC65C02),
    W(0x76B19C1586ED3DA2, 0xB7F222F65E1D4682), W(0x7D03742D50505F2E, 0x33691E3EAEE47661),
    W(0x832BF4A6D9867E2A, 0x4B6A09CB61A515C1), W(0x892AECDFDE9547B5, 0x094478FC472B4AFC),
    W(0x8F005D5EF7F59F9B, 0x5C835E1665C43748), W(0x94AC72C9847186F6, 0x18C4F393F78A32F9),
    W(0x9A2F80E671BDDA20, 0x4226F8E2204FF3BD), W(0x9F89FDC4F4B7A1EC, 0xF8B492644F0701E0),
    W(0xA4BC7D1934F70924, 0x19A87F2A457DAC9F), W(0xA9C7ABDC4830F5C8, 0x916A84B5BE7933F6),
    W(0xAEAC4C38B4D8C080, 0x14725E2F3E52070A), W(0xB36B31C91F043691, 0x590141744462F93A),
    W(0xB8053E2BC2319E73, 0xCB2DA55210A4443D), W(0xBC7B5DEAE98AF280, 0xD4113006E80FB290),
    W(0xC0CE85B8AC526640, 0x89DD62C46E92FA25), W(0xC4FFAFFABF8FBD54, 0x8CB43D10BC9E0221),
    W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1),
};

/* Sine and cosine of k / 32, units of 2^-128 */
static const struct {
    u128 sine, cosine;
} sine_table[] = {
    {W(0x0000000000000000, 0x0000000000000000), W(0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)},
    {W(0x07FFAAABBBBA1BA3, 0x2BF904DDB51E4656), W(0xFFE000AAA93E9589, 0x576DA4EC94946FB9)},
    {W(0x0FFD557776A76D5A, 0x5D259B2F692D4ACB), W(0xFF800AAA4FA69A65, 0x070F73284DE215B9)},
    {W(0x17F701032550E41A, 0xFC2D1800501A1008), W(0xFEE035FBF35CDA63, 0x2056A6BF1B6B28E0)},
    {W(0x1FEAAEEE86EE35CA, 0x069A86721F89F85A), W(0xFE00AA93EADE9B6D, 0x1E6A129DF6F18CE5)},
    {W(0x27D66258BACD96A3, 0xEB335B365C87D594), W(0xFCE1A053E621438B, 0x6D60C76E8C45BF0B)},
    {W(0x2FB8205F75E56A2B, 0x56A1C4792F856258), W(0xFB835EFCF670DD2C, 0xE6FE7924697EEA14)},
    {W(0x378DF09DB8C332CE, 0x0D2B53D865582E45), W(0xF9E63E1D9E8B6F6F, 0x2E296BAE5B5ED9C1)},
    {W(0x3F55DDA9E62AED75, 0x13BD7B8E6A3D1636), W(0xF80AA4FBEF750BA7, 0x83D33CB95F94F8A4)},
    {W(0x470DF5931AE1D946, 0x076FE0DCFF47FE32), W(0xF5F10A7BB77D3DFA, 0x0C1DA8B578427833)},
    {W(0x4EB44A5DA74F6002, 0x07AAA090F0734E29), W(0xF399F500C9E9FD37, 0xAE9957263DAB8877)},
    {W(0x5646F27E8BD65CBE, 0x3A5D61FF06572291), W(0xF105FA4D66B607A6, 0x7D44E04272520443)},
    {W(0x5DC40955D9084F48, 0xA94675A2498DE5D8), W(0xEE35BF5CCAC89052, 0xCD91DDB734D3A47E)},
    {W(0x6529AFA7D51B1296, 0x31EC197C0A840A12), W(0xEB29F839F201FD13, 0xB93796827916A78F)},
    {W(0x6C760C14C8585A51, 0xDBD34660AE6C52AC), W(0xE7E367D2956CFB16, 0xB6AA11E5419CD005)},
    {W(0x73A74B8F52947B68, 0x1BAF6928EB3FB021), W(0xE462DFC670D421AB, 0x3D1A15901228F147)},
    {W(0x7ABBA1D12C17BFA1, 0xD92F0D93F60DED9A), W(0xE0A94032DBEA7CED, 0xBDDD9DA2FAFAD985)},
    {W(0x81B149CE34CAA5A4, 0xE650F8D09FD4D6AA), W(0xDCB7777AC4207051, 0x68F31E3EB780CE9D)},
    {W(0x88868625B4E1DBB2, 0x3133101330225272), W(0xD88E820B1526311D, 0xD561EFBC0C1A9A53)},
    {W(0x8F39A191B2BA6122, 0xA3FA4F41D5A3FFD4), W(0xD42F6A1B9F0168CD, 0xF031C2F63C8D9305)},
    {W(0x95C8EF544210EC0B, 0x91C49BD2AA09E851), W(0xCF9B476C897C25C5, 0xBFE750DD3F308EAF)},
    {W(0x9C32CBA2B14156EF, 0x05256C4F857991CA), W(0xCAD33F00658FE5E8, 0x204BBC0F3A66A0E7)},
    {W(0xA2759C0E79C35582, 0x527C32B55F5405C2), W(0xC5D882D2EE48030C, 0x7C07D28E981E3480)},
    {W(0xA88FCFEBD9A8DD47, 0xE2F3C76EF9E24399), W(0xC0AC518C8B6AE710, 0xBA37A3EEB90CB15B)},
    {W(0xAE7FE0B5FC786B2D, 0x966E1D6AF140A488), W(0xBB4FF632A908F73E, 0xC151839CB9D993B5)},
    {W(0xB44452709A597529, 0x05913765434A59D1), W(0xB5C4C7D4F7DAE915, 0xAC786CCF4B1A498D)},
};

static const struct wide pi = {false, 1, W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1)};
static const struct wide half_pi = {false, 0, W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1)};
static const struct wide ln_2 = {false, -1, W(0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF)};
static const struct wide two_log2_e = {false, 1, W(0xB8AA3B295C17F0BB, 0xBE87FED0691D3E89)};

/* ---- wide arithmetic; the last bits are approximate ---- */

/* The high half of the product. */
static u128 mulhi(u128 a, u128 b)
{
    u64 a1 = (u64)(a >> 64), a0 = (u64)a, b1 = (u64)(b >> 64), b0 = (u64)b;
    u128 mid = (u128)a1 * b0 + ((u128)a0 * b0 >> 64);
    u128 mid2 = (u128)a0 * b1 + (u64)mid;
    return (u128)a1 * b1 + (mid >> 64) + (mid2 >> 64);
}

static int clz128(u128 v)
{
    u64 hi = (u64)(v >> 64);
    return hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((u64)v);
}

/* The number V * 2^(exp - 127), brought to normal form. */
static struct wide wide_make(bool sign, s32 exp, u128 v)
{
    if (v == 0)
        return (struct wide){sign, 0, 0};
    int shift = clz128(v);
    return (struct wide){sign, exp - shift, v << shift};
}

static struct wide wide_of(const struct fp_num *n)
{
    return (struct wide){n->sign, n->exp, (u128)n->sig << 64};
}

static struct wide wide_mul(struct wide a, struct wide b)
{
    return wide_make(a.sign ^ b.sign, a.exp + b.exp + 1, mulhi(a.sig, b.sig));
}

static struct wide wide_add(struct wide a, struct wide b)
{
    if (a.sig == 0)
        return b;
    if (b.sig == 0)
        return a;
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct wide t = a;
        a = b;
        b = t;
    }
    u128 y = fp_shift_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.sign != b.sign)
        return wide_make(a.sign, a.exp, a.sig - y);
    u128 sum = a.sig + y;
    if (sum >= a.sig)
        return (struct wide){a.sign, a.exp, sum};
    return (struct wide){a.sign, a.exp + 1, sum >> 1 | ONE};
}

/* One Newton step on a 64-bit reciprocal. */
static struct wide wide_div(struct wide a, struct wide b)
{
    u64 rem;
    u128 r = (u128)fp_div128(TOP_BIT - 1, ~(u64)0, (u64)(b.sig >> 64), &rem) << 64; /* units of 2^-128 */
    u128 p = mulhi(b.sig, r);                                                       /* Q127, near 1 */
    if (p <= ONE)
        r += mulhi(r, (ONE - p) << 1);
    else
        r -= mulhi(r, (p - ONE) << 1);
    return wide_make(a.sign ^ b.sign, a.exp - b.exp, mulhi(a.sig, r));
}

/* |a| < 1 in units of 2^-128. */
static u128 wide_fraction(struct wide a)
{
    return a.exp < -128 ? 0 : a.sig >> (-1 - a.exp);
}

/* Rounds an inexact result. */
static struct f80 wide_round(struct fp_env *env, struct wide a)
{
    return f80_round_pack(env, (struct fp_raw){a.sign, a.exp, (u64)(a.sig >> 64), (u64)a.sig | 1}, 64);
}

static u64 mulhi64(u64 a, u64 b)
{
    return (u64)((u128)a * b >> 64);
}

/*
 * Most results need no 115 good bits to be rounded right. The fast ways behind tables use 64-bit products and are off
 * by less than OFF in the last place of A: unless a boundary of rounding is that near, the long way comes to the same.
 */
static bool is_clear(struct wide a, u64 off)
{
    return a.exp > -F80_BIAS && ((u64)a.sig + off) << 1 > off << 2;
}

/*
 * Rounds V / 2^127 * 2^EXP, off by less than OFF units of V. False: a boundary of rounding is too near, or V too small.
 * Without branches on what is random.
 */
static bool fast_round(struct fp_env *env, bool sign, s32 exp, u128 v, u64 off, struct f80 *r)
{
    u64 hi = (u64)(v >> 64), lo = (u64)v;
    int shift = hi ? __builtin_clzll(hi) : 64;
    if (shift > 7)
        return false;
    hi = hi << shift | lo >> 1 >> (63 - shift);
    lo <<= shift;
    off <<= shift;
    if ((lo + off) << 1 <= off << 2)
        return false;
    bool up = env->rc == FP_NEAREST ? lo >> 63 : env->rc != FP_CHOP && (env->rc == FP_DOWN) == sign;
    u64 sig = hi + up;
    exp += F80_BIAS - shift + (sig < hi);
    env->flags |= FP_PE;
    env->c1 = up;
    *r = f80_make(sign, (unsigned)exp, sig | TOP_BIT);
    return true;
}

/* ---- operands ---- */

static bool special(const struct fp_num *x)
{
    return x->cls > FP_INF;
}

static struct f80 invalid(struct fp_env *env)
{
    env->flags |= FP_IE;
    env->c1 = false;
    return F80_INDEFINITE;
}

static struct f80 inf(bool sign)
{
    return f80_make(sign, F80_EXP_MAX, TOP_BIT);
}

static struct f80 zero(bool sign)
{
    return f80_make(sign, 0, 0);
}

/* ---- sine, cosine, tangent ---- */

/*
 * x = quadrant * pi/2 + r, |r| <= pi/4. FALSE: |x| >= 2^63. pi has 66 significant bits, so x and pi/2 are
 * integers in units of 2^-65 and the remainder is exact.
 */
static bool reduce(const struct fp_num *x, struct wide *r, unsigned *quadrant)
{
    const u128 half_pi_66 = W(0x3, 0x243F6A8885A308D3);
    const u128 inverse = W(0xA2F9836E4E44152A, 0x00062BC40DA276BE); /* 2^193 / half_pi_66, chopped */
    *quadrant = 0;
    *r = wide_of(x);
    if (x->exp >= 63)
        return false;
    if (x->exp < -1)
        return true;
    u128 v = (u128)x->sig << (x->exp + 2);
    u128 q = mulhi(v, inverse) >> 65; /* too small by at most 2 */
    v -= q * half_pi_66;
    for (; v >= half_pi_66; q++)
        v -= half_pi_66;
    bool over = v > half_pi_66 - v;
    if (over) {
        v = half_pi_66 - v;
        q++;
    }
    *quadrant = (unsigned)(x->sign ? -q : q) & 3;
    *r = wide_make(x->sign ^ over, 127 - 65, v);
    return true;
}

/* Sine and cosine, units of 2^-128, off by less than SINE_OFF. */
struct turned {
    u128 sine, cosine;
    bool sine_sign, cosine_sign;
};
#define SINE_OFF ((u64)1 << 56)

/*
 * The fast way for 1/64 <= |x| < 2^41 that is a multiple of pi/2 and r, 1/64 <= |r|: r = k/32 + u. Units: 2^-69 for r
 * and u, 2^-75 for the square Z, 2^-64 for the same in T. False: x is another.
 */
static bool fast_sine_and_cosine(const struct fp_num *x, struct turned *w)
{
    const u64 half_pi_69 = 0x43F6A8885A308D30, high = 0x32; /* and its upper half */
    if (x->exp < -6 || x->exp > 40)
        return false;
    unsigned below_1 = (unsigned)(55 - x->exp);
    u64 q =
        ((mulhi64(x->sig, 0xA2F9836E4E44152A) >> 8) + ((u64)1 << (below_1 - 1))) >> below_1; /* 2/pi, units of 2^-64 */
    u128 v = W(x->sig >> 1 >> (57 - x->exp), x->sig << (x->exp + 6)) - (u128)q * half_pi_69 - ((u128)(q * high) << 64);
    bool minus = v >> 127;
    v = minus ? -v : v;
    unsigned k = (unsigned)((v + TOP_BIT) >> 64);
    if (k == 0)
        return false;
    u128 sk = sine_table[k].sine, ck = sine_table[k].cosine, below = -(u128)((u64)v >> 63); /* all ones: u < 0 */
    u64 u = ((u64)v ^ (u64)below) - (u64)below, z = (u64)((u128)u * u >> 63), t = z >> 11;
    u64 c = 0x0AAAAAAAAAAAAAAB - mulhi64(t, 0x005B05B05B05B05B - mulhi64(t, 0x0001A01A01A01A02));
    c = (z >> 1) - mulhi64(z, mulhi64(t, c)); /* 1 - cos u */
    u64 s = 0x0222222222222222 - mulhi64(t, 0x000D00D00D00D00D - mulhi64(t, 0x00002E3BC74AAD8E));
    s = mulhi64(z, 0x2AAAAAAAAAAAAAAB - mulhi64(t, s)); /* 1 - sin u / u */
    u128 su = ((u128)u << 59) - ((u128)mulhi64(u, s) << 48);
    u128 a = mulhi(ck, su), b = mulhi(sk, su);
    sk += (a ^ below) - below - ((u128)mulhi64((u64)(sk >> 64), c) << 53);
    ck -= (b ^ below) - below + ((u128)mulhi64((u64)(ck >> 64), c) << 53);
    w->sine = q & 1 ? ck : sk;
    w->cosine = q & 1 ? sk : ck;
    w->sine_sign = x->sign ^ (q >> 1 & 1) ^ (minus & ~q & 1);
    w->cosine_sign = ((q + 1) >> 1 & 1) ^ (minus & q & 1);
    return true;
}

/* Of SINE and COSINE either may be NULL. C1 tells of the sine. */
static bool fast_sincos(struct fp_env *env, const struct fp_num *x, struct f80 *sine, struct f80 *cosine)
{
    struct turned w;
    return fast_sine_and_cosine(x, &w) && (!cosine || fast_round(env, w.cosine_sign, -1, w.cosine, SINE_OFF, cosine)) &&
           (!sine || fast_round(env, w.sine_sign, -1, w.sine, SINE_OFF, sine));
}

/* The sums of (-z)^n / (2n)! and (-z)^n / (2n + 1)!, Q127, and one unit less: the true values are below 1 even where z
 * vanishes. */
static void sine_and_cosine(struct wide r, struct wide *sine, struct wide *cosine)
{
    u128 z = wide_fraction(wide_mul(r, r)), s = 0, c = 0;
    for (unsigned n = 14; n-- > 0;) { /* they do not wait for each other */
        s = inv_factorial[2 * n + 1] - mulhi(s, z);
        c = inv_factorial[2 * n] - mulhi(c, z);
    }
    *sine = wide_mul(r, wide_make(false, 0, s - 1));
    *cosine = wide_make(false, 0, c - 1);
}

/* QUADRANT quarter turns are added. */
static void turn(unsigned quadrant, struct wide *sine, struct wide *cosine)
{
    struct wide s = *sine, c = *cosine;
    *sine = quadrant & 1 ? c : s;
    *cosine = quadrant & 1 ? s : c;
    sine->sign ^= quadrant >> 1 & 1;
    cosine->sign ^= (quadrant + 1) >> 1 & 1;
}

bool f80_sincos(struct fp_env *env, struct f80 x, struct f80 *sine, struct f80 *cosine)
{
    struct fp_num n = f80_unpack(x);
    struct wide r;
    struct f80 s = x, c = F80_ONE;
    unsigned quadrant;
    env->c1 = false;
    if (special(&n)) {
        s = c = f80_add(env, x, x);
    } else if (n.cls == FP_INF) {
        s = c = invalid(env);
    } else if (n.cls == FP_FINITE && !(n.den && fp_stop(env, FP_DE))) {
        struct wide ws, wc;
        if (fast_sincos(env, &n, sine, cosine))
            return true;
        if (!reduce(&n, &r, &quadrant))
            return false;
        sine_and_cosine(r, &ws, &wc);
        turn(quadrant, &ws, &wc);
        if (cosine)
            c = wide_round(env, wc);
        if (sine) /* last: C1 tells of the sine */
            s = wide_round(env, ws);
    }
    if (sine)
        *sine = s;
    if (cosine)
        *cosine = c;
    return true;
}

bool f80_ptan(struct fp_env *env, struct f80 x, struct f80 *tangent)
{
    struct fp_num n = f80_unpack(x);
    struct wide r;
    unsigned quadrant;
    env->c1 = false;
    *tangent = x;
    if (special(&n)) {
        *tangent = f80_add(env, x, x);
    } else if (n.cls == FP_INF) {
        *tangent = invalid(env);
    } else if (n.cls == FP_FINITE && !(n.den && fp_stop(env, FP_DE))) {
        if (!reduce(&n, &r, &quadrant))
            return false;
        if (n.exp < -64) { /* x + x^3 / 3 */
            *tangent = wide_round(env, r);
        } else {
            struct wide sine, cosine;
            sine_and_cosine(r, &sine, &cosine);
            turn(quadrant, &sine, &cosine);
            *tangent = wide_round(env, wide_div(sine, cosine));
        }
    }
    return true;
}

/* ---- arc tangent ---- */

/* Sum of z^n / (2n + 1), of alternating signs if ALTERNATE. */
static u128 odd_series(u128 z, unsigned terms, bool alternate)
{
    u128 acc = 0;
    for (unsigned n = terms; n-- > 0;) {
        u128 t = mulhi(acc, z);
        acc = alternate ? inv_odd[n] - t : inv_odd[n] + t;
    }
    return acc;
}

/* Arc tangent of a number up to 1/64 or so, the fast way: off by 2^-72.5 of itself. Squares have units of 2^-74 (Z) and
 * 2^-64 (T). */
static struct wide fast_atan(struct wide u)
{
    u64 hi = (u64)(u.sig >> 64);
    unsigned shift = (unsigned)(-12 - 2 * u.exp);
    u64 z = shift < 64 ? mulhi64(hi, hi) >> shift : 0, t = z >> 10;
    u64 q = 0x1C71C71C71C71C72 - mulhi64(t, 0x1745D1745D1745D1 - mulhi64(t, 0x13B13B13B13B13B1));
    q = 0x3333333333333333 - mulhi64(t, 0x2492492492492492 - mulhi64(t, q));
    q = mulhi64(z, 0x5555555555555555 - mulhi64(t, q)); /* 1 - atan u / u */
    return wide_make(u.sign, u.exp, u.sig - ((u128)hi * q >> 10));
}

/* atan(a / b) for positive a <= b: atan(k/32) + atan(u) with u = (a - b k/32) / (b + a k/32), |u| <= 1/64 or so. */
static struct wide atan_ratio(const struct fp_num *a, const struct fp_num *b, bool fast)
{
    u64 k = 0;
    s32 d = b->exp - a->exp;
    struct wide u;
    if (d < 7) {
        u64 as = a->sig >> 32, bs = b->sig >> 32 << d;
        k = (64 * as + bs) / (2 * bs);
    }
    if (k == 0) {
        u = wide_div((struct wide){false, a->exp, (u128)a->sig << 64},
                     (struct wide){false, b->exp, (u128)b->sig << 64});
    } else {
        u128 x = (u128)b->sig << d, y = a->sig;
        bool minus = 32 * y < k * x;
        u128 num = minus ? k * x - 32 * y : 32 * y - k * x;
        u = num ? wide_div(wide_make(minus, 127, num), wide_make(false, 127, 32 * x + k * y)) : (struct wide){0};
    }
    if (u.sig && fast) {
        u = fast_atan(u);
    } else if (u.sig) {
        u128 z = wide_fraction(wide_mul(u, u));
        u = wide_mul(u, wide_make(false, 0, odd_series(z, 11, true) - 1));
    }
    return wide_add(wide_make(false, -1, atan_table[k]), u);
}

/*
 * N / D, units of 2^-128, for N < 2^120 and D from 2^125 to 2^127, N / D up to 1/64 or so: by a reciprocal of 32 bits,
 * R, and 1/(1 - e) = 1 + e + e^2 for what it lacks. Off by 2^-90.
 */
static u128 fast_ratio(u128 n, u128 d)
{
    d <<= 1;
    u64 r = ~(u64)0 / ((u64)(d >> 96) + 1);
    u64 e = (u64)((((u128)1 << 96) - (d >> 64) * r - ((u128)(u64)d * r >> 64)) >> 4); /* units of 2^-92 */
    e += mulhi64(e, e) >> 28;
    u128 q = ((n >> 64) * r << 33) + ((u128)(u64)n * r >> 31);
    return q + ((u128)(u64)(q >> 59) * e >> 33);
}

/*
 * The fast way where the angle of (x, y) is not small: it is that of the smaller over the larger, k/32 + u in the
 * formula of atan_ratio(), or lies so to an axis. Units of the square Z are 2^-74, of T 2^-64.
 */
static bool fast_patan(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *angle)
{
    bool steep = y->exp > x->exp || (y->exp == x->exp && y->sig > x->sig);
    u64 a = steep ? x->sig : y->sig, b = steep ? y->sig : x->sig;
    s32 d = steep ? y->exp - x->exp : x->exp - y->exp;
    if (d > 6)
        return false;
    u64 bs = b >> 32 << d, k = ((a >> 32) * 64 + bs) / (2 * bs);
    u128 num = ((u128)a << (62 - d)) - ((u128)k * b << 57), den = ((u128)b << 62) + ((u128)k * a << (57 - d));
    u128 minus = -(num >> 127), u = fast_ratio((num ^ minus) - minus, den);
    u64 uh = (u64)(u >> 59), z = mulhi64(uh, uh), t = z >> 10;
    u64 q = 0x1C71C71C71C71C72 - mulhi64(t, 0x1745D1745D1745D1 - mulhi64(t, 0x13B13B13B13B13B1));
    q = 0x3333333333333333 - mulhi64(t, 0x2492492492492492 - mulhi64(t, q));
    q = mulhi64(z, 0x5555555555555555 - mulhi64(t, q)); /* 1 - atan u / u */
    u -= (u128)uh * q >> 15;
    u128 v = (atan_table[k] + (u ^ minus) - minus) >> 2;
    v = steep ? (half_pi.sig >> 1) - v : v;
    v = x->sign ? pi.sig - v : v;
    return fast_round(env, y->sign, 1, v, (u64)1 << 50, angle);
}

/* Angle of the point (x, y) where at least one is zero or infinite: a multiple of pi/4. */
static struct f80 axis_angle(struct fp_env *env, const struct fp_num *x, const struct fp_num *y)
{
    struct wide v;
    bool both_inf = x->cls == FP_INF && y->cls == FP_INF;
    if (!both_inf && (y->cls == FP_ZERO || x->cls == FP_INF)) {
        if (!x->sign)
            return zero(y->sign);
        v = pi;
    } else {
        v = half_pi;
        if (both_inf) {
            v.exp--;
            if (x->sign)
                v = wide_add(v, half_pi);
        }
    }
    v.sign = y->sign;
    return wide_round(env, v);
}

/* Of the point (x, y) elsewhere. */
static struct wide angle(const struct fp_num *x, const struct fp_num *y, bool fast)
{
    bool steep = y->exp > x->exp || (y->exp == x->exp && y->sig > x->sig);
    struct wide v = steep ? atan_ratio(x, y, fast) : atan_ratio(y, x, fast);
    if (steep) {
        v.sign = true;
        v = wide_add(half_pi, v);
    }
    if (x->sign) {
        v.sign ^= true;
        v = wide_add(pi, v);
    }
    v.sign = y->sign;
    return v;
}

struct f80 f80_patan(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num a = f80_unpack(x), b = f80_unpack(y);
    if (special(&a) || special(&b))
        return f80_add(env, x, y);
    env->c1 = false;
    if ((a.den || b.den) && fp_stop(env, FP_DE))
        return y;
    if (a.cls != FP_FINITE || b.cls != FP_FINITE)
        return axis_angle(env, &a, &b);
    struct f80 near;
    if (fast_patan(env, &a, &b, &near))
        return near;
    struct wide v = angle(&a, &b, true);
    if (!is_clear(v, (u64)1 << 57))
        v = angle(&a, &b, false);
    return wide_round(env, v);
}

/* ---- exponential and logarithm ---- */

struct f80 f80_2xm1(struct fp_env *env, struct f80 x)
{
    struct fp_num n = f80_unpack(x);
    if (special(&n))
        return f80_add(env, x, x);
    env->c1 = false;
    if (n.cls == FP_INF)
        return n.sign ? f80_make(true, F80_BIAS, TOP_BIT) : x;
    if (n.cls == FP_ZERO || (n.den && fp_stop(env, FP_DE)))
        return x;
    if (n.exp >= 0) { /* 1, -1 and what the manual leaves undefined: there the silicon gives the operand back */
        env->flags |= FP_PE;
        if (n.exp == 0 && n.sig == TOP_BIT && n.sign)
            return f80_make(true, F80_BIAS - 1, TOP_BIT);
        return x;
    }
    struct wide y = wide_mul(wide_of(&n), ln_2);
    u128 f = wide_fraction(y);
    u128 acc = 0;
    for (unsigned k = 27; k >= 1; k--) {
        u128 t = mulhi(acc, f);
        acc = n.sign ? inv_factorial[k] - t : inv_factorial[k] + t;
    }
    return wide_round(env, wide_mul(y, wide_make(false, 0, acc)));
}

/* log2(1 + f) for 1 + f between about 1/sqrt(2) and sqrt(2): 2 log2(e) atanh(f / (2 + f)). */
static struct wide log2_1p(struct wide f)
{
    const struct wide two = {false, 1, ONE};
    struct wide s = wide_div(f, wide_add(two, f));
    u128 z = wide_fraction(wide_mul(s, s));
    return wide_mul(wide_mul(s, two_log2_e), wide_make(false, 0, odd_series(z, 22, false)));
}

/* log2 of a positive number other than 1. */
static struct wide log2_of(struct wide x)
{
    const struct wide minus_one = {true, 0, ONE};
    s32 e = x.exp;
    x.exp = 0;
    if (x.sig > W(0xB504F333F9DE6484, 0)) {
        x.exp = -1;
        e++;
    }
    struct wide f = wide_add(x, minus_one);
    struct wide whole = wide_make(e < 0, 127, (u128)(e < 0 ? -e : e));
    return f.sig ? wide_add(whole, log2_1p(f)) : whole;
}

/* y * 0 and y * infinity for the logarithms' limits: the log is zero, or infinite with sign SIGN. */
static struct f80 limit(struct fp_env *env, const struct fp_num *y, bool log_infinite, bool sign)
{
    if (y->cls == (log_infinite ? FP_ZERO : FP_INF))
        return invalid(env);
    if (y->den && fp_stop(env, FP_DE))
        return F80_ZERO;
    return log_infinite ? inf(y->sign ^ sign) : zero(y->sign ^ sign);
}

struct f80 f80_yl2x(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num n = f80_unpack(x), f = f80_unpack(y);
    if (special(&n) || special(&f))
        return f80_add(env, x, y);
    env->c1 = false;
    if (n.cls == FP_ZERO) {
        if (f.cls == FP_FINITE)
            env->flags |= FP_ZE;
        return f.cls == FP_ZERO ? invalid(env) : inf(!f.sign);
    }
    if (n.sign)
        return invalid(env);
    if (n.cls == FP_INF)
        return limit(env, &f, true, false);
    bool below = n.exp < 0;
    bool power = n.sig == TOP_BIT; /* of two */
    if (power && n.exp == 0)
        return limit(env, &f, false, false);
    if ((n.den || f.den) && fp_stop(env, FP_DE))
        return y;
    if (f.cls == FP_INF)
        return inf(f.sign ^ below);
    if (f.cls == FP_ZERO)
        return zero(f.sign ^ below);
    if (power) {
        struct fp_num whole = f80_unpack(f80_from_s64(n.exp));
        struct fp_raw r;
        fp_mul_core(&whole, &f, &r);
        struct f80 v = f80_round_pack(env, r, 64);
        env->flags |= (v.se & F80_EXP_MAX) == 0 ? FP_PE | FP_UE : FP_PE; /* even where the product is exact */
        return v;
    }
    return wide_round(env, wide_mul(log2_of(wide_of(&n)), wide_of(&f)));
}

struct f80 f80_yl2xp1(struct fp_env *env, struct f80 x, struct f80 y)
{
    struct fp_num n = f80_unpack(x), f = f80_unpack(y);
    if (special(&n) || special(&f))
        return f80_add(env, x, y);
    env->c1 = false;
    if (n.cls == FP_ZERO)
        return limit(env, &f, false, n.sign);
    if (n.sign && n.cls == FP_INF)
        return invalid(env);
    if (n.cls == FP_INF)
        return limit(env, &f, true, false);
    if ((n.den || f.den) && fp_stop(env, FP_DE))
        return y;
    if (f.cls == FP_INF)
        return inf(f.sign ^ n.sign);
    if (f.cls == FP_ZERO)
        return zero(f.sign ^ n.sign);
    if (n.sign && n.exp >= 0) { /* 1 + x <= 0, undefined by the manual: the silicon gives x */
        env->flags |= FP_PE;
        return x;
    }
    const struct wide one = {false, 0, ONE};
    struct wide v = n.exp < -2 ? log2_1p(wide_of(&n)) : log2_of(wide_add(one, wide_of(&n)));
    return wide_round(env, wide_mul(v, wide_of(&f)));
}
