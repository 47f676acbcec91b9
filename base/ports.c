#include "base/ports.h"

#include <errno.h>
#include <stdlib.h>

enum {
    PORT_COUNT = 65536,
    OWNER_NONE = 0,
    OWNER_NAMED = 0xFFFF, /* nobody, and the log has said so */
    MAPS_MAX = OWNER_NAMED - 1,
};

struct port_map {
    int handle;
    u32 first, count;
    const struct io_ops *ops;
    void *opaque;
    const char *name;
};

int ports_init(struct port_space *ps, struct log *log)
{
    *ps = (struct port_space){.log = log};
    ps->owner = calloc(PORT_COUNT, sizeof *ps->owner);
    return ps->owner ? 0 : -ENOMEM;
}

void ports_free(struct port_space *ps)
{
    free(ps->maps);
    free(ps->owner);
    *ps = (struct port_space){0};
}

static void paint(struct port_space *ps, unsigned index)
{
    const struct port_map *m = &ps->maps[index];
    for (u32 p = m->first; p < m->first + m->count; p++)
        ps->owner[p] = index + 1;
}

int ports_map(struct port_space *ps, u16 first, unsigned count, const struct io_ops *ops, void *opaque,
              const char *name)
{
    if (count == 0 || count > PORT_COUNT - (u32)first)
        return -EINVAL;
    if (ps->count == ps->cap) {
        unsigned cap = ps->cap ? ps->cap * 2 : 64;
        struct port_map *maps = cap <= MAPS_MAX ? realloc(ps->maps, cap * sizeof *maps) : NULL;
        if (!maps)
            return -ENOMEM;
        ps->maps = maps;
        ps->cap = cap;
    }
    ps->maps[ps->count++] = (struct port_map){
        .handle = ++ps->next_handle,
        .first = first,
        .count = count,
        .ops = ops,
        .opaque = opaque,
        .name = name,
    };
    paint(ps, ps->count - 1);
    return ps->next_handle;
}

void ports_unmap(struct port_space *ps, int handle)
{
    for (unsigned i = 0; i < ps->count; i++) {
        if (ps->maps[i].handle != handle)
            continue;
        memmove(&ps->maps[i], &ps->maps[i + 1], (ps->count - i - 1) * sizeof *ps->maps);
        ps->count--;
        for (u32 p = 0; p < PORT_COUNT; p++)
            if (ps->owner[p] != OWNER_NAMED)
                ps->owner[p] = OWNER_NONE;
        for (unsigned k = 0; k < ps->count; k++)
            paint(ps, k);
        return;
    }
}

/* The map that takes an access of SIZE at PORT as a whole, or NULL if it has to be split. First and last port decide: a
 * byte register that lies inside another device's dword (CF9h in CF8h) does not break up the dword. */
static inline const struct port_map *whole(const struct port_space *ps, u16 port, unsigned size)
{
    unsigned owner = ps->owner[port];
    if (owner - 1u >= MAPS_MAX || ps->owner[(u16)(port + size - 1)] != owner)
        return NULL;
    const struct port_map *m = &ps->maps[owner - 1];
    return port + size <= m->first + m->count && (m->ops->sizes & size) ? m : NULL;
}

static void nobody(struct port_space *ps, u16 port, const char *what)
{
    if (ps->owner[port] == OWNER_NONE && ps->log && log_on(ps->log, LOG_IO)) {
        ps->owner[port] = OWNER_NAMED;
        log_msg(ps->log, LOG_IO, "%s port %04Xh: nobody there", what, port);
    }
}

/* Parts beyond port FFFFh are nobody's: they do not wrap around to port 0, as the processor has an address line for them. */
u32 ports_in(struct port_space *ps, u16 port, unsigned size)
{
    const struct port_map *m = whole(ps, port, size);

    if (LIKELY(m != NULL)) {
        u32 mask = size == 4 ? ~0u : BIT(size * 8) - 1;
        return m->ops->in ? m->ops->in(m->opaque, port, size) & mask : mask;
    }
    if (size == 1) {
        nobody(ps, port, "read of");
        return 0xFF;
    }
    u32 value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (port + i < PORT_COUNT ? ports_in(ps, (u16)(port + i), 1) : 0xFF) << (8 * i);
    return value;
}

void ports_out(struct port_space *ps, u16 port, u32 value, unsigned size)
{
    const struct port_map *m = whole(ps, port, size);

    if (LIKELY(m != NULL)) {
        if (m->ops->out)
            m->ops->out(m->opaque, port, size == 4 ? value : value & (BIT(size * 8) - 1), size);
        return;
    }
    if (size == 1) {
        nobody(ps, port, "write to");
        return;
    }
    for (unsigned i = 0; i < size && port + i < PORT_COUNT; i++)
        ports_out(ps, (u16)(port + i), value >> (8 * i) & 0xFF, 1);
}
