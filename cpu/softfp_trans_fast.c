/*
 * softfp_trans_fast.c - the fast ways of the x87's transcendental functions: fixed point with 64-bit products behind
 * tables, without branches on what is random. See softfp_trans.h.
 *
 * An argument is the place of a table's entry and a remainder of 1/64 or less. Small arguments have their function as a
 * factor 1 + g, so that it is good to as many bits.
 */
#include "cpu/softfp_trans.h"

typedef __int128 s128;

/* atan(k / 32), units of 2^-128 */
const u128 atan_table[] = {
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

/* 2^(k / 32), Q127 */
static const u128 exp_table[] = {
    W(0x8000000000000000, 0x0000000000000000), W(0x82CD8698AC2BA1D7, 0x3E2A475B46520BFF),
    W(0x85AAC367CC487B14, 0xC5C95B8C2154C1B2), W(0x88980E8092DA8527, 0x5DF8D76C98C67563),
    W(0x8B95C1E3EA8BD6E6, 0xFBE4628758A53C90), W(0x8EA4398B45CD53C0, 0x2DC0144C8783D4C6),
    W(0x91C3D373AB11C336, 0x0FD6D8E0AE5AC9D8), W(0x94F4EFA8FEF70961, 0x2E8AFAD12551DE54),
    W(0x9837F0518DB8A96F, 0x46AD23182E42F6F6), W(0x9B8D39B9D54E5538, 0xA2A817A2A3CC3F1F),
    W(0x9EF5326091A111AD, 0xA0911F09EBB9FDD1), W(0xA27043030C496818, 0x9B7A04EF80CFDEA8),
    W(0xA5FED6A9B15138EA, 0x1CBD7F621710701B), W(0xA9A15AB4EA7C0EF8, 0x541E24EC3531FA73),
    W(0xAD583EEA42A14AC6, 0x4980A8C8F59A2EC4), W(0xB123F581D2AC258F, 0x87D037E96D215D8E),
    W(0xB504F333F9DE6484, 0x597D89B3754ABE9F), W(0xB8FBAF4762FB9EE9, 0x1B879778566B65A2),
    W(0xBD08A39F580C36BE, 0xA8811FB66D0FAF7A), W(0xC12C4CCA66709456, 0x7C457D59A50087B5),
    W(0xC5672A115506DADD, 0x3E2AD0C964DD9F37), W(0xC9B9BD866E2F27A2, 0x80E1F92A0511697E),
    W(0xCE248C151F8480E3, 0xE235838F95F2C6ED), W(0xD2A81D91F12AE45A, 0x12248E57C3DE4028),
    W(0xD744FCCAD69D6AF4, 0x39A68BB9902D3FDE), W(0xDBFBB797DAF23755, 0x3D840D5A9E29AA64),
    W(0xE0CCDEEC2A94E111, 0x065895048DD333CA), W(0xE5B906E77C8348A8, 0x1E5E8F4A4EDBB0ED),
    W(0xEAC0C6E7DD24392E, 0xD02D75B3706E54FB), W(0xEFE4B99BDCDAF5CB, 0x46561CF6948DB913),
    W(0xF5257D152486CC2C, 0x7B9D0C7AED980FC3), W(0xFA83B2DB722A033A, 0x7C25BB14315D7FCD),
};

/* For 64ths from 1 on: a number near 256 / x, 1 / x exactly at both ends, and -log2 of that 256th, units of 2^-112. */
static const u16 inverse_table[] = {
    256, 250, 246, 243, 239, 236, 232, 229, 226, 223, 220, 217, 214, 211, 209, 206, 204, 201, 199, 196, 194, 192,
    189, 187, 185, 183, 181, 179, 177, 175, 173, 172, 170, 168, 166, 165, 163, 161, 160, 158, 157, 155, 154, 152,
    151, 150, 148, 147, 146, 144, 143, 142, 141, 139, 138, 137, 136, 135, 134, 133, 132, 131, 130, 128,
};
static const u128 log_table[] = {
    W(0x0000000000000000, 0x0000000000000000), W(0x000008C25C7262B5, 0x7C1491F06C085BC2),
    W(0x00000EB75E8F8FF5, 0xFF022AACC0E21D65), W(0x0000133F7CDE14CF, 0x59E1DFC8A5CDDF46),
    W(0x00001960CAF9ABB7, 0xC9EDE45B7759DA89), W(0x00001E0B1AE8F2FD, 0x5664B3A58DB2427E),
    W(0x0000245B5B855669, 0x2DA5A475E64E39C9), W(0x00002929F0C771BE, 0x69754E94F2846040),
    W(0x00002E08C0638F3F, 0x097C33972AEF4B5D), W(0x000032F8396278FD, 0x810B5465AA16819F),
    W(0x000037F8CF4FFFE9, 0x980DE057BDC173EC), W(0x00003D0AFA7A6C26, 0xCF7BC818BCDAF053),
    W(0x0000422F383657E8, 0xDFB0AA4406F31C09), W(0x000047660B27549C, 0x20D74C0211BF646D),
    W(0x00004AEA830D2F87, 0xAFBFB354686FA0CD), W(0x00005041805F0FB2, 0x8A39A729FD1994FB),
    W(0x000053DBEECB3B16, 0x61E393A16B94B51D), W(0x00005954AD266189, 0xDDAC9080333C6053),
    W(0x00005D062B3AEFC6, 0x3AD94000FECC68AB), W(0x000062A2602AFEF4, 0xC999AA6DF8B7D835),
    W(0x0000666C1CAA5B1A, 0xC9BCA36FD02DEEFF), W(0x00006A3FE5C60429, 0x78605FF4EDF5F974),
    W(0x00007010E1678BF6, 0xCDEDF515C63DD877), W(0x000073FEB9846B44, 0xAD8A38B4175D6654),
    W(0x000077F7627561B8, 0xAC2719128C8298D4), W(0x00007BFB186C047E, 0x156D261F1753E0AE),
    W(0x0000800A1995F001, 0x9518CE032F41D1E7), W(0x00008424A6335C77, 0x7E0B87F95F1BEFB7),
    W(0x0000884B00AEF726, 0xCEC5139A7BA83BF3), W(0x00008C7D6DB7169E, 0x0CDA8BD744617E9B),
    W(0x000090BC345861BF, 0x3D52EF4C737FBA4F), W(0x000092E050231DF5, 0x7D6FAE441C09D762),
    W(0x0000973227D6027E, 0xBD8A0EFCA1A184E9), W(0x00009B9115DB83A3, 0xDD2D352BEA51E58F),
    W(0x00009FFD6A73A78E, 0xAF354527D82C8215), W(0x0000A238B5160413, 0x106E404CABB76D60),
    W(0x0000A6B9C06E6211, 0x646B761C48DD859E), W(0x0000AB49080ECDA5, 0x3208C27C6780D92B),
    W(0x0000AD961ED0CB91, 0xD406DB502402C941), W(0x0000B23B6CC56CC8, 0x4C99BB324DA7E047),
    W(0x0000B493BC0EC995, 0x4243B21709CE430D), W(0x0000B94FE935B83E, 0x3EB5CE31E481CD79),
    W(0x0000BBB3E094B3D2, 0x28D3DA3E961A96C6), W(0x0000C087D28DFB2F, 0xEBB8AE4CCEB0F622),
    W(0x0000C2F7E831632B, 0x66706C1855C42079), W(0x0000C56C23679B4D, 0x206E169535FB8BF5),
    W(0x0000CA6143A49626, 0xD8203DC2687FCF94), W(0x0000CCE245F1031E, 0x41FA0A62E6ADD1A9),
    W(0x0000CF67A85FA1F8, 0x9A045BB6E23138AD), W(0x0000D47FCB8C0852, 0xF0C0BFE9DBEBF2E9),
    W(0x0000D712AC0CF811, 0x659D8E2D7D378128), W(0x0000D9AA2C3B0EA3, 0xCBC15C1A7F14B169),
    W(0x0000DC465CD155A9, 0x0942B7579F0F8D3D), W(0x0000E18D13EE805A, 0x4DE3424A2623D60E),
    W(0x0000E437BDBF5254, 0x459C4D3A591AE685), W(0x0000E6E75E91B9CC, 0xA5518DCDB6B24C5C),
    W(0x0000E99C090536EC, 0xE98333AC7D9EBBA9), W(0x0000EC55D022D80E, 0x3D27FB2EEDE4B59E),
    W(0x0000EF14C7605D60, 0x654C308B454666DF), W(0x0000F1D902A37AAA, 0x50858383CB0CE23C),
    W(0x0000F4A296453881, 0x3C6764FC87B4A41F), W(0x0000F77197157665, 0xF6893F5D7D82B65C),
    W(0x0000FA461A5E8F4B, 0x759D6476077B9FBD), W(0x0001000000000000, 0x0000000000000000),
};

/*
 * Rounds V / 2^127 * 2^EXP, off by less than OFF units of V. False: a boundary of rounding is too near, or V too small.
 * Without branches on what is random.
 */
static bool fast_round(struct fp_env *env, bool sign, s32 exp, u128 v, u64 off, struct f80 *r)
{
    u64 hi = (u64)(v >> 64), lo = (u64)v;
    int shift = hi ? __builtin_clzll(hi) : 64;
    if (shift > 8 || off > (TOP_BIT >> 2) >> shift)
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

/* V (1 + G), G in units of 2^-70. */
static u128 grown(s128 v, s64 g)
{
    return (u128)v + (u128)((v >> 64) * g >> 6);
}

/* C0 + C1 x, units of 2^-64, for an X of units of 2^-69. */
static u64 line(u64 c0, s64 c1, s64 x)
{
    return c0 + (u64)((s128)c1 * x >> 69);
}

/* N units of 2^(exp - 63), at most 1/2 or so in units of 2^-69. */
static u128 in_69ths(u64 n, s32 exp)
{
    return W(n >> 1 >> (57 - exp), n << (exp + 6));
}

/* ---- sine, cosine, tangent ---- */

/* Of an angle, off by less than SINE_OFF in the last place; not normalized. */
struct turned {
    struct wide of[2];
};
enum { SINE, COSINE, SINE_OFF_BITS = 55 };
#define SINE_OFF ((u64)1 << SINE_OFF_BITS)

/* 1 - sin u / u and 1 - cos u for u^2 = Z; all in units of 2^-75. */
static void one_minus(u64 z, u64 *s, u64 *c)
{
    u64 t = z >> 11; /* units of 2^-64 */
    u64 a = 0x0AAAAAAAAAAAAAAB - mulhi64(t, 0x005B05B05B05B05B - mulhi64(t, 0x0001A01A01A01A02));
    u64 b = 0x0222222222222222 - mulhi64(t, 0x000D00D00D00D00D - mulhi64(t, 0x00002E3BC74AAD8E));
    *c = (z >> 1) - mulhi64(z, mulhi64(t, a));
    *s = mulhi64(z, 0x2AAAAAAAAAAAAAAB - mulhi64(t, b));
}

/* Of SIG / 2^63 * 2^EXP, less than 1/64. */
static bool small_angle(u64 sig, s32 exp, struct turned *w)
{
    u64 s, c;
    if (exp < -34 || !sig)
        return false;
    one_minus(mulhi64(sig, sig) >> (-13 - 2 * exp), &s, &c);
    w->of[SINE] = (struct wide){false, exp, ((u128)sig << 64) - ((u128)sig * s >> 11)};
    w->of[COSINE] = (struct wide){false, -1, -((u128)c << 53)};
    return true;
}

/* Of k / 32 + U / 2^69. */
static void middle_angle(unsigned k, s64 u, struct turned *w)
{
    u128 sk = sine_table[k].sine, ck = sine_table[k].cosine, below = -(u128)(u < 0);
    u64 n = ((u64)u ^ (u64)below) - (u64)below, s, c;
    one_minus((u64)((u128)n * n >> 63), &s, &c);
    u128 su = ((u128)n << 59) - ((u128)mulhi64(n, s) << 48);
    u128 a = mulhi(ck, su), b = mulhi(sk, su);
    a = (a ^ below) - below - ((u128)mulhi64((u64)(sk >> 64), c) << 53);
    b = (b ^ below) - below + ((u128)mulhi64((u64)(ck >> 64), c) << 53);
    w->of[SINE] = (struct wide){false, -1, sk + a};
    w->of[COSINE] = (struct wide){false, -1, ck - b};
}

/* |x| < 2^41 is a multiple of pi/2 and r, |r| < pi/4 or hardly more. */
static bool sine_and_cosine(const struct fp_num *x, struct turned *w)
{
    const u64 half_pi_69 = 0x43F6A8885A308D30, high = 0x32; /* and its upper half; of 66 bits */
    if (x->exp < -6) {
        if (!small_angle(x->sig, x->exp, w))
            return false;
        w->of[SINE].sign = x->sign;
        return true;
    }
    if (x->exp > 40)
        return false;
    unsigned below_1 = (unsigned)(55 - x->exp);
    u64 q =
        ((mulhi64(x->sig, 0xA2F9836E4E44152A) >> 8) + ((u64)1 << (below_1 - 1))) >> below_1; /* 2/pi, units of 2^-64 */
    u128 v = in_69ths(x->sig, x->exp) - (u128)q * half_pi_69 - ((u128)(q * high) << 64);
    bool minus = v >> 127;
    v = minus ? -v : v;
    unsigned k = (unsigned)((v + TOP_BIT) >> 64);
    struct turned r;
    if (k) {
        middle_angle(k, (s64)v, &r);
    } else {
        int shift = v ? __builtin_clzll((u64)v) : 0;
        if (!small_angle((u64)v << shift, -6 - shift, &r))
            return false;
    }
    w->of[SINE] = r.of[SINE ^ (q & 1)];
    w->of[COSINE] = r.of[COSINE ^ (q & 1)];
    w->of[SINE].sign = x->sign ^ (q >> 1 & 1) ^ (minus & ~q & 1);
    w->of[COSINE].sign = ((q + 1) >> 1 & 1) ^ (minus & q & 1);
    return true;
}

static bool round_turned(struct fp_env *env, const struct wide *v, struct f80 *r)
{
    return fast_round(env, v->sign, v->exp, v->sig, SINE_OFF, r);
}

bool fast_sincos(struct fp_env *env, const struct fp_num *x, struct f80 *sine, struct f80 *cosine)
{
    struct turned w;
    return sine_and_cosine(x, &w) && (!cosine || round_turned(env, &w.of[COSINE], cosine)) &&
           (!sine || round_turned(env, &w.of[SINE], sine));
}

/* ---- ratios ---- */

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

bool fast_tangent(struct fp_env *env, const struct fp_num *x, struct f80 *tangent)
{
    struct turned w;
    if (!sine_and_cosine(x, &w))
        return false;
    struct wide s = wide_make(w.of[SINE].sign, w.of[SINE].exp, w.of[SINE].sig);
    struct wide c = wide_make(w.of[COSINE].sign, w.of[COSINE].exp, w.of[COSINE].sig);
    u128 q = fast_ratio(s.sig >> 8, c.sig >> 1); /* of up to 2^122 */
    u64 lost = ((u64)1 << (w.of[SINE].exp - s.exp)) + ((u64)1 << (w.of[COSINE].exp - c.exp));
    u64 off = ((u64)(q >> 64 >> (63 - SINE_OFF_BITS)) + 1) * lost;
    return fast_round(env, s.sign ^ c.sign, s.exp - c.exp + 6, q, off, tangent);
}

/* ---- arc tangent ---- */

/*
 * The fast way where the angle of (x, y) is not small: it is that of the smaller over the larger, k/32 + u in the
 * formula of atan_ratio(), or lies so to an axis. Units of the square Z are 2^-74, of T 2^-64.
 */
bool fast_angle(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *angle)
{
    const u128 pi = W(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1), half_pi = pi >> 1; /* units of 2^-126 */
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
    v = steep ? half_pi - v : v;
    v = x->sign ? pi - v : v;
    return fast_round(env, y->sign, 1, v, (u64)1 << 50, angle);
}

/* ---- exponential and logarithm ---- */

/* (e^y - 1) / y - 1 for |y| < 1/64 in units of 2^-69; units of 2^-70, so that y / 2 is Y. */
static s64 exp_growth(s64 y)
{
    u64 z = (u64)((s128)y * y >> 64), t = z >> 10; /* units of 2^-74, of 2^-64 */
    u64 h = line(0x000D00D00D00D00D, 0x0001A01A01A01A02, y) + mulhi64(t, 0x00002E3BC74AAD8E);
    h = line(0x0222222222222222, 0x005B05B05B05B05B, y) + mulhi64(t, h);
    h = line(0x2AAAAAAAAAAAAAAB, 0x0AAAAAAAAAAAAAAB, y) + mulhi64(t, h);
    return y + (s64)(mulhi64(z, h) >> 4);
}

/* ln(1 + f) / f - 1, the same way. */
static s64 log_growth(s64 f)
{
    u64 z = (u64)((s128)f * f >> 64), t = z >> 10;
    u64 h =
        line(0x1C71C71C71C71C72, -0x199999999999999A, f) + mulhi64(t, line(0x1745D1745D1745D1, -0x1555555555555555, f));
    h = line(0x2492492492492492, -0x2000000000000000, f) + mulhi64(t, h);
    h = line(0x3333333333333333, -0x2AAAAAAAAAAAAAAB, f) + mulhi64(t, h);
    h = line(0x5555555555555555, -0x4000000000000000, f) + mulhi64(t, h);
    return (s64)(mulhi64(z, h) >> 4) - f;
}

/* By how much a factor 1 + g is off, in units of 2^-127, and a bit more. */
#define GROWTH_OFF ((u64)1 << 58)

static bool small_2xm1(struct fp_env *env, const struct fp_num *x, struct f80 *r)
{
    if (x->exp < -69)
        return false;
    u128 y = (u128)x->sig * 0xB17217F7D1CF79AB + mulhi64(x->sig, 0xC9E3B39803F2F6AF); /* ln 2 */
    s64 near = (s64)((u64)(y >> 64) >> (-6 - x->exp));
    u128 v = grown((s128)(y >> 1), exp_growth(x->sign ? -near : near));
    return fast_round(env, x->sign, x->exp + 1, v, GROWTH_OFF, r);
}

/* x = k/32 + f: T - 1 + T (e^(f ln 2) - 1) with T = 2^(k/32). */
bool fast_2xm1(struct fp_env *env, const struct fp_num *x, struct f80 *r)
{
    if (x->exp < -6)
        return small_2xm1(env, x, r);
    s128 v = (s128)in_69ths(x->sig, x->exp);
    v = x->sign ? -v : v;
    s32 k = (s32)((v + (s128)TOP_BIT) >> 64);
    s64 f = (s64)v;
    s128 y = f * (s128)0xB17217F7D1CF79AB + (f * (s128)0xC9E3B39803F2F6AF >> 64); /* units of 2^-133 */
    s128 p = (s128)grown(y, exp_growth((s64)(y >> 64))), minus = p >> 127;
    u128 t = exp_table[k & 31] >> (1 - (k >> 5)); /* units of 2^-126 */
    u128 tp = mulhi(t, (u128)((p ^ minus) - minus)) >> 5;
    s128 sum = (s128)(t - (ONE >> 1)) + (((s128)tp ^ minus) - minus);
    return fast_round(env, x->sign, 1, (u128)(x->sign ? -sum : sum), (u64)1 << 53, r);
}

static const u128 log2_e = W(0xB8AA3B295C17F0BB, 0xBE87FED0691D3E89); /* Q127 */

/* Y times a logarithm that is off by OFF units in its last place. */
static bool times(struct fp_env *env, struct wide log, u64 off, const struct fp_num *y, struct f80 *r)
{
    s32 exp = log.exp + y->exp + 1;
    if (exp < 2 - F80_BIAS || exp > F80_BIAS - 2)
        return false;
    u128 v = (log.sig >> 64) * y->sig + mulhi64((u64)log.sig, y->sig);
    return fast_round(env, log.sign ^ y->sign, exp, v, off + 4, r);
}

/* y log2(1 + f) for f = +-A / 2^127 * 2^EXP, |f| < 1/64, A normalized. */
static bool small_log(struct fp_env *env, bool sign, u128 a, s32 exp, const struct fp_num *y, struct f80 *r)
{
    if (exp < -69)
        return false;
    s64 f = (s64)((u64)(a >> 64) >> (-6 - exp));
    if (sign && f >> 56 > 0x7D) /* so near 1/64 that what log_growth() gives would not fit */
        return false;
    u128 v = grown((s128)(a >> 1), log_growth(sign ? -f : f));
    return times(env, wide_make(sign, exp + 2, mulhi(v, log2_e)), GROWTH_OFF << 2, y, r);
}

/* y (e + log2 m), not near 0 unless m is near its ends: m = (1 + f) / c. */
static bool log_times(struct fp_env *env, u128 m, s32 e, const struct fp_num *y, struct f80 *r)
{
    unsigned i = (unsigned)(m >> 121) & 63;
    s128 f = (s128)(m >> 56) * inverse_table[i] - ((s128)1 << 79);
    if ((i == 0 && e == 0) || (i == 63 && e == -1)) {
        struct wide a = wide_make(f < 0, 48, (u128)(f < 0 ? -f : f));
        return small_log(env, a.sign, a.sig, a.exp, y, r);
    }
    s128 p = (s128)grown(f * ((s128)1 << 54), log_growth((s64)(f >> 10))), minus = p >> 127; /* units of 2^-133 */
    s128 q = (s128)(mulhi((u128)((p ^ minus) - minus), log2_e) >> 20);
    s128 sum = e * ((s128)1 << 112) + (s128)log_table[i] + ((q ^ minus) - minus);
    struct wide log = wide_make(sum < 0, 15, (u128)(sum < 0 ? -sum : sum));
    return times(env, log, (u64)1 << (38 + 15 - log.exp), y, r);
}

bool fast_yl2x(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *r)
{
    return log_times(env, (u128)x->sig << 64, x->exp, y, r);
}

bool fast_yl2xp1(struct fp_env *env, const struct fp_num *x, const struct fp_num *y, struct f80 *r)
{
    u128 sig = (u128)x->sig << 64;
    if (x->exp < -6)
        return small_log(env, x->sign, sig, x->exp, y, r);
    if (x->exp >= -1)
        return false;
    sig >>= -x->exp;
    return x->sign ? log_times(env, (ONE - sig) << 1, -1, y, r) : log_times(env, ONE + sig, 0, y, r);
}
