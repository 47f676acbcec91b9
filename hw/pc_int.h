/*
 * pc_int.h - the inside of a machine, for pc.c (building), pc_run.c (running) and pc_state.c (saving) only.
 */
#ifndef OMBRA_HW_PC_INT_H
#define OMBRA_HW_PC_INT_H

#include "base/ports.h"
#include "hw/cmos.h"
#include "hw/debugport.h"
#include "hw/dma.h"
#include "hw/fdc.h"
#include "hw/ferr.h"
#include "hw/fwcfg.h"
#include "hw/i440fx.h"
#include "hw/ide.h"
#include "hw/ioapic.h"
#include "hw/kbc.h"
#include "hw/lapic.h"
#include "hw/lpt.h"
#include "hw/pc.h"
#include "hw/pc_mem.h"
#include "hw/pic.h"
#include "hw/piix3.h"
#include "hw/piix4pm.h"
#include "hw/pit.h"
#include "hw/port92.h"
#include "hw/uart.h"
#include "hw/vga.h"
#include "translator/engine.h"

enum { PC_MAX_DEVICES = 32, PC_RAM_CHUNK = 64 << 20 };

struct pc {
    struct log log;
    struct clock clock;
    struct bus bus;
    struct port_space ports;
    struct pc_mem mem;
    struct cpu *cpu;
    struct engine *engine; /* NULL: the interpreter alone */
    struct cpu_port cpu_port;
    struct pci_bus pci;
    struct apic_bus apics;

    struct pic pic;
    struct pit pit;
    struct cmos cmos;
    struct cmos_config cmos_config;
    struct dma dma;
    struct port92 port92;
    struct kbc kbc;
    struct ferr ferr;
    struct fwcfg fwcfg;
    struct debugport debugport;
    struct i440fx i440fx;
    struct piix3 piix3;
    struct piix4pm pm;
    struct ide ide;
    struct vga vga;
    struct ioapic ioapic;
    struct lapic lapic;
    struct fdc fdc;
    struct uart uart[PC_SERIALS];
    struct lpt lpt;

    struct device device[PC_MAX_DEVICES];
    unsigned devices;
    struct display_source display;
    struct input_sink input;
    struct char_sink serial[PC_SERIALS];

    bool apic, stop_on_triple_fault;
    bool nmi_masked, want_reset, want_off, triple, exited, interrupted;
    unsigned exit_status;
    u32 drives;           /* two bits of kind for each IDE position, then whether B: is there: a saved state wants the same */
};

#endif
