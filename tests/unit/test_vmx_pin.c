/* links: hypervisor/arch/x86/control.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of hypervisor/arch/vmx/pin.c, with a model of the VMCS: a pinned bit
 * is the host's, with its value in the shadow; CR0.NE and what is hidden are
 * handled as without pins; what is written in VTL0's place is what the CPU
 * would hold, NE and VMXE apart.
 */
#define rdmsr      hardware_rdmsr
#define wrmsr_safe hardware_wrmsr_safe
#include "../../lib/x86.h"
#undef rdmsr
#undef wrmsr_safe
static uint64_t rdmsr(unsigned int msr);
static int wrmsr_safe(unsigned int msr, uint64_t v);

#include "../../hypervisor/arch/vmx/arch_vcpu.h"
#define HV_ARCH_FAKE_ARCH_VCPU_H /* the real one is needed */
#include "private_window.h"

#include "../../hypervisor/arch/vmx/pin.c"

#define LONG_CR0  (CR0_PE | CR0_MP | CR0_ET | CR0_WP | CR0_PG)
#define LONG_CR4  (CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP)
#define LONG_EFER (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define HIDDEN    (CR4_VMXE | CR4_SMXE | CR4_CET | CR4_FRED)

static uint64_t field[0x8000], hardware[4];
static bool code64;
static unsigned int faults, flushes, entry_64;
static uint32_t told_name;
static uint64_t told_value;
static unsigned int told_length;

uint64_t vmread(enum vmcs_field f)
{
	return field[f];
}

void vmwrite(enum vmcs_field f, uint64_t v)
{
	field[f] = v;
}

static uint64_t rdmsr(unsigned int msr)
{
	if (msr == MSR_VMX_CR4_FIXED1)
		return LONG_CR4 | CR4_TSD | CR4_UMIP | CR4_LA57 | HIDDEN;
	return hardware[msr - MSR_STAR];
}

static int wrmsr_safe(unsigned int msr, uint64_t v)
{
	if (v == 0xBAD)
		return -1;
	hardware[msr - MSR_STAR] = v;
	return 0;
}

bool efer_exists(uint64_t value, uint64_t ours)
{
	return !(value & ~LONG_EFER);
}

uint64_t vmx_hidden_cr4(void)
{
	return HIDDEN;
}

bool vmx_code64(void)
{
	return code64;
}

void vmx_put_efer(uint64_t efer)
{
	field[VMCS_GUEST_EFER] = efer;
	entry_64 = efer & EFER_LMA ? 1 : 0;
}

void vmx_flush_linear(struct vcpu *v)
{
	flushes++;
}

static bool has_mbec;
static unsigned int table_flushes;

bool vmx_has2(uint32_t bit)
{
	assert_int_equal(bit, CPU2_MBEC);
	return has_mbec;
}

void arch_slat_flush(struct vcpu *v)
{
	table_flushes++;
}

static unsigned int maps;

void arch_trap_x2apic_icr(struct vcpu *v, bool on)
{
	maps++;
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

	memset(field, 0, sizeof(field));
	field[VMCS_GUEST_CR0] = LONG_CR0 | CR0_NE;
	field[VMCS_CR0_SHADOW] = LONG_CR0; /* VTL0 has NE clear */
	field[VMCS_CR0_MASK] = CR0_NE;
	field[VMCS_GUEST_CR4] = LONG_CR4 | CR4_VMXE;
	field[VMCS_CR4_MASK] = HIDDEN;
	field[VMCS_GUEST_EFER] = LONG_EFER;
	field[VMCS_EXIT_LENGTH] = 3;
	code64 = true;
	field[VMCS_SECONDARY] = CPU2_EPT | (has_mbec ? CPU2_MBEC : 0);
	faults = flushes = told_name = maps = table_flushes = 0;
	return v;
}

static void test_masks(void **state)
{
	struct vcpu *v = begin();

	arch_pin(v, CR0_WP | CR0_PG, CR4_SMEP, true);
	assert_int_equal(field[VMCS_CR0_MASK], CR0_NE | CR0_WP | CR0_PG);
	assert_int_equal(field[VMCS_CR0_SHADOW], LONG_CR0); /* without NE, as before */
	assert_int_equal(field[VMCS_CR4_MASK], HIDDEN | CR4_SMEP);
	assert_int_equal(field[VMCS_CR4_SHADOW], LONG_CR4);
	assert_true(v->arch.pinned && maps == 1);
	arch_pin(v, 0, 0, false);
	assert_int_equal(field[VMCS_CR0_MASK], CR0_NE);
	assert_int_equal(field[VMCS_CR4_MASK], HIDDEN);
	assert_false(v->arch.pinned);
	assert_int_equal(field[VMCS_GUEST_CR0], LONG_CR0 | CR0_NE);
	assert_int_equal(field[VMCS_GUEST_CR4], LONG_CR4 | CR4_VMXE);
}

static void exit_by(struct vcpu *v, uint64_t qualification, uint64_t rcx)
{
	v->arch.qualification = qualification;
	v->gpr[GPR_RCX] = rcx;
	told_name = 0;
	vmx_cr_write(v);
}

static void test_exits(void **state)
{
	struct vcpu *v = begin();

	/* Nothing pinned: NE goes to the shadow, and the instruction comes again; hidden bits are refused. */
	exit_by(v, 0x100, LONG_CR0 | CR0_NE);
	assert_int_equal(field[VMCS_CR0_SHADOW], LONG_CR0 | CR0_NE);
	assert_int_equal(told_name + faults, 0);
	for (unsigned int bit = 0; bit < 64; bit++)
		if (HIDDEN >> bit & 1)
			exit_by(v, 0x104, LONG_CR4 | 1ULL << bit);
	assert_int_equal(faults, 4);
	assert_int_equal(told_name, 0);
	/* Pinned bits go to common code, whole. */
	arch_pin(v, CR0_WP, CR4_SMEP, false);
	exit_by(v, 0x104, CR4_PAE);
	assert_int_equal(told_name, HV_X64_REGISTER_CR4);
	assert_int_equal(told_value, CR4_PAE);
	assert_int_equal(told_length, 3);
	exit_by(v, 0x104, CR4_PAE | CR4_VMXE);
	assert_int_equal(told_name, 0);
	assert_int_equal(faults, 5);
	exit_by(v, 0x100, (LONG_CR0 & ~CR0_WP) | 1ULL << 40);
	assert_int_equal(told_name, HV_X64_REGISTER_CR0);
	assert_int_equal(told_value, (LONG_CR0 & ~CR0_WP) | 1ULL << 40);
	code64 = false; /* 32 bits of the register count */
	exit_by(v, 0x100, (LONG_CR0 & ~CR0_WP) | 1ULL << 40);
	assert_int_equal(told_value, LONG_CR0 & ~CR0_WP);
	/* LMSW, by its operand in the qualification: PE can be set. */
	field[VMCS_GUEST_CR0] = CR0_ET | CR0_NE;
	arch_pin(v, CR0_PE, 0, false);
	exit_by(v, 0x30 | 1ULL << 16, 0);
	assert_int_equal(told_name, HV_X64_REGISTER_CR0);
	assert_int_equal(told_value & ~CR0_NE, CR0_ET | CR0_PE);
	/* What is never an exit. */
	faults = 0;
	exit_by(v, 0x103, 0);
	exit_by(v, 0x20, 0);
	exit_by(v, 0x114, 0);
	assert_int_equal(faults, 3);
	assert_int_equal(told_name, 0);
}

static void test_write_cr0(void **state)
{
	struct vcpu *v = begin();

	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, LONG_CR0 & ~CR0_WP), 0);
	assert_int_equal(field[VMCS_GUEST_CR0], (LONG_CR0 & ~CR0_WP) | CR0_NE);
	assert_int_equal(field[VMCS_CR0_SHADOW], LONG_CR0 & ~CR0_WP);
	assert_int_equal(flushes, 1);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, (LONG_CR0 & ~CR0_WP) | CR0_TS), 0);
	assert_int_equal(flushes, 1);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, LONG_CR0 & ~CR0_PG), -EINVAL);
	assert_int_equal(vmx_cr0(), (LONG_CR0 & ~CR0_WP) | CR0_TS);
	/* Into long mode: LMA, and the entry control that goes with it. */
	begin();
	field[VMCS_GUEST_CR0] = CR0_PE | CR0_ET | CR0_NE;
	field[VMCS_GUEST_EFER] = EFER_LME;
	entry_64 = 0;
	code64 = false;
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, LONG_CR0 | CR0_NE), 0);
	assert_int_equal(field[VMCS_GUEST_EFER], EFER_LME | EFER_LMA);
	assert_int_equal(entry_64, 1);
	assert_int_equal(vmx_cr0(), LONG_CR0 | CR0_NE);
}

static void test_write_cr4(void **state)
{
	struct vcpu *v = begin();

	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR4, LONG_CR4 & ~CR4_SMEP), 0);
	assert_int_equal(field[VMCS_GUEST_CR4], (LONG_CR4 & ~CR4_SMEP) | CR4_VMXE);
	assert_int_equal(field[VMCS_CR4_SHADOW], LONG_CR4 & ~CR4_SMEP);
	assert_int_equal(flushes, 1);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR4, LONG_CR4 | CR4_VMXE), -EINVAL);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR4, LONG_CR4 | CR4_CET), -EINVAL);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR4, LONG_CR4 | CR4_PKE), -EINVAL); /* not in FIXED1 */
	assert_int_equal(field[VMCS_GUEST_CR4], (LONG_CR4 & ~CR4_SMEP) | CR4_VMXE);
}

static void test_write_efer(void **state)
{
	struct vcpu *v = begin();

	assert_int_equal(vmx_write(v, HV_X64_REGISTER_EFER, LONG_EFER & ~EFER_SCE & ~EFER_LMA), 0);
	assert_int_equal(field[VMCS_GUEST_EFER], LONG_EFER & ~EFER_SCE);
	assert_int_equal(flushes, 1);
	assert_int_equal(vmx_write_efer(v, LONG_EFER & ~EFER_LME), -EPERM);
	assert_int_equal(vmx_write_efer(v, LONG_EFER | EFER_SVME), -EPERM);
	field[VMCS_GUEST_CR0] = CR0_NE;
	field[VMCS_GUEST_EFER] = 0;
	assert_int_equal(vmx_write_efer(v, EFER_LME | EFER_LMA), 0);
	assert_int_equal(field[VMCS_GUEST_EFER], EFER_LME);
}

static void test_msrs(void **state)
{
	static const uint32_t in_cpu[] = { HV_X64_REGISTER_STAR, HV_X64_REGISTER_LSTAR,
					   HV_X64_REGISTER_CSTAR, HV_X64_REGISTER_SFMASK };
	static const struct {
		uint32_t name;
		enum vmcs_field field;
	} in_vmcs[] = { { HV_X64_REGISTER_SYSENTER_CS, VMCS_GUEST_SYSENTER_CS },
			{ HV_X64_REGISTER_SYSENTER_ESP, VMCS_GUEST_SYSENTER_ESP },
			{ HV_X64_REGISTER_SYSENTER_EIP, VMCS_GUEST_SYSENTER_EIP } };
	struct vcpu *v = begin();
	uint64_t value;

	for (uint64_t i = 0; i < 4; i++) {
		assert_int_equal(vmx_write(v, in_cpu[i], 0x100 + i), 0);
		assert_int_equal(hardware[i], 0x100 + i);
		assert_int_equal(vmx_write(v, in_cpu[i], 0xBAD), -EINVAL);
		assert_int_equal(vmx_read_msr(in_cpu[i], &value), 0);
		assert_int_equal(value, 0x100 + i);
	}
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(vmx_write(v, in_vmcs[i].name, 0x200 + i), 0);
		assert_int_equal(field[in_vmcs[i].field], 0x200 + i);
		assert_int_equal(vmx_write(v, in_vmcs[i].name, 1ULL << 47), -EINVAL); /* VM entry would fail */
		assert_int_equal(vmx_read_msr(in_vmcs[i].name, &value), 0);
		assert_int_equal(value, 0x200 + i);
	}
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_SYSENTER_CS, 1ULL << 32), -EINVAL);
	assert_int_equal(vmx_write(v, 0x12345, 0), -ENOENT);
	assert_int_equal(vmx_read_msr(HV_X64_REGISTER_EFER, &value), -ENOENT);
}

/* With paging off a program's execute right must not serve ring 0: only the kernel's counts, until paging is on again. */
static void test_with_paging_off_the_kernels_right_alone_counts(void **state)
{
	const uint64_t pinned = CR0_PE | CR0_WP | CR0_PG;
	struct vcpu *v;

	has_mbec = true;
	v = begin();
	arch_pin(v, pinned, CR4_SMEP, true);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT | CPU2_MBEC);
	assert_int_equal(table_flushes, 0);
	field[VMCS_GUEST_CR0] = CR0_ET | CR0_NE | CR0_WP; /* INIT */
	field[VMCS_GUEST_EFER] = EFER_LME;
	code64 = false;
	arch_pin(v, pinned, CR4_SMEP, true);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT);
	assert_int_equal(table_flushes, 1);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, CR0_ET | CR0_WP | CR0_PE), 0);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, LONG_CR0), 0);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT | CPU2_MBEC);
	assert_int_equal(table_flushes, 2);
	/* Not pinned: nobody would see paging come back. */
	v = begin();
	field[VMCS_GUEST_CR0] = CR0_ET | CR0_NE;
	arch_pin(v, 0, 0, false);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT | CPU2_MBEC);
	/* And a CPU that has no such control never gets it. */
	has_mbec = false;
	v = begin();
	arch_pin(v, pinned, 0, true);
	assert_int_equal(vmx_write(v, HV_X64_REGISTER_CR0, LONG_CR0), 0);
	assert_int_equal(field[VMCS_SECONDARY], CPU2_EPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),      cmocka_unit_test(test_exits),
		cmocka_unit_test(test_write_cr0),  cmocka_unit_test(test_write_cr4),
		cmocka_unit_test(test_write_efer), cmocka_unit_test(test_msrs),
		cmocka_unit_test(test_with_paging_off_the_kernels_right_alone_counts),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
