/*
 * pc.c - builds one machine from a config: the only file that knows every device and how they are wired.
 */
#include "hw/acpi.h"
#include "hw/pc_int.h"
#include <stdio.h>
#include <stdlib.h>

struct pc_mem *pc_mem_of(void *bus_ctx)
{
    return &((struct pc *)bus_ctx)->mem;
}

/* ---- bus: ports ---- */

static int bus_io_map(void *ctx, u16 first, unsigned count, const struct io_ops *ops, void *opaque, const char *name)
{
    return ports_map(&((struct pc *)ctx)->ports, first, count, ops, opaque, name);
}

static void bus_io_unmap(void *ctx, int handle)
{
    ports_unmap(&((struct pc *)ctx)->ports, handle);
}

/* ---- memory tells the processor ---- */

static void mem_changed(void *ctx)
{
    mmu_flush_all(&((struct pc *)ctx)->cpu->mmu);
}

static void mem_code_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    cpu_code_write(((struct pc *)ctx)->cpu, frame, offset, len);
}

static void mem_pagetable_write(void *ctx, u32 frame, u32 offset, u32 len)
{
    cpu_pagetable_write(((struct pc *)ctx)->cpu, frame, offset, len);
}

static void mem_drop_write(void *ctx, u32 frame)
{
    mmu_drop_write(&((struct pc *)ctx)->cpu->mmu, frame);
}

/* ---- the processor's environment ---- */

static u64 count_now(void *ctx)
{
    struct pc *pc = ctx;
    return pc->cpu ? cpu_count(pc->cpu) : 0;
}

static void clock_earlier(void *ctx)
{
    struct pc *pc = ctx;
    if (pc->cpu)
        cpu_attention(pc->cpu, ATT_STOP);
}

/* The system board's, below 100h, and those of serial ports: 2E8h, 2F8h, 3E8h, 3F8h. */
static bool on_isa_bus(u16 port)
{
    return port < 0x100 || (port & 0xFEE8) == 0x2E8;
}

/*
 * An access to a port behind the ISA bus takes six cycles of its 8.33 MHz. Programs count on it: they wait by reading the timer or
 * writing port 80h so many times; and those that wait for a serial line do not spin for as much as the processor could do.
 */
static void isa_time(struct pc *pc, u16 port)
{
    enum { ISA_ACCESS_NS = 720 };
    if (on_isa_bus(port)) {
        clock_advance(&pc->clock, ISA_ACCESS_NS);
        clock_earlier(pc); /* the slice was measured without it */
    }
}

static u32 host_in(void *ctx, u16 port, unsigned size)
{
    isa_time(ctx, port);
    return ports_in(&((struct pc *)ctx)->ports, port, size);
}

static void host_out(void *ctx, u16 port, u32 value, unsigned size)
{
    isa_time(ctx, port);
    ports_out(&((struct pc *)ctx)->ports, port, value, size);
}

static int host_int_ack(void *ctx)
{
    struct pc *pc = ctx;
    int vector = pc->apic ? lapic_ack(&pc->lapic) : LAPIC_ACK_PIC;
    return vector == LAPIC_ACK_PIC ? pic_ack(&pc->pic) : vector;
}

static void host_ferr(void *ctx, bool asserted)
{
    ferr_set(&((struct pc *)ctx)->ferr, asserted);
}

static void host_smm(void *ctx, bool active)
{
    pc_mem_smm(&((struct pc *)ctx)->mem, active);
}

static void host_apic_base(void *ctx, u64 msr)
{
    struct pc *pc = ctx;
    if (pc->apic)
        lapic_set_base(&pc->lapic, msr);
}

static u64 host_tpr(void *ctx, bool write, u8 tpr)
{
    struct pc *pc = ctx;
    if (!pc->apic)
        return 0;
    if (write)
        lapic_set_tpr(&pc->lapic, tpr);
    return lapic_tpr(&pc->lapic);
}

static void stop_soon(struct pc *pc)
{
    cpu_attention(pc->cpu, ATT_STOP);
}

static void host_triple_fault(void *ctx)
{
    struct pc *pc = ctx;
    const struct cpu *c = pc->cpu;
    log_msg(&pc->log, pc->stop_on_triple_fault ? LOG_ERROR : LOG_CPU,
            "triple fault at CS:EIP %04X:%08X (linear %08X), CR0 %08X CR3 %08X: %s", c->seg[SEG_CS].sel, (u32)c->ip,
            (u32)(c->seg[SEG_CS].base + c->ip), (u32)c->cr0, (u32)c->cr3,
            pc->stop_on_triple_fault ? "stopped" : "reset");
    pc->triple = true;
    stop_soon(pc);
}

/* ---- pins that chipset and APIC drive ---- */

static void pin_intr(void *ctx, bool level)
{
    cpu_set_intr(((struct pc *)ctx)->cpu, level);
}

static void pin_nmi(void *ctx)
{
    struct pc *pc = ctx;
    if (!pc->nmi_masked)
        cpu_nmi(pc->cpu);
}

static void pin_smi(void *ctx)
{
    cpu_smi(((struct pc *)ctx)->cpu);
}

static void pin_init(void *ctx)
{
    cpu_init_signal(((struct pc *)ctx)->cpu);
}

static void pin_sipi(void *ctx, u8 vector)
{
    cpu_sipi(((struct pc *)ctx)->cpu, vector);
}

static void pin_a20(void *ctx, bool enabled)
{
    mmu_set_a20(&((struct pc *)ctx)->cpu->mmu, enabled);
}

static void pin_ignne(void *ctx, bool asserted)
{
    cpu_set_ignne(((struct pc *)ctx)->cpu, asserted);
}

static void line_intr(void *ctx, unsigned n, bool level)
{
    pin_intr(ctx, level);
}

static void line_a20(void *ctx, unsigned n, bool level)
{
    pin_a20(ctx, level);
}

static void line_nmi_mask(void *ctx, unsigned n, bool level)
{
    ((struct pc *)ctx)->nmi_masked = level;
}

/* Keyboard controller and port 92h: INIT of the processor, as RESET on a PC/AT was wired. */
static void line_reset(void *ctx, unsigned n, bool level)
{
    if (level)
        pin_init(ctx);
}

static void chipset_reset(void *ctx, bool hard)
{
    struct pc *pc = ctx;
    if (!hard) {
        pin_init(pc);
        return;
    }
    pc->want_reset = true;
    stop_soon(pc);
}

static void chipset_pam(void *ctx, u32 base, u32 size, bool read_ram, bool write_ram)
{
    pc_mem_pam(&((struct pc *)ctx)->mem, base, size, read_ram, write_ram);
}

static void chipset_smram(void *ctx, bool open, bool closed, bool enabled)
{
    pc_mem_smram(&((struct pc *)ctx)->mem, open, enabled);
}

static void power_sleep(void *ctx, unsigned sus_typ)
{
    struct pc *pc = ctx;
    if (sus_typ != PIIX4PM_SLEEP_SOFT_OFF)
        return;
    pc->want_off = true;
    stop_soon(pc);
}

static void debug_exit(void *ctx, unsigned status)
{
    struct pc *pc = ctx;
    pc->exited = true;
    pc->exit_status = status;
    stop_soon(pc);
}

static void debug_shutdown(void *ctx)
{
    power_sleep(ctx, PIIX4PM_SLEEP_SOFT_OFF);
}

static bool ioapic_deliver(void *ctx, u8 dest, bool logical, u8 mode, u8 vector, bool level)
{
    struct apic_msg m = {.dest = dest, .logical = logical, .mode = mode, .vector = vector, .level = level};
    return apic_bus_send(&((struct pc *)ctx)->apics, &m);
}

static void apic_eoi(void *ctx, u8 vector)
{
    ioapic_eoi(&((struct pc *)ctx)->ioapic, vector);
}

/* ---- building ---- */

static void add_device(struct pc *pc, const struct device_ops *ops, void *self)
{
    assert(pc->devices < PC_MAX_DEVICES);
    pc->device[pc->devices++] = (struct device){ops, self};
}

static struct irq_line line(struct pc *pc, void (*set)(void *, unsigned, bool))
{
    return (struct irq_line){.set = set, .ctx = pc};
}

static struct irq_line isa_irq(struct pc *pc, unsigned n)
{
    return piix3_isa_irq(&pc->piix3, n);
}

static void build_bus(struct pc *pc)
{
    pc->bus =
        (struct bus){.clock = &pc->clock, .log = &pc->log, .ctx = pc, .io_map = bus_io_map, .io_unmap = bus_io_unmap};
    pc_mem_fill_bus(&pc->bus);
    pc->cpu_port = (struct cpu_port){.ctx = pc,
                                     .intr = pin_intr,
                                     .nmi = pin_nmi,
                                     .smi = pin_smi,
                                     .init = pin_init,
                                     .sipi = pin_sipi,
                                     .a20 = pin_a20,
                                     .ignne = pin_ignne};
}

static bool build_cpu(struct pc *pc, const struct pc_config *config)
{
    struct cpu_host host = {.ctx = pc,
                            .log = &pc->log,
                            .clock = &pc->clock,
                            .in = host_in,
                            .out = host_out,
                            .int_ack = host_int_ack,
                            .ferr = host_ferr,
                            .smm = host_smm,
                            .apic_base = host_apic_base,
                            .triple_fault = host_triple_fault,
                            .tpr = host_tpr};
    pc->cpu = cpu_new(config->cpu, &pc->mem.phys, &host);
    if (!pc->cpu)
        return false;
    pc->cpu->force_soft_fp = config->soft_float;
    if (config->engine != PC_INTERP) {
        struct engine_config engine = {.backend = config->engine == PC_IR ? ENGINE_IR : ENGINE_HOST,
                                       .threshold = config->engine_threshold,
                                       .cache_bytes = config->engine_cache ? config->engine_cache : PC_ENGINE_CACHE,
                                       .verify = config->engine_verify,
                                       .observer = config->engine_observer};
        pc->engine = engine_new(pc->cpu, &engine);
        if (!pc->engine)
            return false;
    }
    struct physmem *phys = &pc->mem.phys;
    phys->ctx = pc;
    phys->map_changed = mem_changed;
    phys->code_write = mem_code_write;
    phys->pagetable_write = mem_pagetable_write;
    phys->drop_write_tlb = mem_drop_write;
    return true;
}

static void build_interrupts(struct pc *pc)
{
    struct irq_line intr = pc->apic ? lapic_lint(&pc->lapic, 0) : line(pc, line_intr);
    if (pc->apic) {
        pc->apics.ctx = pc;
        pc->apics.eoi = apic_eoi;
        lapic_init(&pc->lapic, &pc->bus, &pc->apics, 0, &pc->cpu_port);
        ioapic_init(&pc->ioapic, &pc->bus, &(struct ioapic_wiring){.ctx = pc, .deliver = ioapic_deliver});
    }
    pic_init(&pc->pic, &pc->bus, intr);
}

static void build_chipset(struct pc *pc)
{
    pci_bus_init(&pc->pci, &pc->bus);
    i440fx_init(&pc->i440fx, &pc->pci,
                &(struct i440fx_wiring){.ctx = pc, .pam = chipset_pam, .smram = chipset_smram, .reset = chipset_reset});
    struct piix3_wiring south = {.ctx = pc, .reset = chipset_reset};
    for (unsigned i = 0; i < 16; i++) {
        if (i == 2)
            continue; /* the cascade */
        south.pic[i] = pic_line(&pc->pic, i);
        if (pc->apic)
            south.ioapic[i] = ioapic_pin(&pc->ioapic, i == 0 ? 2 : i);
    }
    piix3_init(&pc->piix3, &pc->pci, &south);
    piix4pm_init(
        &pc->pm, &pc->pci,
        &(struct piix4pm_wiring){.sci = piix3_sci(&pc->piix3), .ctx = pc, .smi = pin_smi, .sleep = power_sleep});
}

static void build_legacy(struct pc *pc, const struct pc_config *config)
{
    pit_init(&pc->pit, &pc->bus, isa_irq(pc, 0));
    cmos_init(&pc->cmos, &pc->bus, isa_irq(pc, 8), line(pc, line_nmi_mask), config->rtc_seconds);
    dma_init(&pc->dma, &pc->bus);
    port92_init(&pc->port92, &pc->bus, line(pc, line_a20), line(pc, line_reset));
    kbc_init(&pc->kbc, &pc->bus, isa_irq(pc, 1), isa_irq(pc, 12), line(pc, line_reset), &pc->port92.a20);
    ferr_init(&pc->ferr, &pc->bus, isa_irq(pc, 13), &pc->cpu_port);
    struct debugport_wiring debug = {.out = config->debugcon,
                                     .exit_port = config->exit_port,
                                     .ctx = pc,
                                     .exit = debug_exit,
                                     .shutdown = debug_shutdown};
    debugport_init(&pc->debugport, &pc->bus, &debug);
}

static void build_serial(struct pc *pc, const struct pc_config *config)
{
    static const u16 base[PC_SERIALS] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    static const u8 irq[PC_SERIALS] = {4, 3, 4, 3};
    for (unsigned i = 0; i < PC_SERIALS; i++) {
        if (!config->serial_present[i])
            continue;
        uart_init(&pc->uart[i], &pc->bus, base[i], isa_irq(pc, irq[i]), &config->serial[i]);
        pc->serial[i] = uart_sink(&pc->uart[i]);
        add_device(pc, &uart_ops[i], &pc->uart[i]);
    }
    lpt_init(&pc->lpt, &pc->bus, 0x378, isa_irq(pc, 7), &config->parallel);
    add_device(pc, &lpt_ops, &pc->lpt);
}

static void build_drives(struct pc *pc, const struct pc_config *config)
{
    const struct irq_line irq[2] = {isa_irq(pc, 14), isa_irq(pc, 15)};
    ide_init(&pc->ide, &pc->bus, &pc->pci, 1 << 3 | 1, irq);
    for (unsigned i = 0; i < PC_DRIVES; i++) {
        const struct pc_drive *d = &config->drive[i];
        if (d->kind == PC_DRIVE_DISK)
            ide_attach_disk(&pc->ide, i / 2, i % 2, d->block, d->cylinders, d->heads, d->sectors);
        else if (d->kind == PC_DRIVE_CD)
            ide_attach_cd(&pc->ide, i / 2, i % 2, d->block);
        pc->drives |= (u32)d->kind << i * 2;
    }
    pc->drives |= (u32)(config->floppy[1] != NULL) << PC_DRIVES * 2;
    struct isa_dma isa = dma_port(&pc->dma);
    fdc_init(&pc->fdc, &pc->bus, &isa, isa_irq(pc, 6));
    fdc_attach(&pc->fdc, 0, config->floppy[0]);
    if (config->floppy[1])
        fdc_attach(&pc->fdc, 1, config->floppy[1]);
}

static void register_devices(struct pc *pc)
{
    add_device(pc, &pic_ops, &pc->pic);
    if (pc->apic) {
        add_device(pc, &lapic_ops, &pc->lapic);
        add_device(pc, &ioapic_ops, &pc->ioapic);
    }
    add_device(pc, &i440fx_ops, &pc->i440fx);
    add_device(pc, &piix3_ops, &pc->piix3);
    add_device(pc, &piix4pm_ops, &pc->pm);
    add_device(pc, &pit_ops, &pc->pit);
    add_device(pc, &cmos_ops, &pc->cmos);
    add_device(pc, &dma_ops, &pc->dma);
    add_device(pc, &port92_ops, &pc->port92);
    add_device(pc, &kbc_ops, &pc->kbc);
    add_device(pc, &ferr_ops, &pc->ferr);
    add_device(pc, &debugport_ops, &pc->debugport);
    add_device(pc, &fwcfg_ops, &pc->fwcfg);
    add_device(pc, &ide_ops, &pc->ide);
    add_device(pc, &fdc_ops, &pc->fdc);
    add_device(pc, &vga_ops, &pc->vga);
}

/* ---- what firmware is told ---- */

static enum cmos_boot boot_device(char letter)
{
    return letter == 'a' ? CMOS_BOOT_FLOPPY : letter == 'c' ? CMOS_BOOT_DISK : CMOS_BOOT_CD;
}

/* Floppy first if there is one, then disk, then CD: what a person expects who names just one image. */
static void default_boot(const struct pc_config *config, char order[4])
{
    bool disk = false, cd = false;
    char *p = order;
    for (unsigned i = 0; i < PC_DRIVES; i++) {
        disk |= config->drive[i].kind == PC_DRIVE_DISK;
        cd |= config->drive[i].kind == PC_DRIVE_CD && config->drive[i].block;
    }
    if (config->floppy[0])
        *p++ = 'a';
    if (disk)
        *p++ = 'c';
    if (cd)
        *p++ = 'd';
    *p = 0;
}

static void configure_cmos(struct pc *pc, const struct pc_config *config)
{
    struct cmos_config c = {.ram_below_4g = pc_mem_low(&pc->mem),
                            .ram_above_4g = pc_mem_high(&pc->mem),
                            .cpus = 1,
                            .fpu = true,
                            .mouse = true};
    char order[4] = "";
    default_boot(config, order);
    const char *boot = config->boot_order ? config->boot_order : order;
    for (unsigned i = 0; i < 3 && boot[i]; i++)
        c.boot[i] = boot_device(boot[i]);
    c.floppy[0] = fdc_cmos_type(&pc->fdc, 0);
    c.floppy[1] = fdc_cmos_type(&pc->fdc, 1);
    for (unsigned i = 0; i < PC_DRIVES; i++) {
        const struct pc_drive *d = &config->drive[i];
        if (d->kind != PC_DRIVE_DISK)
            continue;
        c.disk[i].present = true;
        c.disk[i].cylinders = (u16)d->cylinders;
        c.disk[i].heads = d->heads;
        c.disk[i].sectors = d->sectors;
        c.disk[i].translation = d->large ? CMOS_CHS_LARGE : CMOS_CHS_LBA;
    }
    pc->cmos_config = c;
    cmos_configure(&pc->cmos, &c);
}

static bool add_acpi(struct pc *pc, const struct pc_config *config)
{
    static const u32 com[PC_SERIALS] = {ACPI_COM1, ACPI_COM2, ACPI_COM3, ACPI_COM4};
    struct acpi_config a = {.cpus = 1,
                            .apic = pc->apic,
                            .pm_base = ACPI_DEFAULT_PM_BASE,
                            .pci_window = (u32)pc_mem_low(&pc->mem),
                            .isa = ACPI_LPT | ACPI_FDC};
    for (unsigned i = 0; i < PC_SERIALS; i++)
        a.isa |= config->serial_present[i] ? com[i] : 0;
    struct acpi_tables t;
    if (acpi_build(&a, &t))
        return false;
    struct fwcfg *f = &pc->fwcfg;
    bool ok = fwcfg_add_file(f, ACPI_FILE_TABLES, t.tables, t.tables_len) == 0 &&
              fwcfg_add_file(f, ACPI_FILE_RSDP, t.rsdp, sizeof t.rsdp) == 0 &&
              fwcfg_add_file(f, ACPI_FILE_LOADER, t.loader, t.loader_len) == 0;
    acpi_free(&t);
    return ok;
}

static bool configure_firmware(struct pc *pc, const struct pc_config *config)
{
    struct fwcfg *f = &pc->fwcfg;
    u64 low = pc_mem_low(&pc->mem), high = pc_mem_high(&pc->mem);
    struct fwcfg_e820 map[] = {{0, low, 1}, {(u64)1 << 32, high, 1}};
    bool ok = fwcfg_add_u64(f, FWCFG_RAM_SIZE, low) == 0 && fwcfg_add_u16(f, FWCFG_NB_CPUS, 1) == 0 &&
              fwcfg_add_u16(f, FWCFG_MAX_CPUS, 1) == 0 && fwcfg_add_e820(f, map, high ? 2 : 1) == 0 &&
              add_acpi(pc, config);
    if (config->apic)
        ok = ok && fwcfg_add(f, FWCFG_IRQ0_OVERRIDE, "\1", 1) == 0;
    for (unsigned i = 0; i < ARRAY_LEN(config->fw_item); i++) {
        const struct pc_fw_item *item = &config->fw_item[i];
        if (item->data)
            ok = ok && fwcfg_add_borrowed(f, item->key, item->data, item->size) == 0;
    }
    if (config->boot_rom) {
        static const char order[] = "/rom@genroms/kernel.bin";
        ok = ok && fwcfg_add_file(f, "genroms/kernel.bin", config->boot_rom, config->boot_rom_size) == 0 &&
             fwcfg_add_file(f, "bootorder", order, sizeof order) == 0;
    }
    return ok;
}

static const char *check_config(const struct pc_config *config)
{
    if (config->ram < 1 << 20 || config->ram & ((1 << 20) - 1))
        return "guest memory must be a whole number of MiB, at least 1";
    if (config->bios_size < 0x10000 || config->bios_size > 16 << 20 || config->bios_size & 0xFFFF)
        return "the system BIOS must be a multiple of 64 KiB, 16 MiB at most";
    if (config->vgabios_size > VGA_ROM_SIZE)
        return "the VGA BIOS is larger than 64 KiB";
    return NULL;
}

static bool build(struct pc *pc, const struct pc_config *config)
{
    clock_init(&pc->clock, PC_RATE_PS, count_now, clock_earlier, pc);
    build_bus(pc);
    if (ports_init(&pc->ports, &pc->log) ||
        pc_mem_init(&pc->mem, &pc->log, config->ram, config->bios, config->bios_size))
        return false;
    if (!build_cpu(pc, config))
        return false;
    build_interrupts(pc);
    build_chipset(pc);
    build_legacy(pc, config);
    build_drives(pc, config);
    fwcfg_init(&pc->fwcfg, &pc->bus);
    if (vga_init(&pc->vga, &pc->bus, config->isa_vga ? NULL : &pc->pci, 2 << 3, config->vgabios, config->vgabios_size))
        return false;
    pc->display = vga_display(&pc->vga);
    pc->input = kbc_input(&pc->kbc);
    register_devices(pc);
    build_serial(pc, config);
    configure_cmos(pc, config);
    return configure_firmware(pc, config);
}

struct pc *pc_new(const struct pc_config *config, char *error, size_t size)
{
    const char *wrong = check_config(config);
    struct pc *pc = wrong ? NULL : calloc(1, sizeof *pc);
    if (!pc) {
        snprintf(error, size, "%s", wrong ? wrong : "not enough memory");
        return NULL;
    }
    log_init(&pc->log, config->log_out ? config->log_out : stderr);
    pc->log.enabled = config->log_topics;
    pc->apic = config->apic && config->cpu->features & FEAT_APIC;
    pc->stop_on_triple_fault = config->stop_on_triple_fault;
    if (!build(pc, config)) {
        snprintf(error, size, "not enough memory for a guest with %llu MiB; give less with --mem",
                 (unsigned long long)(config->ram >> 20));
        pc_free(pc);
        return NULL;
    }
    pc_reset(pc);
    return pc;
}

const struct engine_stats *pc_engine_stats(const struct pc *pc)
{
    return pc->engine ? engine_stats(pc->engine) : NULL;
}

const struct verify_stats *pc_verified(const struct pc *pc)
{
    return pc->engine ? engine_verified(pc->engine) : NULL;
}

void pc_free(struct pc *pc)
{
    if (!pc)
        return;
    for (unsigned i = 0; i < pc->devices; i++)
        if (pc->device[i].ops->close)
            pc->device[i].ops->close(pc->device[i].self);
    engine_free(pc->engine);
    if (pc->cpu)
        cpu_free(pc->cpu);
    pc_mem_free(&pc->mem);
    ports_free(&pc->ports);
    log_close(&pc->log);
    free(pc);
}
