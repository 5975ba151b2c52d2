/* links: hypervisor/arch/x86/control.c hypervisor/arch/x86/insn.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of hypervisor/arch/svm/pin.c and of the MSR maps: which writes exit
 * while something is pinned, and no others; a write of CR0 or CR4 is decoded from
 * VTL0's bytes or by the CPU, in each mode; what is written in VTL0's place is
 * checked against what the CPU has, and flushed.
 */
#define cpuid      hardware_cpuid
#define rdmsr_safe hardware_rdmsr_safe
#include "../../lib/x86.h"
#undef cpuid
#undef rdmsr_safe
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);

#include "../../hypervisor/arch/svm/arch_vcpu.h"
#define HV_ARCH_FAKE_ARCH_VCPU_H /* the real one is needed */
#include "private_window.h"

#include "../../hypervisor/arch/svm/msr.c"
#include "../../hypervisor/arch/svm/pin.c"

#define LONG_CR0  (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define LONG_CR4  (CR4_PAE | CR4_PGE | CR4_SMEP)
#define LONG_EFER (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME)

uint32_t svm_features;
static struct cpuid_regs leaf1, leaf7;
static struct vmcb vmcb;
static uint8_t pages[16 * PAGE_SIZE];
static unsigned int pages_taken, faults;
static const uint8_t *code;
static unsigned int code_length;
static enum cpu_mode code_mode;
static uint32_t told_name;
static uint64_t told_value;
static unsigned int told_length;

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	return leaf == 1 ? leaf1 : leaf == 7 ? leaf7 : (struct cpuid_regs){ .eax = 7 };
}

void *pool_pages(unsigned int n)
{
	void *p = pages + pages_taken * PAGE_SIZE;

	pages_taken += n;
	assert_true(pages_taken <= 16);
	return p;
}

struct spa shared_spa(const void *p)
{
	return spa((uint64_t)(uintptr_t)p);
}

void port_map_set(uint8_t *map, uint16_t port, unsigned int size, bool on)
{
}

int msr_keep(uint32_t msr, uint64_t value)
{
	return -EPERM;
}

bool efer_exists(uint64_t value, uint64_t ours)
{
	return !(value & ~LONG_EFER);
}

void hv_log_denied(const char *fmt, ...)
{
}

void hv_panic(const char *fmt, ...)
{
	fail();
	__builtin_unreachable();
}

void arch_trap_x2apic_icr(struct vcpu *v, bool on)
{
	vmcb.msrpm_base = svm_msrpm(on, v->arch.pinned).v; /* as svm.c */
}

enum cpu_mode arch_walk(const struct vcpu *v, struct gwalk *w, uint64_t *linear_rip)
{
	return code_mode;
}

unsigned int arch_insn_bytes(struct vcpu *v, uint8_t buf[15])
{
	memcpy(buf, code, code_length);
	return code_length;
}

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	assert_int_equal(vector, VEC_GP);
	faults++;
}

void pin_cr_write(struct vcpu *v, enum hv_register_name name, uint64_t value, unsigned int length)
{
	told_name = name;
	told_value = value;
	told_length = length;
}

static struct vcpu *begin(void)
{
	struct vcpu *v = window_begin(0, 0);

	memset(&vmcb, 0, sizeof(vmcb));
	vmcb.cr0 = LONG_CR0;
	vmcb.cr4 = LONG_CR4;
	vmcb.efer = LONG_EFER;
	vmcb.cs.attrib = ATTR_L | 0x9B;
	vmcb.intercept3 = ICPT_NMI | ICPT_MSR;
	v->arch.vmcb = &vmcb;
	leaf1 = (struct cpuid_regs){ .edx = 1u << 4 | 1u << 6 | 1u << 13 };
	leaf7 = (struct cpuid_regs){ .ebx = 1u << 7 | 1u << 20 };
	svm_pin_prepare();
	svm_features = 0;
	code_mode = CPU_MODE_64;
	faults = told_name = pages_taken = 0;
	memset(pages, 0, sizeof(pages));
	assert_int_equal(svm_bitmaps_prepare(), 0);
	return v;
}

static void test_intercepts(void **state)
{
	struct vcpu *v = begin();

	for (unsigned int i = 0; i < 16; i++) {
		this_cpu->icr_trapped = i >> 3 & 1;
		arch_pin(v, i & 1 ? CR0_WP : 0, i & 2 ? CR4_SMEP : 0, i & 4);
		assert_int_equal(vmcb.intercept3, ICPT_NMI | ICPT_MSR | (i & 1 ? 1u << 5 : 0));
		assert_int_equal(vmcb.intercept_cr, i & 2 ? 1u << 20 : 0);
		assert_int_equal(vmcb.msrpm_base, (uintptr_t)msrpm[i >> 3 | (i & 4 ? 2 : 0)]);
	}
}

static bool write_exits(unsigned int map, uint32_t msr)
{
	unsigned int bit = 0;

	assert_true(map_place(msr, &bit));
	return msrpm[map][bit / 8] >> (bit % 8 + 1) & 1;
}

static void test_maps(void **state)
{
	static const uint32_t pinned[] = { 0x174,      0x175,      0x176,     0xC0000081,
					   0xC0000082, 0xC0000083, 0xC0000084 };

	begin();
	for (unsigned int icr = 0; icr < 2; icr++) {
		unsigned int more = 0;

		assert_int_equal(write_exits(icr, MSR_X2APIC_ICR), icr);
		assert_int_equal(write_exits(icr | 2, MSR_X2APIC_ICR), icr);
		assert_true(write_exits(icr, MSR_EFER) && write_exits(icr | 2, MSR_EFER));
		for (size_t i = 0; i < ARRAY_SIZE(pinned); i++)
			assert_true(!write_exits(icr, pinned[i]) && write_exits(icr | 2, pinned[i]));
		for (unsigned int i = 0; i < MSRPM_PAGES * PAGE_SIZE; i++)
			more += (unsigned int)__builtin_popcount(msrpm[icr][i] ^ msrpm[icr | 2][i]);
		assert_int_equal(more, ARRAY_SIZE(pinned)); /* and nothing else */
	}
}

static void exit_at(struct vcpu *v, uint32_t exitcode, enum hv_register_name name,
		    const char *bytes, size_t n)
{
	vmcb.exitcode = exitcode;
	code = (const uint8_t *)bytes;
	code_length = (unsigned int)n;
	told_name = faults = 0;
	svm_cr_write(v, name);
}

#define AT(v, name, s)                                                                             \
	exit_at(v, HV_X64_REGISTER_##name == HV_X64_REGISTER_CR4 ? EXIT_CR4_WRITE : EXIT_CR0_SEL,  \
		HV_X64_REGISTER_##name, s, sizeof(s) - 1)

static void test_decoded_from_bytes(void **state)
{
	struct vcpu *v = begin();

	v->gpr[GPR_RSI] = 0x500000020;
	v->gpr[GPR_R9] = 0x99;
	AT(v, CR4, "\x0f\x22\xe6\x90\x90");
	assert_int_equal(told_name, HV_X64_REGISTER_CR4);
	assert_int_equal(told_value, 0x500000020);
	assert_int_equal(told_length, 3);
	AT(v, CR0, "\x41\x0f\x22\xc1");
	assert_int_equal(told_name, HV_X64_REGISTER_CR0);
	assert_int_equal(told_value, 0x99);
	assert_int_equal(told_length, 4);
	AT(v, CR0, "\x41\x0f\x01\xf1"); /* lmsw r9w */
	assert_int_equal(told_value, (LONG_CR0 & ~0xFULL) | 9);
	code_mode = CPU_MODE_32;
	AT(v, CR4, "\x0f\x22\xe6");
	assert_int_equal(told_value, 0x20);
	/* Not what the exit says, not there any more, or a form that is not known. */
	AT(v, CR4, "\x0f\x22\xc6");
	assert_int_equal(faults, 1);
	AT(v, CR0, "\x0f\x22\xe6");
	assert_int_equal(faults, 1);
	AT(v, CR0, "\x0f\x01\x36");
	assert_int_equal(faults, 1);
	AT(v, CR0, "\x0f\x22");
	assert_int_equal(faults, 1);
	AT(v, CR0, "");
	assert_int_equal(faults, 1);
	assert_int_equal(told_name, 0);
}

static void test_decoded_by_the_cpu(void **state)
{
	struct vcpu *v = begin();

	svm_features = SVM_DECODE_ASSISTS | SVM_NRIPS;
	v->gpr[GPR_R9] = 0x99;
	vmcb.rip = 0x1000;
	vmcb.next_rip = 0x1004;
	vmcb.exitinfo1 = CR_WRITE_MOV | 9;
	AT(v, CR4, "\xcc");
	assert_int_equal(told_name, HV_X64_REGISTER_CR4);
	assert_int_equal(told_value, 0x99);
	assert_int_equal(told_length, 4);
	AT(v, CR0, "\xcc");
	assert_int_equal(told_name, HV_X64_REGISTER_CR0);
	vmcb.exitinfo1 = 0; /* LMSW: from the bytes */
	AT(v, CR0, "\x41\x0f\x01\xf1");
	assert_int_equal(told_value, (LONG_CR0 & ~0xFULL) | 9);
	vmcb.exitinfo1 = CR_WRITE_MOV | 9;
	vmcb.next_rip = 0; /* nothing that could be a length */
	AT(v, CR4, "\xcc");
	assert_int_equal(faults, 1);
}

static void test_write_control_registers(void **state)
{
	struct vcpu *v = begin();

	assert_int_equal(svm_write(v, HV_X64_REGISTER_CR4, LONG_CR4 & ~CR4_PGE), 0);
	assert_int_equal(vmcb.cr4, LONG_CR4 & ~CR4_PGE);
	assert_int_equal(vmcb.tlb_control, TLB_FLUSH_ALL);
	vmcb.tlb_control = 0;
	assert_int_equal(svm_write(v, HV_X64_REGISTER_CR4, vmcb.cr4 | CR4_TSD), 0);
	assert_int_equal(vmcb.tlb_control, 0);
	/* What this CPU has: TSC, PAE, PGE, SMEP, SMAP, and PCE. */
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t b = 1ULL << bit;
		bool has = b & (CR4_TSD | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP | CR4_PCE);

		vmcb.cr4 = CR4_PAE;
		assert_int_equal(svm_write(v, HV_X64_REGISTER_CR4, CR4_PAE | b), has ? 0 : -EINVAL);
		assert_int_equal(vmcb.cr4, CR4_PAE | (has ? b : 0));
	}
	assert_int_equal(svm_write(v, HV_X64_REGISTER_CR0, LONG_CR0 & ~CR0_PG), -EINVAL);
	assert_int_equal(svm_write(v, HV_X64_REGISTER_CR0, LONG_CR0 & ~CR0_WP), 0);
	assert_int_equal(vmcb.cr0, LONG_CR0 & ~CR0_WP);
	assert_int_equal(vmcb.tlb_control, TLB_FLUSH_ALL);
	/* Into long mode, from 32-bit code. */
	vmcb.cs.attrib = 0x49B;
	vmcb.cr0 = CR0_PE | CR0_ET;
	vmcb.efer = EFER_LME | EFER_SVME;
	assert_int_equal(svm_write(v, HV_X64_REGISTER_CR0, LONG_CR0), 0);
	assert_int_equal(vmcb.efer, EFER_LME | EFER_LMA | EFER_SVME);
}

static void test_write_efer(void **state)
{
	struct vcpu *v = begin();

	assert_int_equal(svm_write(v, HV_X64_REGISTER_EFER, EFER_LME | EFER_NXE), 0);
	assert_int_equal(vmcb.efer, EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME);
	assert_int_equal(svm_write(v, HV_X64_REGISTER_EFER, EFER_LME | EFER_SVME), -EINVAL);
	assert_int_equal(svm_write(v, HV_X64_REGISTER_EFER, EFER_NXE), -EINVAL);
}

static void test_write_msrs(void **state)
{
	static const uint32_t names[] = { HV_X64_REGISTER_STAR,        HV_X64_REGISTER_LSTAR,
					  HV_X64_REGISTER_CSTAR,       HV_X64_REGISTER_SFMASK,
					  HV_X64_REGISTER_SYSENTER_CS, HV_X64_REGISTER_SYSENTER_ESP,
					  HV_X64_REGISTER_SYSENTER_EIP };
	struct vcpu *v = begin();

	for (uint64_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool word = names[i] == HV_X64_REGISTER_SFMASK || names[i] == HV_X64_REGISTER_SYSENTER_CS;

		assert_int_equal(svm_write(v, names[i], 0x100 + i), 0);
		assert_int_equal(svm_write(v, names[i], 1ULL << 47), i == 0 ? 0 : -EINVAL);
		assert_int_equal(svm_write(v, names[i], ~0xFFULL), word ? -EINVAL : 0);
		assert_int_equal(*svm_msr_field(&vmcb, names[i]), word ? 0x100 + i : ~0xFFULL);
	}
	assert_int_equal(vmcb.star, ~0xFFULL);
	assert_int_equal(vmcb.sysenter_eip, ~0xFFULL);
	assert_int_equal(vmcb.sysenter_cs, 0x104);
	assert_int_equal(svm_write(v, 0x12345, 0), -ENOENT);
	assert_null(svm_msr_field(&vmcb, HV_X64_REGISTER_EFER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intercepts),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_decoded_from_bytes),
		cmocka_unit_test(test_decoded_by_the_cpu),
		cmocka_unit_test(test_write_control_registers),
		cmocka_unit_test(test_write_efer),
		cmocka_unit_test(test_write_msrs),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
