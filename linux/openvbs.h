/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openvbs.ko: what the parts of the module share. This side of it only looks:
 * it finds the hypervisor by CPUID, shows its log and its counters, and keeps
 * Linux from sleep states that would end the protection. The way to VTL1 is in
 * vtl.h. Taking the module out again changes nothing in the hypervisor.
 */
#ifndef OPENVBS_MODULE_H
#define OPENVBS_MODULE_H

#include <linux/types.h>
#include <openvbs/hv_abi.h>

struct seq_file;

/**
 * struct openvbs_hv - the hypervisor below, as found and checked at load
 * @log: its log ring, mapped; never written here
 * @log_bytes: bytes of text in the ring (checked copy of @log->data_size)
 * @stats: its exit counters, mapped; never written here
 * @cpus: rows of @stats->count (checked copy)
 * @slots: counters in a row (checked copy)
 * @major: version by CPUID 40000002h (TLFS, Hypervisor System Identity)
 * @minor: as @major
 * @build: as @major
 */
struct openvbs_hv {
	const struct ovbs_log *log;
	size_t log_bytes;
	const struct ovbs_stats *stats;
	u32 cpus;
	u32 slots;
	u32 major;
	u32 minor;
	u32 build;
};

/**
 * openvbs_discover - find the hypervisor, check what it announces, map it
 *
 * 0; -ENODEV without an openvbs below; -EPROTO if what it announces makes no
 * sense to this module; -ENOMEM. Says why in the kernel log.
 */
int openvbs_discover(struct openvbs_hv *hv);

/** openvbs_forget - undo openvbs_discover(). */
void openvbs_forget(struct openvbs_hv *hv);

/**
 * openvbs_log_copy - the whole lines of the log that are certainly intact
 * @hv: from openvbs_discover()
 * @to: room for @hv->log_bytes
 * @lost: out: bytes that were written once and are no longer there
 *
 * Returns the bytes copied. May sleep never, lock never: the writer is on the
 * other side and waits for nobody.
 */
size_t openvbs_log_copy(const struct openvbs_hv *hv, char *to, u64 *lost);

/** openvbs_files_add, openvbs_files_remove - /sys/kernel/security/openvbs/. */
int openvbs_files_add(const struct openvbs_hv *hv);
void openvbs_files_remove(void);

/**
 * openvbs_state_load - keep what the loader says of this boot
 *
 * Asks firmware once for the variable: it can't change until the next boot.
 * Process context; cannot fail, that it can't be read is part of the state.
 */
void openvbs_state_load(void);

/**
 * openvbs_state_show - the file `state`: one line "Name: value" each
 *
 * Calls VTL1 each time. 0, -ENOMEM, or -EINTR: killed while waiting. Process context.
 */
int openvbs_state_show(struct seq_file *m, void *unused);

/** openvbs_state_log - the state in one line of the kernel log. Calls VTL1; process context. */
void openvbs_state_log(void);

/** openvbs_integrity_start - freeze the kernel and lock it down, if the parameter `integrity` says so. Says in the kernel log how it went. Process context, last of all. */
void openvbs_integrity_start(void);

/** openvbs_integrity_show - the file `integrity`. */
int openvbs_integrity_show(struct seq_file *m, void *unused);

/** openvbs_modules_show - the file `modules`: modules that VTL1 judged and that are here. Calls VTL1. */
int openvbs_modules_show(struct seq_file *m, void *unused);

/** openvbs_power_add, openvbs_power_remove - refuse S3 and hibernation. */
int openvbs_power_add(void);
void openvbs_power_remove(void);

#endif
