/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in for the kernel's <linux/types.h> when linux/openvbs.h is compiled
 * for the host: everything comes from ring_host.h.
 */
#include "../../ring_host.h"
