/*
 * aml.h - a writer of ACPI machine language (ACPI 1.0b/2.0, chapter "ACPI Machine Language"): just the operators that
 * the tables of this machine use, each emitted by the function that has its ASL name.
 *
 * Terms are written in the order of their encoding: an operator first, then its operands. What has a body is opened by
 * a call and closed by aml_end(), so that C reads like ASL:
 *
 *     aml_method(a, "_STA", 0, false);
 *         aml_return(a);
 *         aml_int(a, 0x0F);
 *     aml_end(a);
 *
 * A name is written like in ASL: "PRQ0", "\\_SB.LNKA", "^PCI0"; segments shorter than four letters are padded.
 */
#ifndef OMBRA_HW_AML_H
#define OMBRA_HW_AML_H

#include "base/types.h"

enum { AML_DEPTH = 16 };

struct aml {
    u8 *data; /* owned; aml_free() */
    size_t len, cap;
    struct {
        size_t start;   /* where the length has to be inserted */
        bool resources; /* a resource template: a buffer whose size is inserted too */
    } open[AML_DEPTH];
    unsigned depth;
    bool failed; /* out of memory; sticky, everything else is then ignored */
};

void aml_free(struct aml *a);

/* Plain bytes; also the way to write a table's header in front of the terms. */
void aml_bytes(struct aml *a, const void *data, size_t len);

/* Closes the innermost body. */
void aml_end(struct aml *a);

/* Named objects. aml_name() is followed by the data object. */
void aml_scope(struct aml *a, const char *name);
void aml_device(struct aml *a, const char *name);
void aml_method(struct aml *a, const char *name, unsigned args, bool serialized);
void aml_name(struct aml *a, const char *name);
void aml_processor(struct aml *a, const char *name, u8 id, u32 pblk, u8 pblk_len);
void aml_pci_config_region(struct aml *a, const char *name, u8 offset, u8 len);
void aml_field_bytes(struct aml *a, const char *region);             /* byte access, no lock, preserve */
void aml_field_unit(struct aml *a, const char *name, unsigned bits); /* fewer than 64 */

/* Data objects. As many ELEMENTS (data objects or names) as aml_package() says follow it. */
void aml_int(struct aml *a, u64 value);
void aml_string(struct aml *a, const char *text);
void aml_eisaid(struct aml *a, const char *id); /* "PNP0A03" */
void aml_ref(struct aml *a, const char *name);
void aml_package(struct aml *a, unsigned elements);

/* Statements and expressions. Operands follow; TARGET is the last one. */
void aml_if(struct aml *a); /* predicate and body follow, then aml_end() */
void aml_return(struct aml *a);
void aml_store(struct aml *a);
void aml_and(struct aml *a);
void aml_or(struct aml *a);
void aml_no_target(struct aml *a);
void aml_arg(struct aml *a, unsigned n);
void aml_create_dword_field(struct aml *a); /* buffer and byte index follow, then the new name by aml_ref() */

/* Resource templates: a buffer of descriptors, from aml_resources() to aml_end(). */
enum aml_window_kind { AML_MEMORY = 0, AML_IO = 1, AML_BUS = 2 };

void aml_resources(struct aml *a);
void aml_res_io(struct aml *a, u16 first, u8 len);
void aml_res_irq(struct aml *a, unsigned irq);     /* edge, active high, exclusive */
void aml_res_dma(struct aml *a, unsigned channel); /* compatibility timing, 8 bits, not a bus master */
void aml_res_interrupt(struct aml *a, const u32 *irqs, unsigned count); /* level, active high, shared */
void aml_res_window16(struct aml *a, enum aml_window_kind kind, u16 first, u16 last);
void aml_res_window32(struct aml *a, u32 first, u32 last, bool cacheable); /* memory, read-write */

#endif
