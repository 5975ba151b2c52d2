/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of the VMX backend's controls and registers, with mocked MSRs and
 * CPUID: a control that is needed and missing is refused by name; what the CPU
 * forces is set; an instruction is enabled exactly if CPUID shows it, and
 * hidden where its control is missing; no MSR leads round the hypervisor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define cpuid      hardware_cpuid
#define rdmsr_safe hardware_rdmsr_safe
#define rdmsr      hardware_rdmsr
#define wrmsr      hardware_wrmsr
#define wrmsr_safe hardware_wrmsr_safe
#include "../../lib/x86.h"
#undef cpuid
#undef rdmsr_safe
#undef rdmsr
#undef wrmsr
#undef wrmsr_safe

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
static int rdmsr_safe(uint32_t msr, uint64_t *v);
static void wrmsr(uint32_t msr, uint64_t v);
static int wrmsr_safe(uint32_t msr, uint64_t v);
static uint64_t rdmsr(uint32_t msr) __attribute__((unused));

#include "../../hypervisor/arch/vmx/arch_vcpu.h"
#define HV_ARCH_FAKE_ARCH_VCPU_H /* the real one is needed */
#include "../../hypervisor/arch/vmx/controls.c"
#include "../../hypervisor/arch/vmx/msr.c"

/* A Skylake server as Bochs models it. */
static const struct {
	uint32_t msr;
	uint64_t value;
} skylake[] = {
	{ MSR_VMX_TRUE_PIN, 0x0000007F00000016 },   { MSR_VMX_TRUE_CPU, 0xFFF9FFFE04006172 },
	{ MSR_VMX_PROCBASED2, 0x0055CFFF00000000 }, { MSR_VMX_TRUE_EXIT, 0x01FFFFFF00036DFB },
	{ MSR_VMX_TRUE_ENTRY, 0x0003FFFF000011FB },
};

static uint32_t missing_msr, missing_bits, forced_msr, forced_bits, allowed2, absent_msr;
static bool all_features;
static uint64_t xss, misc_enable;

static int rdmsr_safe(uint32_t msr, uint64_t *v)
{
	if (msr == absent_msr)
		return -1;
	if (msr == MSR_XSS || msr == MSR_MISC_ENABLE || msr == MSR_CORE_CAPS) {
		*v = msr == MSR_XSS ? xss : msr == MSR_MISC_ENABLE ? misc_enable : 0x22;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(skylake); i++) {
		if (skylake[i].msr != msr)
			continue;
		*v = skylake[i].value;
		if (msr == MSR_VMX_PROCBASED2)
			*v |= (uint64_t)allowed2 << 32;
		if (msr == missing_msr)
			*v &= ~((uint64_t)missing_bits << 32);
		if (msr == forced_msr)
			*v |= (uint64_t)forced_bits << 32 | forced_bits;
		return 0;
	}
	return -1;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint64_t v = 0;

	assert_int_equal(rdmsr_safe(msr, &v), 0);
	return v;
}

static void wrmsr(uint32_t msr, uint64_t v)
{
	assert_int_equal(msr, MSR_XSS);
	xss = v;
}

static int wrmsr_safe(uint32_t msr, uint64_t v)
{
	assert_int_equal(msr, MSR_MISC_ENABLE);
	misc_enable = v;
	return 0;
}

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs none = { 0 }, all = { ~0u, ~0u, ~0u, ~0u };

	if (leaf == 0)
		return (struct cpuid_regs){ .eax = 0x16 };
	if (leaf == 0x80000000)
		return (struct cpuid_regs){ .eax = 0x80000008 };
	return all_features ? all : none;
}

/* What the two files call; nothing of it runs here but the bitmaps' making. */
static uint8_t pages[8][4096];
static unsigned int pages_taken;

void *pool_pages(unsigned int n)
{
	void *p = pages[pages_taken];

	pages_taken += n;
	assert_true(pages_taken <= ARRAY_SIZE(pages));
	return p;
}

struct spa shared_spa(const void *p)
{
	return spa((uint64_t)(uintptr_t)p);
}

static struct {
	enum vmcs_field field;
	uint64_t value;
} written[64];
static unsigned int writes;

void vmwrite(enum vmcs_field f, uint64_t v)
{
	assert_true(writes < ARRAY_SIZE(written));
	written[writes].field = f;
	written[writes++].value = v;
}

static uint64_t field(enum vmcs_field f)
{
	for (unsigned int i = 0; i < writes; i++)
		if (written[i].field == f)
			return written[i].value;
	fail();
	return 0;
}

struct slat vtl0_slat, vtl1_slat;

uint64_t vmx_ept_pointer(const struct slat *s)
{
	return s == &vtl1_slat ? 0x1234501E : 0;
}

void port_map_set(uint8_t *map, uint16_t port, unsigned int size, bool on)
{
}

static bool kept; /* what msr_keep() was asked */

int msr_keep(uint32_t msr, uint64_t value)
{
	kept = true;
	return -EPERM;
}

int vmx_write_efer(struct vcpu *v, uint64_t value)
{
	return value == 0xE ? 0 : -EPERM;
}

void hv_log_denied(const char *fmt, ...)
{
}

void hv_panic(const char *fmt, ...)
{
	fail();
	__builtin_unreachable();
}

static int reset(void **state)
{
	missing_msr = missing_bits = forced_msr = forced_bits = allowed2 = absent_msr = 0;
	all_features = false;
	pages_taken = writes = 0;
	memset(pages, 0, sizeof(pages));
	return 0;
}

static void test_each_needed_control_is_missed_by_name(void **state)
{
	const char *why = NULL;

	assert_true(vmx_controls_prepare(&why));
	assert_null(why);
	for (size_t i = 0; i < ARRAY_SIZE(control); i++) {
		for (unsigned int bit = 0; bit < 32; bit++) {
			if (!(control[i].need >> bit & 1))
				continue;
			missing_msr = control[i].msr;
			missing_bits = 1u << bit;
			why = NULL;
			assert_false(vmx_controls_prepare(&why));
			assert_string_equal(why, control[i].name);
		}
		missing_msr = 0;
		absent_msr = control[i].msr; /* #GP */
		assert_false(vmx_controls_prepare(&why));
		assert_string_equal(why, control[i].name);
		absent_msr = 0;
	}
}

static void test_what_the_cpu_forces_is_set(void **state)
{
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(control); i++) {
		uint64_t cap;

		forced_msr = control[i].msr;
		forced_bits = 0x00040000;
		assert_true(vmx_controls_prepare(&why));
		rdmsr_safe(control[i].msr, &cap);
		assert_int_equal(control[i].value & (uint32_t)cap, (uint32_t)cap); /* all that must be */
		assert_int_equal(control[i].value & ~(uint32_t)(cap >> 32), 0); /* none that may not */
		assert_int_equal(control[i].value & control[i].need, control[i].need);
	}
}

/* SDM 3, table 25-7, and the CPUID bits of SDM 2. */
static const struct {
	uint32_t control;
	uint32_t leaf, subleaf;
	unsigned int reg, bit; /* EAX to EDX */
} optional[] = {
	{ CPU2_RDTSCP, 0x80000001, 0, 3, 27 },
	{ CPU2_INVPCID, 7, 0, 1, 10 },
	{ CPU2_USER_WAIT, 7, 0, 2, 5 },
	{ CPU2_XSAVES, 0xD, 1, 0, 3 },
};

static uint32_t reg_of(const struct cpuid_regs *r, unsigned int n)
{
	const uint32_t all[] = { r->eax, r->ebx, r->ecx, r->edx };

	return all[n];
}

static void test_instructions_follow_cpuid(void **state)
{
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
		uint32_t bit = optional[i].control;
		struct cpuid_regs r;

		reset(NULL);
		allowed2 = bit;                          /* Skylake does not have all of them */
		assert_true(vmx_controls_prepare(&why)); /* CPUID shows nothing */
		assert_false(vmx_has2(bit));
		all_features = true;
		assert_true(vmx_controls_prepare(&why));
		assert_true(vmx_has2(bit));
		assert_int_equal(vmx_bitmaps_prepare(), 0);
		r = cpuid(optional[i].leaf, optional[i].subleaf);
		arch_cpuid(optional[i].leaf, optional[i].subleaf, &r);
		assert_true(reg_of(&r, optional[i].reg) >> optional[i].bit & 1);
		missing_msr = MSR_VMX_PROCBASED2;
		missing_bits = bit;
		assert_true(vmx_controls_prepare(&why));
		assert_false(vmx_has2(bit));
		r = cpuid(optional[i].leaf, optional[i].subleaf);
		arch_cpuid(optional[i].leaf, optional[i].subleaf, &r);
		assert_false(reg_of(&r, optional[i].reg) >> optional[i].bit & 1);
	}
}

static bool exits(const uint8_t *map, uint32_t msr, bool write)
{
	unsigned int at = (msr >= 0xC0000000 ? 1024 : 0) + (msr & 0x1FFF) / 8 + (write ? 2048 : 0);

	return map[at] >> msr % 8 & 1;
}

static void test_msr_map(void **state)
{
	static const struct {
		uint32_t msr;
		bool read, write;
	} rows[] = {
		{ 0x3A, true, true },         { 0x1B, false, true },   { 0x79, false, true },
		{ 0x9B, true, true },         { 0x480, true, true },   { 0x493, true, true },
		{ 0x560, true, true },        { 0x570, true, true },   { 0x58F, true, true },
		{ 0x600, true, true },        { 0x3F1, true, true },   { 0xDA0, false, true },
		{ 0x1A0, true, true },        { 0x14CE, true, true },  { 0x17D0, true, true },
		{ 0x1F2, false, true },       { 0x982, false, true },  { 0x830, false, false },
		{ 0xED, true, true },         { 0xF0, true, true },    { 0xCF, true, false },
		{ 0x1903, true, true },       { 0x1983, true, true },  { 0x1900, false, false },
		{ 0x1902, false, false },     { 0xC80, false, true },  { 0x1400, false, true },
		{ 0x2A0, false, true },       { 0x2F5, false, true },  { 0x10, false, false },
		{ 0x277, false, false },      { 0x6E0, false, false }, { 0xC0000080, false, false },
		{ 0xC0000100, false, false },
	};

	assert_int_equal(vmx_bitmaps_prepare(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(exits(msr_bitmap[0], rows[i].msr, false), rows[i].read);
		assert_int_equal(exits(msr_bitmap[0], rows[i].msr, true), rows[i].write);
	}
	assert_true(exits(msr_bitmap[1], MSR_X2APIC_ICR, true));
	msr_bitmap[1][2048 + MSR_X2APIC_ICR / 8] &= (uint8_t) ~(1u << MSR_X2APIC_ICR % 8);
	assert_memory_equal(msr_bitmap[0], msr_bitmap[1], 4096); /* they differ in that bit only */
	/* While MSRs are pinned: the writes of these, too. */
	for (unsigned int i = 0; i < 2; i++) {
		static const uint32_t pinned[] = { 0x174,      0x175,      0x176,      0xC0000080,
						   0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084 };
		unsigned int more = 0;

		for (size_t j = 0; j < ARRAY_SIZE(pinned); j++) {
			assert_false(exits(msr_bitmap[i], pinned[j], true));
			assert_true(exits(msr_bitmap[i | 2], pinned[j], true));
			assert_false(exits(msr_bitmap[i | 2], pinned[j], false));
		}
		msr_bitmap[1][2048 + MSR_X2APIC_ICR / 8] |= (uint8_t)(1u << MSR_X2APIC_ICR % 8);
		for (unsigned int j = 0; j < 4096; j++)
			more += (unsigned int)__builtin_popcount(msr_bitmap[i | 2][j] ^ msr_bitmap[i][j]);
		assert_int_equal(more, ARRAY_SIZE(pinned));
	}
	assert_int_equal(vmx_msr_bitmap(true, true).v, (uintptr_t)msr_bitmap[3]);
	assert_int_equal(vmx_msr_bitmap(false, true).v, (uintptr_t)msr_bitmap[2]);
}

/* Each exiting write: refused, or carried out by common code (-ENOENT), or swallowed (0). */
static void test_msr_writes(void **state)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		int result;
	} rows[] = {
		{ 0x3A, 5, -EPERM },
		{ 0x480, 0, -EPERM },
		{ 0x570, 1, -EPERM },
		{ 0x560, 0x1000, -EPERM },
		{ 0x600, 0, -EPERM },
		{ 0x79, 0x1234, 0 },
		{ 0x1A0, 1, 0 },
		{ 0x1A0, 1 | 1ULL << 22, -EPERM },
		{ 0x1A0, 1 | 1ULL << 34, -EPERM },
		{ 0xDA0, 0, -ENOENT },
		{ 0xDA0, 1 << 14, -ENOENT }, /* user interrupts */
		{ 0xDA0, 1 << 8, -EPERM },
		{ 0xDA0, 1 << 11, -EPERM },
		{ 0xDA0, 1 << 12, -EPERM },
		{ 0xDA0, 1 << 15, -EPERM },
		{ 0x10, 0, -ENOENT },
		{ 0xC0000080, 0xE, 0 }, /* EFER: vmx/pin.c's */
		{ 0xC0000080, 0xF, -EPERM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(arch_msr_write(NULL, rows[i].msr, rows[i].value), rows[i].result);
	kept = false;
	assert_int_equal(arch_msr_write(NULL, 0x1F2, 0), -EPERM);
	assert_true(kept);
}

/* What VTL0 reads as set is not written where the hardware has it clear; and the other way. */
static void test_misc_enable_and_core_capabilities(void **state)
{
	uint64_t seen;

	misc_enable = 1 << 11 | 1;
	assert_int_equal(arch_msr_read(NULL, 0x1A0, &seen), 0);
	assert_int_equal(seen, 3 << 11 | 1);
	assert_int_equal(arch_msr_write(NULL, 0x1A0, seen | 1 << 18), 0);
	assert_int_equal(misc_enable, 1 << 18 | 1 << 11 | 1);
	assert_int_equal(arch_msr_read(NULL, 0xCF, &seen), 0);
	assert_int_equal(seen, 0x20);
}

static void test_cpuid_beyond_the_last_leaf(void **state)
{
	struct cpuid_regs r = { 0xDAC, 0xFA0, 0x64, 0 };

	assert_int_equal(vmx_bitmaps_prepare(), 0); /* the last leaves are 16h and 80000008h */
	for (uint32_t leaf = 0x17; leaf < 0x40; leaf++) {
		arch_cpuid(leaf, 0, &r); /* the data of leaf 16h: nothing to hide there */
		assert_int_equal(r.eax, 0xDAC);
	}
	arch_cpuid(0x8000001F, 0, &r);
	assert_int_equal(r.eax, 0xDAC);
}

static void test_hidden_state_leaves_xss_at_the_start(void **state)
{
	xss = 1 << 8 | 1 << 11 | 1 << 12 | 1 << 14 | 1 << 15;
	vmx_hide_xss();
	assert_int_equal(xss, 1 << 14);
	xss = 0;
	vmx_hide_xss();
	assert_int_equal(xss, 0);
}

/* VTL1 has no port, its own map and MSR bitmap, and VTL0's interrupts take the CPU from it. */
static void test_vtl1_controls(void **state)
{
	const char *why;

	assert_int_equal(vmx_bitmaps_prepare(), 0);
	assert_true(vmx_controls_prepare(&why));
	vmx_fill_controls(1);
	assert_true(field(VMCS_PIN) & PIN_INTERRUPTS);
	assert_true(field(VMCS_PIN) & PIN_NMI_EXITING);
	assert_true(field(VMCS_PRIMARY) & CPU_IO_ALL);
	assert_true(field(VMCS_PRIMARY) & CPU_HLT);
	assert_true(field(VMCS_PRIMARY) & CPU_MSR_BITMAPS);
	assert_false(field(VMCS_PRIMARY) & (CPU_IO_BITMAPS | CPU_IRQ_WINDOW | CPU_NMI_WINDOW));
	assert_int_equal(field(VMCS_MSR_BITMAP), (uintptr_t)vtl1_bitmap);
	assert_int_equal(field(VMCS_EPTP), 0x1234501E);
}

/* Of the MSRs VTL1 has those alone that are switched with it, or that it puts back. */
static void test_vtl1_msr_map(void **state)
{
	static const uint32_t open[] = { MSR_STAR, MSR_LSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE };
	unsigned int count = 0;

	assert_int_equal(vmx_bitmaps_prepare(), 0);
	for (uint32_t i = 0; i < 0x4000; i++) {
		uint32_t msr = i < 0x2000 ? i : 0xC0000000 + (i - 0x2000);

		assert_int_equal(exits(vtl1_bitmap, msr, true), exits(vtl1_bitmap, msr, false));
		count += !exits(vtl1_bitmap, msr, true);
	}
	assert_int_equal(count, ARRAY_SIZE(open));
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		assert_false(exits(vtl1_bitmap, open[i], true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_needed_control_is_missed_by_name, reset),
		cmocka_unit_test_setup(test_what_the_cpu_forces_is_set, reset),
		cmocka_unit_test_setup(test_instructions_follow_cpuid, reset),
		cmocka_unit_test_setup(test_msr_map, reset),
		cmocka_unit_test_setup(test_msr_writes, reset),
		cmocka_unit_test_setup(test_misc_enable_and_core_capabilities, reset),
		cmocka_unit_test_setup(test_cpuid_beyond_the_last_leaf, reset),
		cmocka_unit_test_setup(test_hidden_state_leaves_xss_at_the_start, reset),
		cmocka_unit_test_setup(test_vtl1_controls, reset),
		cmocka_unit_test_setup(test_vtl1_msr_map, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
