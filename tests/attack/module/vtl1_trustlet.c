// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trustlet that attacks, by the commands of selftest: other memory, its own
 * data as code, system calls and instructions that are not for it. And what it
 * leaves in registers and in the page. A crash is right, and must be all.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/io.h>
#include <asm/fpu/api.h>
#include <asm/processor.h>

#include "vtl1.h"
#include "selftest.h"

/* Each command takes the types that it has a use for, and no others. */
static u32 types_of(u32 command)
{
	switch (command) {
	case SELFTEST_READ_ADDRESS:
	case SELFTEST_MPROTECT_WX:
	case SELFTEST_SYSCALL:
		return OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0);
	case SELFTEST_EXEC_DATA:
	case SELFTEST_PRIVILEGED:
	case SELFTEST_EXIT:
		return OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0);
	default:
		return 0;
	}
}

struct command {
	const char *name;
	u32 command;
	u64 value;
};

static const struct command commands[] = {
	{ "tl_read_kernel", SELFTEST_READ_ADDRESS, 0xFFFFFFFF80000000 },
	{ "tl_read_kernel_2m", SELFTEST_READ_ADDRESS, 0xFFFFFFFF80200000 },
	{ "tl_read_window", SELFTEST_READ_ADDRESS, 0xFFFFFFFFC0000000 },
	{ "tl_read_stack", SELFTEST_READ_ADDRESS, 0xFFFFFFFFC0007FF8 },
	{ "tl_read_assist", SELFTEST_READ_ADDRESS, 0xFFFFFFFFC000E000 },
	{ "tl_read_code_page", SELFTEST_READ_ADDRESS, 0xFFFFFFFFC0010000 },
	{ "tl_read_message_page", SELFTEST_READ_ADDRESS, 0xFFFFFFFFC0012000 },
	{ "tl_read_last", SELFTEST_READ_ADDRESS, ~0ULL },
	{ "tl_read_private", SELFTEST_READ_ADDRESS, 0xFFFFFF0000000000 },
	{ "tl_read_first", SELFTEST_READ_ADDRESS, 0 },
	{ "tl_read_low", SELFTEST_READ_ADDRESS, 0x1000 },
	{ "tl_read_image_base", SELFTEST_READ_ADDRESS, 0x550000000000 },
	{ "tl_read_stack_base", SELFTEST_READ_ADDRESS, 0x7F0000000000 },
	{ "tl_read_top", SELFTEST_READ_ADDRESS, 0x7FFFFFFFFFFF },
	{ "tl_read_non_canonical", SELFTEST_READ_ADDRESS, 0x800000000000 },
	{ "tl_null", SELFTEST_CRASH_NULL, 0 },
	{ "tl_stack", SELFTEST_CRASH_STACK, 0 },
	{ "tl_canary", SELFTEST_CRASH_CANARY, 0 },
	{ "tl_write_text", SELFTEST_WRITE_TEXT, 0 },
	{ "tl_exit", SELFTEST_EXIT, 0 },
	{ "tl_exec_heap", SELFTEST_EXEC_DATA, SELFTEST_DATA_HEAP },
	{ "tl_exec_stack", SELFTEST_EXEC_DATA, SELFTEST_DATA_STACK },
	{ "tl_exec_static", SELFTEST_EXEC_DATA, SELFTEST_DATA_STATIC },
	{ "tl_exec_constant", SELFTEST_EXEC_DATA, SELFTEST_DATA_READ_ONLY },
	{ "tl_exec_request", SELFTEST_EXEC_DATA, SELFTEST_DATA_REQUEST },
	{ "tl_cli", SELFTEST_PRIVILEGED, SELFTEST_INSN_CLI },
	{ "tl_hlt", SELFTEST_PRIVILEGED, SELFTEST_INSN_HLT },
	{ "tl_read_cr3", SELFTEST_PRIVILEGED, SELFTEST_INSN_READ_CR3 },
	{ "tl_write_cr3", SELFTEST_PRIVILEGED, SELFTEST_INSN_WRITE_CR3 },
	{ "tl_rdmsr", SELFTEST_PRIVILEGED, SELFTEST_INSN_RDMSR },
	{ "tl_out", SELFTEST_PRIVILEGED, SELFTEST_INSN_OUT },
	{ "tl_vmcall", SELFTEST_PRIVILEGED, SELFTEST_INSN_VMCALL },
	{ "tl_vmmcall", SELFTEST_PRIVILEGED, SELFTEST_INSN_VMMCALL },
	{ "tl_int80", SELFTEST_PRIVILEGED, SELFTEST_INSN_INT80 },
	{ "tl_ud2", SELFTEST_PRIVILEGED, SELFTEST_INSN_UD2 },
	{ "tl_int3", SELFTEST_PRIVILEGED, SELFTEST_INSN_INT3 },
	{ "tl_divide", SELFTEST_PRIVILEGED, SELFTEST_INSN_DIVIDE },
	{ "tl_non_canonical", SELFTEST_PRIVILEGED, SELFTEST_INSN_NON_CANONICAL },
	{ "tl_sgdt", SELFTEST_PRIVILEGED, SELFTEST_INSN_SGDT },
	{ "tl_map_rwx", SELFTEST_MPROTECT_WX, SELFTEST_MAP_RWX },
	{ "tl_map_rx", SELFTEST_MPROTECT_WX, SELFTEST_MAP_RX },
	{ "tl_protect_rwx", SELFTEST_MPROTECT_WX, SELFTEST_PROTECT_RWX },
	{ "tl_protect_rx", SELFTEST_MPROTECT_WX, SELFTEST_PROTECT_RX },
	{ "tl_protect_text", SELFTEST_MPROTECT_WX, SELFTEST_PROTECT_TEXT_RWX },
	{ "tl_protect_constant", SELFTEST_MPROTECT_WX, SELFTEST_PROTECT_CONST_RX },
	{ "tl_protect_foreign", SELFTEST_MPROTECT_WX, SELFTEST_PROTECT_FOREIGN },
	{ "tl_map_fixed_text", SELFTEST_MPROTECT_WX, SELFTEST_MAP_FIXED_TEXT },
	{ "tl_map_kernel", SELFTEST_MPROTECT_WX, SELFTEST_MAP_KERNEL },
	{ "tl_unmap_kernel", SELFTEST_MPROTECT_WX, SELFTEST_UNMAP_KERNEL },
	{ "tl_sys_read", SELFTEST_SYSCALL, 0 },
	{ "tl_sys_open", SELFTEST_SYSCALL, 2 },
	{ "tl_sys_ioctl", SELFTEST_SYSCALL, 16 },
	{ "tl_sys_socket", SELFTEST_SYSCALL, 41 },
	{ "tl_sys_clone", SELFTEST_SYSCALL, 56 },
	{ "tl_sys_fork", SELFTEST_SYSCALL, 57 },
	{ "tl_sys_execve", SELFTEST_SYSCALL, 59 },
	{ "tl_sys_ptrace", SELFTEST_SYSCALL, 101 },
	{ "tl_sys_iopl", SELFTEST_SYSCALL, 172 },
	{ "tl_sys_init_module", SELFTEST_SYSCALL, 175 },
	{ "tl_sys_own_next", SELFTEST_SYSCALL, 0x4F04 },
	{ "tl_sys_2_to_32", SELFTEST_SYSCALL, (1ULL << 32) + 12 },
	{ "tl_sys_max", SELFTEST_SYSCALL, ~0ULL },
};

/* "crash"; or the error that it got, "errno38"; or "ok". */
static const char *outcome_of(const struct vtl_page *p, u32 result, char text[16])
{
	s64 got = p->msg.types >> 4 ? (s64)p->msg.param[1].a : 0;

	if (result == OVBS_E_TARGET_DEAD)
		return "crash";
	if (result != OVBS_OK)
		return result_name(result) ?: "undocumented";
	if (got >= 0 || got < -4095)
		return "ok";
	snprintf(text, 16, "errno%lld", -got);
	return text;
}

static void run_trustlet(struct report *r)
{
	char text[16];
	struct vtl1 v;
	size_t i;

	if (!vtl1_begin(r, &v, commands[0].name))
		return;
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		const char *o;
		u32 result;

		vtl1_message(v.page, OVBS_MSG_INVOKE, v.session, c->command, types_of(c->command));
		v.page->msg.param[0].a = c->value;
		result = vtl1_send(v.page);
		o = outcome_of(v.page, result, text);
		row(r, c->name, o, "%x, %llx", result, v.page->msg.param[1].a);
		if (result == OVBS_E_TARGET_DEAD)
			v.session = 0;
		if (!vtl1_alive(&v))
			row(r, c->name, "silent", "it can't be opened again");
		cond_resched();
	}
	row(r, "trustlet_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

static void run_endless(struct report *r)
{
	struct vtl1 v;
	u32 result;

	if (!vtl1_begin(r, &v, "tl_endless"))
		return;
	vtl1_message(v.page, OVBS_MSG_INVOKE, v.session, SELFTEST_LOOP_FOREVER, 0);
	result = vtl1_send(v.page);
	row(r, "tl_endless", result == OVBS_E_TARGET_DEAD ? "crash" : result_name(result) ?: "undocumented",
	    "the budget is spent");
	v.session = 0;
	vtl1_message(v.page, OVBS_MSG_INVOKE, 0, 0, 0);
	row(r, "endless_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* ---- what is left in registers ---- */

/* vtl1_regs.S knows the layout. */
struct fill {
	u64 before[16], after[16];
	u8 ymm[16][32], ymm_after[16][32];
	u8 fx[512], fx_after[512];
	u32 avx, intel;
} __aligned(64);
static_assert(offsetof(struct fill, ymm) == 256);
static_assert(offsetof(struct fill, fx) == 1280);
static_assert(offsetof(struct fill, avx) == 2304);

asmlinkage void vtl1_fill_call(struct fill *f);

enum { RAX = 0, RCX = 1, RDX = 2, RSP = 4 };

static void fill(struct fill *f)
{
	unsigned int i;

	for (i = 0; i < 16; i++) {
		f->before[i] = 0x0101010101010101ULL * (i + 1);
		memset(f->ymm[i], 0x40 + i, sizeof(f->ymm[i]));
	}
	f->before[RCX] = HV_CALL_VTL_CALL;
	f->before[RDX] = OVBS_VTL_MESSAGE;
	f->avx = boot_cpu_has(X86_FEATURE_AVX);
	f->intel = boot_cpu_data.x86_vendor == X86_VENDOR_INTEL;
}

static const char *general_outcome(const struct fill *f)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (i != RSP && f->after[i] == SELFTEST_PATTERN)
			return "leaked";
	for (i = 0; i < 16; i++)
		if (i != RSP && i != RAX && i != RCX && f->after[i] != f->before[i])
			return "changed";
	return f->after[RCX] || f->after[RAX] >> 32 ? "leaked" : "kept";
}

/* x87, MXCSR and XMM by FXSAVE (its last 96 bytes are not the CPU's), and the upper halves of YMM. */
static const char *vector_outcome(const struct fill *f)
{
	const u64 pattern = SELFTEST_PATTERN;
	const u8 *at;

	for (at = f->fx_after; at < f->fx_after + 416; at += 8)
		if (!memcmp(at, &pattern, 8))
			return "leaked";
	if (memcmp(f->fx, f->fx_after, 416))
		return "changed";
	return f->avx && memcmp(f->ymm, f->ymm_after, sizeof(f->ymm)) ? "changed" : "kept";
}

/* Nothing is in the reply, so nothing of the page may change but result and origin. */
static const char *page_kept(struct vtl_page *p, struct vtl_page *shadow)
{
	const u64 pattern = SELFTEST_PATTERN;
	const u8 *at;

	shadow->msg.result = p->msg.result;
	shadow->msg.origin = p->msg.origin;
	shadow->msg.op = p->msg.op;
	for (at = (u8 *)p; at <= (u8 *)p + PAGE_SIZE - 8; at++)
		if (!memcmp(at, &pattern, 8))
			return "leaked";
	return memcmp(p, shadow, PAGE_SIZE) ? "changed" : "kept";
}

static void registers_rows(struct report *r, struct vtl1 *v, struct fill *f, struct vtl_page *shadow)
{
	const char *general = "kept", *vector = "kept";
	unsigned int calls = 0;

	vtl1_message(v->page, OVBS_MSG_INVOKE, v->session, SELFTEST_FILL_REGISTERS, 0);
	memset(v->page->data, 0x77, sizeof(v->page->data));
	memcpy(shadow, v->page, PAGE_SIZE);
	do {
		fill(f);
		kernel_fpu_begin();
		vtl1_fill_call(f);
		kernel_fpu_end();
		if (!strcmp(general, "kept"))
			general = general_outcome(f);
		if (!strcmp(vector, "kept"))
			vector = vector_outcome(f);
		v->page->msg.op = OVBS_MSG_RESUME;
		calls++;
	} while ((u32)f->after[RAX] == OVBS_INTERRUPTED && calls < 1000);
	row(r, "registers_call", result_name((u32)f->after[RAX]) ?: "undocumented", "%u calls", calls);
	row(r, "registers_general", general, "rax %llx rcx %llx", f->after[RAX], f->after[RCX]);
	row(r, "registers_vector", vector, "%s", f->avx ? "x87, XMM and YMM" : "x87 and XMM");
	row(r, "registers_page", page_kept(v->page, shadow), "the page around the message");
}

static void run_registers(struct report *r)
{
	struct vtl_page *shadow = (void *)get_zeroed_page(GFP_KERNEL);
	struct fill *f = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;

	if (!shadow || !f || !vtl1_begin(r, &v, "registers_general"))
		return;
	registers_rows(r, &v, f, shadow);
	row(r, "registers_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
	free_page((unsigned long)shadow);
	free_page((unsigned long)f);
}

const struct attack trustlet_attacks[] = {
	{ "vtl1_trustlet", run_trustlet },
	{ "vtl1_endless", run_endless },
	{ "vtl1_registers", run_registers },
	{}
};
