/*
 * machine.c - turns options into a struct pc_config.
 */
#include "frontend/machine.h"
#include "disk/memory.h"
#include "disk/overlay.h"
#include "frontend/guest/tour.h"
#include "frontend/file.h"
#include "frontend/identity.h"
#include "frontend/rtc.h"

#include "translator/engine.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { CMOS_FILE_BYTES = 256, BIOS_MAX = 16 << 20, VGABIOS_MAX = 64 << 10 };

/* Where errors go, and what is being built. */
struct builder {
    struct machine *m;
    const struct options *o;
    struct pc_config config;
    const char *kernel;
    const char *hd[PC_DRIVES], *cd[PC_DRIVES], *fd[PC_FLOPPIES];
    unsigned hds, cds, fds;
    char *error;
    size_t error_size;
};

static PRINTF_LIKE(2, 3) int fail(struct builder *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(b->error, b->error_size, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* ---- firmware ---- */

static const char *const firmware_folders[] = {
    "/usr/share/seabios",    "/usr/share/qemu",          "/usr/local/share/seabios",
    "/usr/local/share/qemu", "/usr/share/qemu/firmware",
};

/* Finds NAME in the usual folders; PATH has N bytes. */
static bool find_firmware(const char *name, char *path, size_t n)
{
    for (unsigned i = 0; i < ARRAY_LEN(firmware_folders); i++) {
        snprintf(path, n, "%s/%s", firmware_folders[i], name);
        if (access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static int load_bios(struct builder *b)
{
    char found[256];
    const char *path = b->o->bios;
    if (!path) {
        path = found;
        if (!find_firmware("bios-256k.bin", found, sizeof found) && !find_firmware("bios.bin", found, sizeof found))
            return fail(b, "no system BIOS found: install the Debian package 'seabios' (apt install seabios), or name "
                           "one with --bios");
    }
    int r = file_read(path, BIOS_MAX, &b->m->bios, &b->config.bios_size, b->error, b->error_size);
    if (r)
        return r;
    if (b->config.bios_size % 0x10000)
        return fail(b, "%s: a system BIOS is a multiple of 64 KiB, this has %zu bytes", path, b->config.bios_size);
    b->config.bios = b->m->bios;
    return 0;
}

static int load_vgabios(struct builder *b)
{
    char found[256];
    const char *path = b->o->vgabios;
    if (path && strcmp(path, "none") == 0)
        return 0;
    if (!path) {
        path = found;
        if (!find_firmware("vgabios-stdvga.bin", found, sizeof found))
            return fail(b, "no VGA BIOS found: install the Debian package 'seabios' (apt install seabios), or name one "
                           "with --vgabios");
    }
    int r = file_read(path, VGABIOS_MAX, &b->m->vgabios, &b->config.vgabios_size, b->error, b->error_size);
    b->config.vgabios = b->m->vgabios;
    return r;
}

/* ---- what the images are ---- */

static int add(struct builder *b, const char **list, unsigned *count, unsigned max, const char *path, const char *what)
{
    if (*count == max)
        return fail(b, "%s: one %s too many, the machine has room for %u", path, what, max);
    list[(*count)++] = path;
    return 0;
}

static int add_kernel(struct builder *b, const char *path)
{
    if (b->kernel)
        return fail(b, "%s: a second kernel; only one can be booted", path);
    b->kernel = path;
    return 0;
}

static int sort_image(struct builder *b, const char *path)
{
    enum image_kind kind;
    int r = image_probe(path, &kind, b->error, b->error_size);
    if (r)
        return r;
    switch (kind) {
    case IMAGE_FLOPPY:
        return add(b, b->fd, &b->fds, PC_FLOPPIES, path, "floppy");
    case IMAGE_HD:
        return add(b, b->hd, &b->hds, PC_DRIVES, path, "hard disk");
    case IMAGE_CD:
        return add(b, b->cd, &b->cds, PC_DRIVES, path, "CD");
    case IMAGE_LINUX:
    case IMAGE_MULTIBOOT:
        return add_kernel(b, path);
    case IMAGE_ELF:
        return fail(b, "%s: an ELF program without a multiboot header; a PC cannot boot it", path);
    default:
        return fail(b, "%s: no medium that is known; say what it is with --hd, --cd or --fd", path);
    }
}

static int sort_images(struct builder *b)
{
    const struct options *o = b->o;
    int r = 0;
    b->kernel = o->kernel;
    for (unsigned i = 0; i < o->hds && r == 0; i++)
        r = add(b, b->hd, &b->hds, PC_DRIVES, o->hd[i], "hard disk");
    for (unsigned i = 0; i < o->cds && r == 0; i++)
        r = add(b, b->cd, &b->cds, PC_DRIVES, o->cd[i], "CD");
    for (unsigned i = 0; i < o->fds && r == 0; i++)
        r = add(b, b->fd, &b->fds, PC_FLOPPIES, o->fd[i], "floppy");
    for (unsigned i = 0; i < o->images && r == 0; i++)
        r = sort_image(b, o->image[i]);
    if (r == 0 && b->hds + b->cds > PC_DRIVES)
        return fail(b, "%u hard disks and %u CDs: the machine has room for %u drives", b->hds, b->cds, PC_DRIVES);
    if (r == 0 && !b->kernel && (o->initrd || o->append))
        return fail(b, "%s goes with a kernel, and none of the images is one", o->initrd ? "--initrd" : "--append");
    return r;
}

/* ---- opening ---- */

static int open_image(struct builder *b, const char *path, enum image_kind kind, unsigned flags, struct block **out)
{
    return media_open(&b->m->media, path, kind, flags, out, b->error, b->error_size);
}

static int open_hd(struct builder *b, const char *path, struct pc_drive *d)
{
    struct image_geometry g;
    int r = open_image(b, path, IMAGE_HD, 0, &d->block);
    if (r)
        return r;
    image_geometry(d->block, &g);
    d->kind = PC_DRIVE_DISK;
    d->cylinders = g.cylinders;
    d->heads = g.heads;
    d->sectors = g.sectors;
    d->large = g.translation == IMAGE_CHS_LARGE;
    return 0;
}

static int open_cd(struct builder *b, const char *path, struct pc_drive *d)
{
    d->kind = PC_DRIVE_CD;
    return strcmp(path, "empty") == 0 ? 0 : open_image(b, path, IMAGE_CD, IMAGE_READONLY, &d->block);
}

/* The next free of four positions, in the order of PREFERENCE. */
static struct pc_drive *free_drive(struct builder *b, const u8 preference[PC_DRIVES])
{
    for (unsigned i = 0; i < PC_DRIVES; i++)
        if (b->config.drive[preference[i]].kind == PC_DRIVE_NONE)
            return &b->config.drive[preference[i]];
    return NULL;
}

/* A BIOS or a saved machine may be all that a person wants; without them, and without an image, the tour starts. */
static bool wants_tour(const struct builder *b)
{
    return !(b->kernel || b->hds || b->cds || b->fds || b->o->bios || b->o->load);
}

static int open_tour(struct builder *b)
{
    enum { FLOPPY_BYTES = 1474560 };
    struct block *floppy = memory_open(tour_code, tour_code_size, FLOPPY_BYTES);
    if (!floppy)
        return fail(b, "not enough memory");
    if (b->o->snapshot && overlay_new(floppy, &floppy)) {
        block_close(floppy);
        return fail(b, "no room for what the guest will write; set TMPDIR");
    }
    if (media_add(&b->m->media, floppy))
        return fail(b, "not enough memory");
    b->config.floppy[0] = floppy;
    b->m->tour = true;
    return 0;
}

/* CDs first: the first of them is secondary master, where people and guests expect it. */
static const u8 cd_order[PC_DRIVES] = {2, 3, 1, 0};

/* Drives whose media may be changed. Floppy B: is there if something is in it. */
static void note_media(struct builder *b)
{
    struct media *m = &b->m->media;
    for (unsigned i = 0; i < PC_FLOPPIES; i++) {
        m->inside[i] = b->config.floppy[i];
        m->present[i] = i == 0 || b->config.floppy[i];
    }
    for (unsigned i = 0; i < PC_DRIVES; i++) {
        m->present[PC_FLOPPIES + i] = b->config.drive[i].kind == PC_DRIVE_CD;
        m->inside[PC_FLOPPIES + i] = m->present[PC_FLOPPIES + i] ? b->config.drive[i].block : NULL;
        b->m->disk[i] = m->present[PC_FLOPPIES + i] ? NULL : b->config.drive[i].block;
    }
}

static int open_drives(struct builder *b)
{
    static const u8 hd_order[PC_DRIVES] = {0, 1, 2, 3};
    int r = wants_tour(b) ? open_tour(b) : 0;
    for (unsigned i = 0; i < b->cds && r == 0; i++)
        r = open_cd(b, b->cd[i], free_drive(b, cd_order));
    for (unsigned i = 0; i < b->hds && r == 0; i++)
        r = open_hd(b, b->hd[i], free_drive(b, hd_order));
    for (unsigned i = 0; i < b->fds && r == 0; i++)
        r = open_image(b, b->fd[i], IMAGE_FLOPPY, IMAGE_PROTECT, &b->config.floppy[i]);
    b->config.boot_order = b->o->boot;
    note_media(b);
    return r;
}

static int open_kernel(struct builder *b)
{
    struct kernel *k = &b->m->kernel;
    if (!b->kernel)
        return 0;
    int r = kernel_load(k, b->kernel, b->o->initrd, b->o->append, b->config.ram, b->error, b->error_size);
    if (r)
        return r;
    for (unsigned i = 0; i < KERNEL_PARTS; i++)
        b->config.fw_item[i] = (struct pc_fw_item){kernel_part_key[i], k->part[i], k->size[i]};
    b->config.boot_rom = k->rom;
    b->config.boot_rom_size = k->rom_size;
    return 0;
}

/* ---- the rest of the config ---- */

static int set_log(struct builder *b)
{
    struct log scratch;
    const char *bad;
    log_init(&scratch, NULL);
    if (b->o->log && log_enable(&scratch, b->o->log, &bad))
        return fail(b, "unknown log topic '%.*s'; 'ombra --log help' lists them", (int)strcspn(bad, ","), bad);
    b->config.log_topics = scratch.enabled;
    b->config.log_out = stderr;
    if (!b->o->log_file)
        return 0;
    b->m->log = fopen(b->o->log_file, "w");
    if (!b->m->log)
        return fail(b, "%s: the log cannot be written there: %s", b->o->log_file, strerror(errno));
    b->config.log_out = b->m->log;
    return 0;
}

static int set_machine(struct builder *b)
{
    const struct options *o = b->o;
    const char *cpu = o->cpu ? o->cpu : "p4";
    b->config.cpu = cpu_model_find(cpu);
    if (!b->config.cpu)
        return fail(b, "unknown processor model '%s'; 'ombra --cpu help' lists them", cpu);
    if (rtc_parse(o->rtc, &b->config.rtc_seconds))
        return fail(b, "--rtc takes utc, local or a date like 1999-12-31T23:59:50, not '%s'", o->rtc);
    b->config.ram = o->mem_mb << 20;
    b->config.apic = !o->no_apic;
    b->config.exit_port = o->exit_port;
    b->config.stop_on_triple_fault = o->stop_on_triple_fault;
    b->config.isa_vga = o->isa_vga;
    b->config.soft_float = o->soft_float;
    return 0;
}

/* Whoever wants to see translations gets some. */
static int set_engine(struct builder *b)
{
    const struct options *o = b->o;
    bool seen = o->verify || o->dump;
    struct pc_config *c = &b->config;
    c->engine = seen && o->engine == PC_INTERP ? engine_has_host() ? PC_JIT : PC_IR : o->engine;
    c->engine_threshold = o->threshold != THRESHOLD_UNSET ? (unsigned)o->threshold : o->verify ? 0 : ENGINE_THRESHOLD;
    c->engine_cache = o->code_cache;
    c->engine_verify = o->verify;
    if (c->engine == PC_JIT && !engine_has_host())
        return fail(b, "--engine jit: there is no translator for this host's processor yet; leave the option out");
    if (!seen)
        return 0;
    b->m->dump = o->dump ? fopen(o->dump, "w") : NULL;
    if (o->dump && !b->m->dump)
        return fail(b, "%s: %s", o->dump, strerror(errno));
    if (blockview_open(&b->m->blocks, b->m->dump, stderr))
        return fail(b, "not enough memory");
    c->engine_observer = &b->m->blocks.observer;
    return 0;
}

static void set_ports(struct builder *b, const struct machine_ports *ports)
{
    if (ports->rtc_seconds)
        b->config.rtc_seconds = *ports->rtc_seconds;
    b->m->rtc_seconds = b->config.rtc_seconds;
    memcpy(b->config.serial, ports->serial, sizeof ports->serial);
    memcpy(b->config.serial_present, ports->serial_present, sizeof ports->serial_present);
    b->config.parallel = ports->parallel;
    b->config.debugcon = ports->debugcon;
}

/* Named after the first thing that boots. */
static void name_guest(struct builder *b)
{
    const char *path = b->kernel    ? b->kernel
                       : b->fds     ? b->fd[0]
                       : b->hds     ? b->hd[0]
                       : b->cds     ? b->cd[0]
                       : b->o->bios ? b->o->bios
                       : b->o->load ? b->o->load
                                    : "a tour of the machine";
    const char *slash = strrchr(path, '/');
    snprintf(b->m->guest, sizeof b->m->guest, "%s", slash && slash[1] ? slash + 1 : path);
}

/* ---- what stays from run to run ---- */

static int load_cmos(struct builder *b)
{
    u8 *data;
    size_t size;
    if (!b->o->cmos || access(b->o->cmos, F_OK) != 0)
        return b->o->cmos ? file_check_output(b->o->cmos, b->error, b->error_size) : 0;
    int r = file_read(b->o->cmos, CMOS_FILE_BYTES, &data, &size, b->error, b->error_size);
    if (r)
        return r;
    if (size == CMOS_FILE_BYTES)
        pc_cmos_set(b->m->pc, data);
    else
        r = fail(b, "%s: not a CMOS file, those have %d bytes; delete it or name another", b->o->cmos, CMOS_FILE_BYTES);
    free(data);
    return r;
}

/* BUF is to be freed even after an error. */
static int read_state(struct state_buf *buf, const char *path, char *error, size_t n)
{
    int r = state_read_file(buf, path);
    if (r)
        snprintf(error, n, "%s: %s", path,
                 r == -EINVAL    ? "damaged, or not a state that --save-state wrote"
                 : r == -ENOTSUP ? "written by a newer version of Ombra"
                                 : strerror(-r));
    return r;
}

/* ---- images of saved states ---- */

/* What was in all drives: hard disks, then slots as in media.h. */
struct images {
    struct image_identity image[PC_DRIVES + MEDIA_SLOTS];
};

static const struct field images_fields[] = {
    FIELD_SUBS(struct images, image, image_identity_fields),
    FIELD_END,
};

enum { IMAGES_VERSION = 1 };

static struct block *in_drive(const struct machine *m, unsigned i)
{
    return i < PC_DRIVES ? m->disk[i] : m->media.inside[i - PC_DRIVES];
}

static struct image_identity identify(const struct machine *m, unsigned i)
{
    struct block *b = in_drive(m, i);
    return image_identify(b, media_path(&m->media, b));
}

static void save_images(struct machine *m, struct state_buf *buf)
{
    struct images now;
    for (unsigned i = 0; i < ARRAY_LEN(now.image); i++)
        now.image[i] = identify(m, i);
    state_save(buf, "images", IMAGES_VERSION, images_fields, &now);
}

static const char *drive_name(unsigned i)
{
    static const char *const names[PC_DRIVES + MEDIA_SLOTS] = {
        "hard disk 0", "hard disk 1", "hard disk 2", "hard disk 3", "floppy A:",
        "floppy B:",   "CD 0",        "CD 1",        "CD 2",        "CD 3"};
    return names[i];
}

/* An old memory on a newer disk destroys what is on it. Where nothing is written to the images there is no harm. */
static int check_images(struct machine *m, const struct state_buf *buf, char *error, size_t n)
{
    struct images then = {0};
    int r = state_load(buf, "images", IMAGES_VERSION, images_fields, &then);
    if (r && r != -ENOENT) {
        snprintf(error, n, "%s: images", r == -ENOTSUP ? "from a newer version of Ombra" : "damaged");
        return -EINVAL;
    }
    for (unsigned i = 0; i < ARRAY_LEN(then.image) && !m->media.snapshot; i++) {
        struct image_identity now = identify(m, i);
        if (image_same(&then.image[i], &now))
            continue;
        const char *path = media_path(&m->media, in_drive(m, i));
        snprintf(error, n,
                 now.size ? "%s (%s) is not what it was when the state was saved; loading would damage it. "
                            "With --snapshot it is left untouched"
                          : "%s is empty, but was not when the state was saved%s",
                 drive_name(i), now.size ? path : "; give the same images");
        return -EINVAL;
    }
    return 0;
}

static int take_state(struct machine *m, const struct state_buf *buf, const char *path, char *error, size_t n)
{
    char why[MACHINE_ERROR_MAX / 2] = "does not fit this machine";
    int r = pc_load(m->pc, buf, why, sizeof why);
    if (r == 0)
        r = check_images(m, buf, why, sizeof why);
    if (r)
        snprintf(error, n, "%s: %s", path, why);
    return r;
}

static int load_state(struct builder *b)
{
    struct state_buf buf;
    if (!b->o->load)
        return 0;
    int r = read_state(&buf, b->o->load, b->error, b->error_size);
    if (r == 0)
        r = take_state(b->m, &buf, b->o->load, b->error, b->error_size);
    state_buf_free(&buf);
    return r;
}

int machine_load(struct machine *m, const char *path, char *error, size_t n)
{
    struct state_buf buf, before = {0};
    int r = read_state(&buf, path, error, n);
    if (r == 0) {
        r = pc_save(m->pc, &before);
        if (r)
            snprintf(error, n, "%s: not enough memory", path);
    }
    if (r == 0) {
        r = take_state(m, &buf, path, error, n);
        if (r) { /* the state is in it, or parts of it are in memory */
            int back = pc_load(m->pc, &before, NULL, 0);
            assert(back == 0);
        }
    }
    state_buf_free(&before);
    state_buf_free(&buf);
    return r;
}

/* Places that are written to at the end: wrong ones are better told now. */
static int check_outputs(struct builder *b)
{
    const char *const outputs[] = {b->o->screenshot, b->o->text_dump, b->o->save, b->o->record};
    for (unsigned i = 0; i < ARRAY_LEN(outputs); i++) {
        int r = outputs[i] ? file_check_output(outputs[i], b->error, b->error_size) : 0;
        if (r)
            return r;
    }
    return 0;
}

static int build(struct builder *b, const struct machine_ports *ports)
{
    int (*const steps[])(struct builder *) = {set_machine, set_engine, set_log,      sort_images, check_outputs,
                                              load_bios,   load_vgabios, open_drives, open_kernel};
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        int r = steps[i](b);
        if (r)
            return r;
    }
    set_ports(b, ports);
    name_guest(b);
    b->m->pc = pc_new(&b->config, b->error, b->error_size);
    if (!b->m->pc)
        return -ENOMEM;
    b->m->media.pc = b->m->pc;
    int r = load_cmos(b);
    return r ? r : load_state(b);
}

int machine_open(struct machine *m, const struct options *o, const struct machine_ports *ports, char *error,
                 size_t error_size)
{
    *m = (struct machine){.options = o, .media = {.snapshot = options_untouched(o), .keeps = options_rewind(o) > 0}};
    struct builder b = {.m = m, .o = o, .error = error, .error_size = error_size};
    int r = build(&b, ports);
    if (r)
        machine_close(m);
    return r;
}

int machine_save(struct machine *m, const char *path, char *error, size_t n)
{
    struct state_buf buf = {0};
    int r = media_flush(&m->media, error, n);
    if (r)
        return r;
    r = pc_save(m->pc, &buf);
    save_images(m, &buf);
    if (r == 0)
        r = state_write_file(&buf, path);
    state_buf_free(&buf);
    if (r)
        snprintf(error, n, "%s: the state cannot be written: %s", path, strerror(-r));
    return r;
}

static int save_state(struct machine *m, char *error, size_t n)
{
    return m->options->save ? machine_save(m, m->options->save, error, n) : 0;
}

static int save_cmos(struct machine *m, char *error, size_t n)
{
    u8 bytes[CMOS_FILE_BYTES];
    if (!m->options->cmos || m->options->replay)
        return 0;
    pc_cmos_get(m->pc, bytes);
    return file_write(m->options->cmos, bytes, sizeof bytes, error, n);
}

static int flush_images(struct machine *m, char *error, size_t n)
{
    return media_flush(&m->media, error, n);
}

int machine_keep(struct machine *m, char *error, size_t error_size)
{
    int (*const steps[])(struct machine *, char *, size_t) = {flush_images, save_cmos, save_state};
    char later[MACHINE_ERROR_MAX];
    int first = 0;
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        int r = first ? steps[i](m, later, sizeof later) : steps[i](m, error, error_size);
        first = first ? first : r;
    }
    return first;
}

/* ---- what it was built from ---- */

static PRINTF_LIKE(3, 4) void add_line(char *text, size_t size, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + used, size - used, fmt, ap);
    va_end(ap);
}

void machine_describe(struct machine *m, char *text, size_t size)
{
    const struct options *o = m->options;
    *text = 0;
    add_line(text, size, "--cpu %s\n--mem %llu\n", pc_cpu(m->pc)->model->name, (unsigned long long)o->mem_mb);
    add_line(text, size, "--vga %s\n--no-apic %s\n", o->isa_vga ? "isa" : "pci", o->no_apic ? "yes" : "no");
    add_line(text, size, "--exit-port %s\n--boot %.8s\n", o->exit_port ? "yes" : "no", o->boot ? o->boot : "default");
    add_line(text, size, "--on-triple-fault %s\n", o->stop_on_triple_fault ? "stop" : "reset");
    add_line(text, size, "serial ports %u\n", MAX(o->serials, 1u));
    for (unsigned i = 0; i < PC_DRIVES + MEDIA_SLOTS; i++) {
        struct image_identity id = identify(m, i);
        if (id.size)
            add_line(text, size, "%s with %llu bytes, hash %016llx\n", drive_name(i), (unsigned long long)id.size,
                     (unsigned long long)id.hash);
    }
    for (unsigned i = 0; i < KERNEL_PARTS; i++)
        if (m->kernel.part[i])
            add_line(text, size, "part %u of the kernel with %zu bytes, hash %016llx\n", i, m->kernel.size[i],
                     (unsigned long long)state_hash_bytes(0, m->kernel.part[i], m->kernel.size[i]));
}

void machine_close(struct machine *m)
{
    pc_free(m->pc);
    media_close(&m->media);
    kernel_free(&m->kernel);
    free(m->bios);
    free(m->vgabios);
    blockview_close(&m->blocks);
    if (m->log)
        fclose(m->log);
    if (m->dump)
        fclose(m->dump);
    *m = (struct machine){0};
}
