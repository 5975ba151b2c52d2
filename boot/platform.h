/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware says of the platform. See also loader.h.
 */
#ifndef BOOT_PLATFORM_H
#define BOOT_PLATFORM_H

#include "acpi_pm.h"
#include "loader.h"

/**
 * platform_acpi_memory() - physical memory through firmware's identity map
 *
 * Context: boot CPU, before ExitBootServices.
 */
const struct acpi_memory *platform_acpi_memory(void);

#endif
