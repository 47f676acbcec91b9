/*
 * acpi_dsdt.h - the DSDT of this machine: what hardware there is that cannot be found by looking, in AML. For acpi.c
 * only.
 */
#ifndef OMBRA_HW_ACPI_DSDT_H
#define OMBRA_HW_ACPI_DSDT_H

#include "hw/acpi.h"
#include "hw/aml.h"

/* Appends the terms behind the table's header. */
void acpi_dsdt(struct aml *a, const struct acpi_config *cfg);

#endif
