#include "hw/atapi.h"

/* A disc with more sectors than the longest CD (80 minutes) is a DVD. */
enum { CD_MAX_SECTORS = 80 * 60 * 75 };

enum { PROFILE_NONE = 0, PROFILE_CD_ROM = 0x0008, PROFILE_DVD_ROM = 0x0010 };

enum {
    TRACK_DATA = 0x14, /* ADR 1, control 4: a data track, no copying */
    LEAD_OUT = 0xAA,
    PACKET_MSF = 0x02, /* byte 1 of many packets */
};

u32 atapi_sectors(const struct ide_unit *u)
{
    if (!u->block || u->cd.tray_open)
        return 0;
    return (u32)MIN((u->block->size + CD_SECTOR - 1) / CD_SECTOR, (u64)0xFFFFFFFF);
}

/* Minute, second, frame; beyond 255 minutes (DVDs) the largest address. */
static void put_msf(u8 *p, u32 lba)
{
    u32 frames = MIN(lba, 255u * 60 * 75) + CD_LEAD_IN;

    p[0] = (u8)MIN(frames / (75 * 60), 255u);
    p[1] = frames / 75 % 60;
    p[2] = frames % 75;
}

/* Four bytes of address, as a sector number or as 0, M, S, F. */
static void put_address(u8 *p, u32 lba, bool msf)
{
    if (msf)
        put_msf(p + 1, lba);
    else
        put_be32(p, lba);
}

/* ---- Who am I ---- */

unsigned atapi_data_identify(const struct ide_unit *u, u8 *to)
{
    ata_put_word(to, 0, 0x85C0); /* packet device, CD-ROM, removable, DRQ in 50 us, 12 bytes */
    ide_string(to + 10 * 2, u->serial, 20);
    ide_string(to + 23 * 2, "0.1", 8);
    ide_string(to + 27 * 2, "OMBRA CD-ROM", 40);
    ata_identify_transfer(u, to);
    ata_put_word(to, 80, 0x0070); /* ATA-4 to ATA/ATAPI-6 */
    ata_put_word(to, 81, 0x0019);
    ata_put_word(to, 82, 0x4218); /* NOP, DEVICE RESET, PACKET, power management */
    ata_put_word(to, 83, 0x4000);
    ata_put_word(to, 84, 0x4000);
    ata_put_word(to, 85, 0x4218);
    ata_put_word(to, 87, 0x4000);
    return ATA_SECTOR;
}

static void put_text(u8 *to, const char *text, unsigned len)
{
    size_t n = strlen(text);

    memset(to, ' ', len);
    memcpy(to, text, MIN(n, (size_t)len));
}

unsigned atapi_data_inquiry(const struct ide_unit *u, u8 *to)
{
    if (u->cd.packet[1] & 1)
        return 0; /* no vital product data */
    to[0] = 0x05; /* CD-ROM */
    to[1] = 0x80; /* removable */
    to[3] = 0x21; /* ATAPI, data format 1 */
    to[4] = 36 - 5;
    put_text(to + 8, "OMBRA", 8);
    put_text(to + 16, "CD-ROM", 16);
    put_text(to + 32, "0.1", 4);
    return 36;
}

/* ---- What is on the disc: one session with one data track ---- */

static unsigned toc_tracks(const struct ide_unit *u, u8 *to, bool msf)
{
    u8 first = u->cd.packet[6];
    unsigned n = 4;

    if (first > 1 && first != LEAD_OUT)
        return 0;
    to[2] = to[3] = 1; /* first and last track */
    if (first <= 1) {
        to[n + 1] = TRACK_DATA;
        to[n + 2] = 1;
        put_address(to + n + 4, 0, msf);
        n += 8;
    }
    to[n + 1] = TRACK_DATA;
    to[n + 2] = LEAD_OUT;
    put_address(to + n + 4, atapi_sectors(u), msf);
    return n + 8;
}

static unsigned toc_sessions(u8 *to, bool msf)
{
    to[2] = to[3] = 1; /* first and last session */
    to[5] = TRACK_DATA;
    to[6] = 1;
    put_address(to + 8, 0, msf);
    return 12;
}

static unsigned toc_full(const struct ide_unit *u, u8 *to)
{
    static const u8 points[] = {0xA0, 0xA1, 0xA2, 1};
    u8 *p = to + 4;

    to[2] = to[3] = 1;
    for (unsigned i = 0; i < ARRAY_LEN(points); i++, p += 11) {
        p[0] = 1;
        p[1] = TRACK_DATA;
        p[3] = points[i];
        if (points[i] == 0xA2)
            put_msf(p + 8, atapi_sectors(u));
        else if (points[i] == 1)
            put_msf(p + 8, 0);
        else
            p[8] = 1; /* the first, the last track */
    }
    return (unsigned)(p - to);
}

unsigned atapi_data_toc(const struct ide_unit *u, u8 *to)
{
    const u8 *packet = u->cd.packet;
    bool msf = packet[1] & PACKET_MSF;
    /* MMC has the format in byte 2, SFF-8020 in the top of byte 9. */
    unsigned format = packet[2] & 0x0F ? packet[2] & 0x0F : packet[9] >> 6;
    unsigned n;

    switch (format) {
    case 0:
        n = toc_tracks(u, to, msf);
        break;
    case 1:
        n = toc_sessions(to, msf);
        break;
    case 2:
        n = toc_full(u, to);
        break;
    default:
        return 0;
    }
    put_be16(to, n ? n - 2 : 0);
    return n;
}

unsigned atapi_data_subchannel(const struct ide_unit *u, u8 *to)
{
    const u8 *packet = u->cd.packet;
    bool msf = packet[1] & PACKET_MSF;

    to[1] = 0x15; /* no audio status */
    if (!(packet[2] & 0x40))
        return 4;
    to[4] = packet[3];
    switch (packet[3]) {
    case 1: /* position */
        to[5] = TRACK_DATA;
        to[6] = to[7] = 1;
        put_address(to + 8, 0, msf);
        put_address(to + 12, 0, msf);
        put_be16(to + 2, 12);
        return 16;
    case 2: /* catalogue number: none */
    case 3: /* recording code: none */
        put_be16(to + 2, 20);
        return 24;
    default:
        return 0;
    }
}

unsigned atapi_data_header(const struct ide_unit *u, u8 *to)
{
    u32 lba = be32(u->cd.packet + 2);

    if (lba >= atapi_sectors(u))
        return 0;
    to[0] = 1; /* mode 1 */
    put_address(to + 4, lba, u->cd.packet[1] & PACKET_MSF);
    return 8;
}

unsigned atapi_data_disc(const struct ide_unit *u, u8 *to)
{
    put_be16(to, 32);
    to[2] = 0x0E; /* disc and last session are complete */
    to[3] = to[4] = to[5] = to[6] = 1;
    to[7] = 0x20; /* for unrestricted use */
    return 34;
}

unsigned atapi_data_track(const struct ide_unit *u, u8 *to)
{
    u32 address = be32(u->cd.packet + 2);
    unsigned type = u->cd.packet[1] & 3;

    if (type == 0 ? address >= atapi_sectors(u) : type == 3 || address != 1)
        return 0;
    put_be16(to, 34);
    to[2] = to[3] = 1; /* track, session */
    to[5] = 0x04;      /* data, uninterrupted */
    to[6] = 0x01;      /* mode 1 */
    put_be32(to + 24, atapi_sectors(u));
    return 36;
}

/* ---- Drive ---- */

unsigned atapi_data_mechanism(const struct ide_unit *u, u8 *to)
{
    to[1] = u->cd.tray_open ? 0x10 : 0;
    return 8;
}

unsigned atapi_data_event(const struct ide_unit *u, u8 *to)
{
    to[3] = 0x10; /* there are media events only */
    if (!(u->cd.packet[4] & 0x10)) {
        put_be16(to, 2);
        to[2] = 0x80; /* no event of the classes asked for */
        return 4;
    }
    put_be16(to, 6);
    to[2] = 0x04;
    to[4] = u->cd.event;
    to[5] = (u->cd.tray_open ? 1 : 0) | (atapi_sectors(u) ? 2 : 0);
    return 8;
}

/* Appends a feature descriptor with LEN bytes of data if the packet asks for it; returns the new end. */
static unsigned add_feature(const struct ide_unit *u, u8 *to, unsigned n, unsigned code, unsigned version, bool current,
                            const u8 *data, unsigned len)
{
    unsigned wanted = u->cd.packet[1] & 3, start = be16(u->cd.packet + 2);

    if (wanted == 2 ? code != start : code < start || (wanted == 1 && !current))
        return n;
    put_be16(to + n, code);
    to[n + 2] = (u8)(version << 2 | (code <= 3 ? 2 : 0) | (current ? 1 : 0)); /* the first ones are persistent */
    to[n + 3] = (u8)len;
    memcpy(to + n + 4, data, len);
    return n + 4 + len;
}

unsigned atapi_data_configuration(const struct ide_unit *u, u8 *to)
{
    u32 sectors = atapi_sectors(u);
    unsigned profile = !sectors ? PROFILE_NONE : sectors > CD_MAX_SECTORS ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
    bool cd = profile == PROFILE_CD_ROM, dvd = profile == PROFILE_DVD_ROM;
    const u8 profiles[] = {0, PROFILE_DVD_ROM, dvd, 0, 0, PROFILE_CD_ROM, cd, 0};
    static const u8 core[] = {0, 0, 0, 2 /* ATAPI */};
    static const u8 morphing[] = {0, 0, 0, 0};
    static const u8 removable[] = {0x29 /* tray, ejects, locks */, 0, 0, 0};
    static const u8 readable[] = {0, 0, CD_SECTOR >> 8, 0, 0, 16, 0, 0};
    static const u8 none[4];
    unsigned n = 8;

    if ((u->cd.packet[1] & 3) == 3)
        return 0;
    n = add_feature(u, to, n, 0x0000, 0, true, profiles, sizeof profiles);
    n = add_feature(u, to, n, 0x0001, 0, true, core, sizeof core);
    n = add_feature(u, to, n, 0x0002, 0, true, morphing, sizeof morphing);
    n = add_feature(u, to, n, 0x0003, 0, true, removable, sizeof removable);
    n = add_feature(u, to, n, 0x0010, 0, sectors > 0, readable, sizeof readable);
    n = add_feature(u, to, n, 0x001E, 0, cd, none, 4);
    n = add_feature(u, to, n, 0x001F, 0, dvd, none, 0);
    put_be32(to, n - 4);
    put_be16(to + 6, profile);
    return n;
}

/* ---- Mode pages ---- */

enum {
    MODE_RECOVERY = 0x01,
    MODE_AUDIO = 0x0E,
    MODE_CAPABILITIES = 0x2A,
    MODE_ALL = 0x3F,
    MODE_HEADER = 8,
    /* Page control */
    MODE_CHANGEABLE = 1,
    MODE_DEFAULT = 2,
    MODE_SAVED = 3,
};

static const u8 recovery_default[6] = {0, 5 /* tries */};
static const u8 recovery_mask[6] = {0xFF, 0xFF};
static const u8 audio_default[14] = {0x04, 0, 0, 0, 0, 75, 1, 0xFF, 2, 0xFF};
static const u8 audio_mask[14] = {0, 0, 0, 0, 0, 0, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF, 0x0F, 0xFF};

void atapi_mode_reset(struct ide_unit *u)
{
    memcpy(u->cd.mode_recovery, recovery_default, sizeof recovery_default);
    memcpy(u->cd.mode_audio, audio_default, sizeof audio_default);
}

static unsigned put_page(u8 *to, unsigned n, unsigned code, const u8 *data, unsigned len)
{
    to[n] = (u8)code;
    to[n + 1] = (u8)len;
    memcpy(to + n + 2, data, len);
    return n + 2 + len;
}

static void capabilities(const struct ide_unit *u, u8 *page)
{
    page[0] = 0x0B;                                   /* reads CD-R, CD-RW, DVD-ROM */
    page[2] = 0x70;                                   /* several sessions, mode 2 forms 1 and 2 */
    page[4] = (u8)(0x29 | (u->cd.locked ? 0x02 : 0)); /* tray, ejects, locks */
    put_be16(page + 6, 24 * 176);                     /* highest speed in KB/s */
    put_be16(page + 10, 512);                         /* KB of buffer */
    put_be16(page + 12, 24 * 176);                    /* speed now */
}

unsigned atapi_data_mode(const struct ide_unit *u, u8 *to)
{
    unsigned control = u->cd.packet[2] >> 6, page = u->cd.packet[2] & 0x3F;
    const u8 *recovery = u->cd.mode_recovery, *audio = u->cd.mode_audio;
    unsigned n = MODE_HEADER;
    u8 caps[20] = {0};

    if (control == MODE_CHANGEABLE) {
        recovery = recovery_mask;
        audio = audio_mask;
    } else {
        capabilities(u, caps);
    }
    if (control == MODE_DEFAULT) {
        recovery = recovery_default;
        audio = audio_default;
    }
    if (page == MODE_RECOVERY || page == MODE_ALL)
        n = put_page(to, n, MODE_RECOVERY, recovery, sizeof recovery_default);
    if (page == MODE_AUDIO || page == MODE_ALL)
        n = put_page(to, n, MODE_AUDIO, audio, sizeof audio_default);
    if (page == MODE_CAPABILITIES || page == MODE_ALL)
        n = put_page(to, n, MODE_CAPABILITIES, caps, sizeof caps);
    if (n == MODE_HEADER)
        return 0;
    put_be16(to, n - 2);
    to[2] = atapi_sectors(u) ? 0x01 : u->cd.tray_open ? 0x71 : 0x70; /* data disc, door open, no disc */
    return n;
}

static void set_masked(u8 *page, const u8 *mask, const u8 *from, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        page[i] = (page[i] & ~mask[i]) | (from[i] & mask[i]);
}

bool atapi_mode_select(struct ide_unit *u, const u8 *list, unsigned len)
{
    unsigned n = MODE_HEADER;

    if (len < MODE_HEADER)
        return false;
    n += be16(list + 6); /* block descriptors */
    while (n + 2 <= len) {
        unsigned code = list[n] & 0x3F, size = list[n + 1];
        const u8 *data = list + n + 2;
        n += 2 + size;
        if (n > len)
            return false;
        if (code == MODE_RECOVERY && size == sizeof recovery_mask)
            set_masked(u->cd.mode_recovery, recovery_mask, data, size);
        else if (code == MODE_AUDIO && size == sizeof audio_mask)
            set_masked(u->cd.mode_audio, audio_mask, data, size);
        else
            return false;
    }
    return n == len;
}

/* ---- Whole sectors ---- */

enum { RAW_SYNC = 0x80, RAW_HEADER = 0x20, RAW_USER = 0x10, RAW_ECC = 0x08 };
enum { SYNC_BYTES = 12, HEADER_BYTES = 4, ECC_BYTES = 288 };

unsigned atapi_raw_bytes(u8 raw)
{
    return (raw & RAW_SYNC ? SYNC_BYTES : 0u) + (raw & RAW_HEADER ? HEADER_BYTES : 0u) +
           (raw & RAW_USER ? CD_SECTOR : 0u) + (raw & RAW_ECC ? ECC_BYTES : 0u);
}

void atapi_raw_sector(u8 raw, u32 lba, const u8 *data, u8 *to)
{
    if (raw & RAW_SYNC) {
        memset(to, 0xFF, SYNC_BYTES);
        to[0] = to[SYNC_BYTES - 1] = 0;
        to += SYNC_BYTES;
    }
    if (raw & RAW_HEADER) {
        put_msf(to, lba);
        for (unsigned i = 0; i < 3; i++)
            to[i] = (u8)(to[i] / 10 << 4 | to[i] % 10); /* BCD on the disc */
        to[3] = 1;
        to += HEADER_BYTES;
    }
    if (raw & RAW_USER) {
        memcpy(to, data, CD_SECTOR);
        to += CD_SECTOR;
    }
    if (raw & RAW_ECC)
        memset(to, 0, ECC_BYTES); /* an image does not hold it, and no guest that has the data needs it */
}
