/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware starts next: BootNext, BootOrder and Boot####. Read to say
 * whether openvbs is in it; written only for the one-shot start of
 * openvbs-optout.efi. Entries were written by anybody: every length is checked.
 */
#ifndef VBSCTL_BOOTVARS_H
#define VBSCTL_BOOTVARS_H

#include <openvbs/platform.h>

#include "esp.h"
#include "vbsctl.h"

#define BOOT_OPT_OUT_FILE "openvbs-optout.efi"
#define BOOT_OPT_OUT_NAME "openvbs opt-out"

/**
 * boot_order() - does the next regular boot start openvbs?
 * @loader_ran: whether it was started in this boot: then the entry of this boot is one that does
 *
 * The first active entry of BootOrder, or BootNext unless that is the opt-out
 * program, which comes back. Return: YES, NO, or UNKNOWN.
 */
enum ovbs_fact boot_order(const struct vbsctl *v, bool loader_ran);

/** boot_opt_out_pending() - does BootNext lead to the opt-out program? */
bool boot_opt_out_pending(const struct vbsctl *v);

/** boot_next() - BootNext. Return: its number, or -1. */
int boot_next(const struct vbsctl *v);

/** boot_opt_out_entry() - the entry of an earlier opt-out. Return: its number, or -1. */
int boot_opt_out_entry(const struct vbsctl *v);

/**
 * boot_make_opt_out() - create (or reuse) the entry; firmware does not start it by itself
 * @options: "DISABLE-VBS ..."
 * @why: ESP_WHY bytes, after an error
 *
 * Return: its number, or -errno.
 */
int boot_make_opt_out(const struct vbsctl *v, const struct esp_partition *partition,
		      const char *options, char *why);

/** boot_set_next() - BootNext. Return: 0 or -errno. */
int boot_set_next(const struct vbsctl *v, unsigned int entry);

/** boot_clear_opt_out() - remove BootNext if it leads there, and the entry. Return: 0 or -errno. */
int boot_clear_opt_out(const struct vbsctl *v);

#endif
