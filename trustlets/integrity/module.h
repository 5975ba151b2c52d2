/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a Linux module in memory hold what its verified file says?
 *
 * module_check() does to a private copy of the file what the kernel's loader
 * does: lays the sections out, relocates, sorts tables, patches what depends on
 * CPU and command line. The outcome is compared with memory, byte for byte, in
 * all text and read-only pages, the gaps between sections and the ends of pages
 * included. There is one expected form of each byte, except at what the kernel
 * patches while it runs; there memory must hold one of these exact forms:
 *
 *   jump label          the NOP of its size; the JMP to the target in the table
 *   static call         CALL (JMP, Jcc) to its trampoline, as in the file; or what the
 *                       trampoline does now: CALL (JMP, Jcc) to the trampoline's target; the
 *                       5-byte NOP, or RET, or Jcc to a return, if the trampoline only returns;
 *                       "xor eax,eax" if its target is __static_call_return0
 *   trampoline of its   as in the file, patched as a return where the kernel does so (each
 *   own                 change later is a run-time write, to be judged as such)
 *   mcount              the 5-byte NOP; a CALL to one of the policy's ftrace targets
 *   lock prefix         F0; or 3E as well if the policy says that one CPU alone runs
 *
 * Trust: the file is signed, but it is read as hostile: whatever its bytes are,
 * nothing outside of them is touched. Placement is what the untrusted kernel
 * says: a wrong one leads to a difference. Policy is what VTL1 learnt when it
 * froze vmlinux. read() must serve frozen memory only, so that nothing changes
 * between comparison and use.
 *
 * Not covered: contents of writable data (and what is read-only only after
 * init: .data..ro_after_init, __jump_table), refused by name: livepatch modules,
 * call depth tracking (retbleed=stuff), ITS thunks, FineIBT.
 */
#ifndef OVBS_INTEGRITY_MODULE_H
#define OVBS_INTEGRITY_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum module_kernel {
	MODULE_LINUX_6_1,  /* two areas: core and init */
	MODULE_LINUX_6_12, /* an area for each part */
};

/* In the order of Linux 6.12's enum mod_mem_type. */
enum module_part {
	MODULE_TEXT,
	MODULE_DATA,
	MODULE_RODATA,
	MODULE_RO_AFTER_INIT,
	MODULE_INIT_TEXT,
	MODULE_INIT_DATA,
	MODULE_INIT_RODATA,
	MODULE_PARTS,
};

struct module_area {
	uint64_t base, size;
};

/*
 * Where the kernel says the module is. 6.1: [MODULE_TEXT] is the core area,
 * [MODULE_INIT_TEXT] the init area, the others are 0. Sizes are the kernel's own
 * and must come out equal. percpu: __percpu address of the module's variables, 0 if none.
 */
struct module_place {
	struct module_area area[MODULE_PARTS];
	uint64_t percpu;
};

#define MODULE_PV_OPS         128
#define MODULE_CAPS           32
#define MODULE_FTRACE_TARGETS 8

/* Learnt from vmlinux when it was frozen. Addresses are 0 where the kernel has no such symbol. */
struct module_policy {
	enum module_kernel kernel;
	uint32_t caps[MODULE_CAPS]; /* boot_cpu_data.x86_capability, bug words included */
	unsigned int caps_words;
	bool one_cpu;                     /* lock prefixes were patched out */
	uint64_t low, high;               /* modules lie in [low, high) */
	uint64_t percpu_low, percpu_high; /* and their per-CPU variables in [percpu_low, percpu_high) */

	uint64_t fentry;              /* __fentry__ */
	uint64_t return_thunk_symbol; /* __x86_return_thunk */
	uint64_t return_thunk;        /* what x86_return_thunk holds */
	uint64_t its_return_thunk;    /* its_return_thunk */
	uint64_t indirect_thunks;     /* __x86_indirect_thunk_array: 16 of 32 bytes */
	uint64_t static_call_return0; /* __static_call_return0 */
	uint64_t static_call_return;  /* __static_call_return */
	uint64_t pv_ops;              /* the array of functions: writable in 6.1, so its contents */
	uint64_t pv_function[MODULE_PV_OPS]; /* when frozen */
	unsigned int pv_count;
	uint64_t paravirt_nop;                  /* 6.1: _paravirt_nop; 6.12: nop_func */
	uint64_t bug_func;                      /* 6.1: paravirt_BUG; 6.12: BUG_func */
	uint64_t ftrace[MODULE_FTRACE_TARGETS]; /* what an mcount site may call */
	unsigned int ftrace_count;
};

struct module_source {
	/* An exported symbol of vmlinux or of an accepted module. Return: 0, or -ENOENT. */
	int (*resolve)(void *context, const char *name, uint64_t *address);
	/* Bytes of frozen kernel memory. Return: 0, or an error: then the module is refused. */
	int (*read)(void *context, uint64_t address, void *bytes, size_t size);
	void *context;
};

enum module_right {
	MODULE_RX,            /* text */
	MODULE_R,             /* read-only data */
	MODULE_R_AFTER_INIT,  /* writable until init has returned */
	MODULE_RX_UNTIL_INIT, /* init text: executable until init ends, then freed */
	MODULE_R_UNTIL_INIT,
};

struct module_range {
	uint64_t start, end; /* pages */
	enum module_right right;
};

enum module_site_kind {
	MODULE_SITE_JUMP_LABEL, /* target, key; size 2 or 5 */
	MODULE_SITE_STATIC_CALL, /* target: its trampoline; key: as the table has it (key or trampoline) */
	MODULE_SITE_STATIC_TAIL, /* the same, JMP; size 6: Jcc, condition in `extra` */
	MODULE_SITE_TRAMPOLINE,  /* a static call's own trampoline */
	MODULE_SITE_MCOUNT,
	MODULE_SITE_LOCK,
};

struct module_site {
	uint64_t address, target, key;
	uint8_t kind, size;
	uint8_t extra; /* jump label: 1 if the key's "branch" bit is set; Jcc: its second byte */
	bool init;     /* in init text */
};

struct module_export {
	const char *name; /* inside of the file's bytes */
	uint64_t address;
};

#define MODULE_SHOWN 8
#define MODULE_NAME  56 /* Linux: MODULE_NAME_LEN */

struct module_result {
	const char *reason; /* NULL: accepted */
	char section[40];   /* where it is wrong; "" if it is not about a section */
	uint64_t offset;    /* in that section */
	uint8_t expected[MODULE_SHOWN], found[MODULE_SHOWN];
	unsigned int shown; /* how many of these are valid */
	uint64_t address;   /* of the first of them, in memory */

	char name[MODULE_NAME]; /* of .modinfo, printable */
	struct module_range range[8];
	unsigned int ranges;
	struct module_site *site; /* ascending */
	size_t sites;
	struct module_export *export;
	size_t exports;
	uint64_t *function; /* where functions begin, static calls' trampolines too; ascending */
	size_t functions;
	uint64_t compared, patched; /* bytes compared; sites that were patched as the loader does */
};

/**
 * module_plan() - where a module's pages are to lie, and with which rights
 * @file, @size, @place, @policy: as of module_check(); the file is not changed
 * @result: name and ranges are set, as module_check() will set them; nothing to release
 *
 * So pages can be frozen before the comparison.
 *
 * Return: 0; -ENOEXEC, -EACCES, -ENOMEM with result->reason.
 */
int module_plan(uint8_t *file, size_t size, const struct module_place *place,
		const struct module_policy *policy, struct module_result *result)
	__attribute__((__warn_unused_result__));

/**
 * module_check() - compare a module in memory with its file
 * @file: the verified bytes (decompressed, without the signature); changed, to become what is expected
 * @size: how many
 * @place: where the kernel says it is
 * @policy: what was learnt from vmlinux
 * @source: symbols and memory
 * @result: filled; its export names point into @file; give it to module_release()
 *
 * To be called after the loader's last change and before the module's init
 * (MODULE_STATE_COMING, last notifier), when the module's pages are frozen.
 *
 * Return: 0 accepted; -ENOEXEC the file is bad; -EACCES memory is not what it
 * says; -ENOENT a symbol is missing; -ENOMEM. result->reason says more.
 * Source: Linux 6.1.192 and 6.12.118 as packaged by Debian: kernel/module,
 * arch/x86/kernel/{module,alternative,static_call,jump_label}.c.
 */
int module_check(uint8_t *file, size_t size, const struct module_place *place,
		 const struct module_policy *policy, const struct module_source *source,
		 struct module_result *result) __attribute__((__warn_unused_result__));

/** module_release() - free what module_check() allocated for @result */
void module_release(struct module_result *result);

#endif
