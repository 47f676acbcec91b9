#include "hw/ps2mouse.h"

#include <errno.h>

enum {
    ACK = 0xFA,
    RESEND = 0xFE,
    BAT_PASSED = 0xAA,

    CMD_SCALE_1 = 0xE6,
    CMD_SCALE_2 = 0xE7,
    CMD_RESOLUTION = 0xE8,
    CMD_STATUS = 0xE9,
    CMD_STREAM = 0xEA,
    CMD_READ = 0xEB,
    CMD_WRAP_OFF = 0xEC,
    CMD_WRAP = 0xEE,
    CMD_REMOTE = 0xF0,
    CMD_ID = 0xF2,
    CMD_RATE = 0xF3,
    CMD_ENABLE = 0xF4,
    CMD_DISABLE = 0xF5,
    CMD_DEFAULTS = 0xF6,
    CMD_RESEND = 0xFE,
    CMD_RESET = 0xFF,

    ID_STANDARD = 0,
    ID_WHEEL = 3,
    ID_EXPLORER = 4,

    REPORT_ALWAYS = 0x08,
    REPORT_X_SIGN = 0x10,
    REPORT_Y_SIGN = 0x20,
    BUTTONS_STANDARD = 0x07,
    BUTTONS_EXTRA = 0x18,

    COUNT_MAX = 255,     /* of one report; the rest waits for the next */
    BACKLOG_MAX = 20000, /* of motion that nobody fetched */
    BAT_NS = 50000000,
};

/* --- queues --- */

bool ps2mouse_pending(const struct ps2mouse *m)
{
    return m->reply_len || m->packet_len;
}

static void answer(struct ps2mouse *m, u8 v)
{
    if (m->reply_len < PS2MOUSE_REPLIES)
        m->reply[m->reply_len++] = v;
    irq_set(&m->ready, true);
}

static u8 take_first(u8 *queue, u8 *len)
{
    u8 v = queue[0];
    memmove(queue, queue + 1, --*len);
    return v;
}

/* --- reports --- */

static int clamp(int v, int max)
{
    return v < -max ? -max : MIN(v, max);
}

/* 2:1 scaling, as the table in the reference has it; it applies to streamed reports only. */
static int scale(int v)
{
    static const u8 small[6] = {0, 1, 1, 3, 6, 9};
    int size = v < 0 ? -v : v;
    int scaled = size < 6 ? small[size] : MIN(2 * size, COUNT_MAX);
    return v < 0 ? -scaled : scaled;
}

/* Takes what has gathered (as much as fits) and writes a report to OUT; returns its length. */
static unsigned make_report(struct ps2mouse *m, bool scaled, u8 out[PS2MOUSE_PACKET])
{
    int x = clamp(m->dx, COUNT_MAX), y = clamp(m->dy, COUNT_MAX), z = clamp(m->dz, 7);

    m->dx -= x;
    m->dy -= y;
    m->dz = m->id == ID_STANDARD ? 0 : m->dz - z;
    m->sent_buttons = m->buttons;
    y = -y; /* upwards on the wire */
    if (scaled) {
        x = scale(x);
        y = scale(y);
    }
    out[0] =
        REPORT_ALWAYS | (m->buttons & BUTTONS_STANDARD) | (x < 0 ? REPORT_X_SIGN : 0) | (y < 0 ? REPORT_Y_SIGN : 0);
    out[1] = x;
    out[2] = y;
    if (m->id == ID_WHEEL)
        out[3] = z;
    else
        out[3] = (z & 0x0F) | (m->buttons & BUTTONS_EXTRA) << 1;
    return m->id == ID_STANDARD ? 3 : 4;
}

static u8 visible_buttons(const struct ps2mouse *m, u8 buttons)
{
    return m->id == ID_EXPLORER ? buttons : buttons & BUTTONS_STANDARD;
}

/* Starts a report if there is something to say and it is time. */
static void report(struct ps2mouse *m)
{
    bool moved = m->dx || m->dy || (m->dz && m->id != ID_STANDARD);
    bool clicked = visible_buttons(m, m->buttons ^ m->sent_buttons);

    if (!m->enabled || m->remote || m->wrap || m->packet_len || timer_armed(&m->sample) || !(moved || clicked))
        return;
    m->packet_len = make_report(m, m->scaling, m->packet);
    timer_arm(&m->sample, clock_now(m->clock) + NS_PER_SEC / m->rate);
    irq_set(&m->ready, true);
}

static void sample_fired(void *ctx, u64 now)
{
    report(ctx);
}

void ps2mouse_move(struct ps2mouse *m, int dx, int dy, int dz, unsigned buttons)
{
    m->dx = clamp(m->dx + clamp(dx, BACKLOG_MAX), BACKLOG_MAX);
    m->dy = clamp(m->dy + clamp(dy, BACKLOG_MAX), BACKLOG_MAX);
    m->dz = clamp(m->dz + clamp(dz, BACKLOG_MAX), BACKLOG_MAX);
    m->buttons = buttons & (BUTTONS_STANDARD | BUTTONS_EXTRA);
    if (!m->enabled && !m->remote)
        m->dx = m->dy = m->dz = 0;
    report(m);
}

int ps2mouse_read(struct ps2mouse *m)
{
    if (m->reply_len) {
        m->last = take_first(m->reply, &m->reply_len);
    } else if (m->packet_len) {
        m->last = take_first(m->packet, &m->packet_len);
        int sent = m->last;
        report(m);
        return sent;
    } else {
        return -1;
    }
    return m->last;
}

/* --- commands --- */

static void drop_motion(struct ps2mouse *m)
{
    m->dx = m->dy = m->dz = 0;
    m->packet_len = 0;
}

static void defaults(struct ps2mouse *m)
{
    drop_motion(m);
    m->rate = 100;
    m->resolution = 2;
    m->scaling = false;
    m->remote = false;
    m->wrap = false;
    m->enabled = false;
}

static void bat_fired(void *ctx, u64 now)
{
    struct ps2mouse *m = ctx;
    answer(m, BAT_PASSED);
    answer(m, m->id);
}

static void start_reset(struct ps2mouse *m)
{
    defaults(m);
    m->id = ID_STANDARD;
    m->command = 0;
    m->reply_len = 0;
    memset(m->knock, 0, sizeof m->knock);
    answer(m, ACK);
    timer_arm(&m->bat, clock_now(m->clock) + BAT_NS);
}

static void set_rate(struct ps2mouse *m, u8 rate)
{
    if (rate == 80 && m->knock[1] == 100 && m->knock[0] == 200)
        m->id = ID_WHEEL;
    else if (rate == 80 && m->knock[1] == 200 && m->knock[0] == 200)
        m->id = ID_EXPLORER;
    m->knock[0] = m->knock[1];
    m->knock[1] = rate;
    m->rate = rate;
}

static void write_argument(struct ps2mouse *m, u8 v)
{
    bool good = m->command == CMD_RATE ? v != 0 : v <= 3;

    if (good && m->command == CMD_RATE)
        set_rate(m, v);
    else if (good)
        m->resolution = v;
    m->command = 0;
    answer(m, good ? ACK : RESEND);
}

static void answer_status(struct ps2mouse *m)
{
    u8 b = m->buttons;

    answer(m, ACK);
    /* Here the left button is bit 2 and the right one bit 0. */
    answer(m, m->remote << 6 | m->enabled << 5 | m->scaling << 4 | (b & 1) << 2 | (b & 4) >> 1 | (b & 2) >> 1);
    answer(m, m->resolution);
    answer(m, m->rate);
}

static void answer_read(struct ps2mouse *m)
{
    u8 data[PS2MOUSE_PACKET];
    unsigned len = make_report(m, false, data);

    answer(m, ACK);
    for (unsigned i = 0; i < len; i++)
        answer(m, data[i]);
}

static void write_command(struct ps2mouse *m, u8 v)
{
    m->packet_len = 0; /* a command ends the report that is on the wire */
    switch (v) {
    case CMD_RESET:
        start_reset(m);
        return;
    case CMD_STATUS:
        answer_status(m);
        return;
    case CMD_READ:
        answer_read(m);
        return;
    case CMD_RESEND:
        answer(m, m->last);
        return;
    case CMD_ID:
        answer(m, ACK);
        answer(m, m->id);
        return;
    case CMD_SCALE_1:
    case CMD_SCALE_2:
        m->scaling = v == CMD_SCALE_2;
        break;
    case CMD_RESOLUTION:
    case CMD_RATE:
        m->command = v;
        break;
    case CMD_STREAM:
    case CMD_REMOTE:
        drop_motion(m);
        m->remote = v == CMD_REMOTE;
        break;
    case CMD_WRAP:
        drop_motion(m);
        m->wrap = true;
        break;
    case CMD_WRAP_OFF:
        break;
    case CMD_ENABLE:
    case CMD_DISABLE:
        drop_motion(m);
        m->enabled = v == CMD_ENABLE;
        break;
    case CMD_DEFAULTS:
        defaults(m);
        break;
    default:
        answer(m, RESEND);
        return;
    }
    answer(m, ACK);
}

void ps2mouse_write(struct ps2mouse *m, u8 v)
{
    if (m->wrap && v == CMD_WRAP_OFF) {
        m->wrap = false;
        answer(m, ACK);
    } else if (m->wrap && v != CMD_RESET) {
        answer(m, v);
    } else if (m->command && v < CMD_SCALE_1) {
        write_argument(m, v);
    } else {
        m->command = 0;
        write_command(m, v);
    }
}

/* --- life --- */

void ps2mouse_reset(struct ps2mouse *m)
{
    timer_cancel(&m->sample);
    timer_cancel(&m->bat);
    defaults(m);
    m->id = ID_STANDARD;
    m->command = 0;
    m->reply_len = 0;
    m->last = 0;
    m->buttons = m->sent_buttons = 0;
    memset(m->knock, 0, sizeof m->knock);
    memset(m->reply, 0, sizeof m->reply);
    memset(m->packet, 0, sizeof m->packet);
}

static bool in_backlog(s32 v)
{
    return v >= -BACKLOG_MAX && v <= BACKLOG_MAX;
}

int ps2mouse_loaded(struct ps2mouse *m)
{
    bool queues = m->reply_len <= PS2MOUSE_REPLIES && m->packet_len <= PS2MOUSE_PACKET;
    bool modes =
        m->rate != 0 && m->resolution <= 3 && (m->id == ID_STANDARD || m->id == ID_WHEEL || m->id == ID_EXPLORER);
    bool command = m->command == 0 || m->command == CMD_RATE || m->command == CMD_RESOLUTION;
    bool motion = in_backlog(m->dx) && in_backlog(m->dy) && in_backlog(m->dz);

    return queues && modes && command && motion ? 0 : -EINVAL;
}

const struct field ps2mouse_fields[] = {
    FIELD_BLOB(struct ps2mouse, reply),   FIELD(struct ps2mouse, reply_len),
    FIELD_BLOB(struct ps2mouse, packet),  FIELD(struct ps2mouse, packet_len),
    FIELD(struct ps2mouse, last),         FIELD(struct ps2mouse, command),
    FIELD(struct ps2mouse, rate),         FIELD(struct ps2mouse, resolution),
    FIELD(struct ps2mouse, id),           FIELD_ARRAY(struct ps2mouse, knock),
    FIELD(struct ps2mouse, scaling),      FIELD(struct ps2mouse, remote),
    FIELD(struct ps2mouse, wrap),         FIELD(struct ps2mouse, enabled),
    FIELD(struct ps2mouse, dx),           FIELD(struct ps2mouse, dy),
    FIELD(struct ps2mouse, dz),           FIELD(struct ps2mouse, buttons),
    FIELD(struct ps2mouse, sent_buttons), FIELD_TIMEOUT(struct ps2mouse, sample),
    FIELD_TIMEOUT(struct ps2mouse, bat),  FIELD_END,
};

void ps2mouse_init(struct ps2mouse *m, struct clock *clock, struct irq_line ready)
{
    *m = (struct ps2mouse){.clock = clock, .ready = ready};
    timer_init(clock, &m->sample, "mouse sample", sample_fired, m);
    timer_init(clock, &m->bat, "mouse self-test", bat_fired, m);
    ps2mouse_reset(m);
}
