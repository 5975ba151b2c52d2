/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of hypervisor/core/pin.c, with a model of VTL0's registers: a pinned
 * bit or MSR never leaves its pinned value, whatever VTL0 writes, also after an
 * INIT; VTL1 hears of each try, and of nothing else; Linux's way up after an
 * INIT is not a try.
 */
#include "private_window.h"

#include "../../hypervisor/core/pin.c"

#define SMX       (CR4_SMEP | CR4_SMAP | CR4_UMIP)
#define CR0_LONG  (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG)
#define CR4_LONG  (CR4_PAE | CR4_PGE | CR4_OSFXSR | SMX)
#define EFER_LONG (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define REFUSED   (1ULL << 40) /* a bit of CR0 and CR4 that the CPU does not have */
#define BAD_MSR   0xBADULL     /* the CPU refuses it */
#define MSR_VALUE 0xFFFFFFFF81000080ULL

static uint64_t cr0, cr4, efer, msr_value[ARRAY_SIZE(msrs)];
static uint64_t exits0, exits4, rip;
static bool exits_msrs, ready;
static unsigned int told, faults, skipped;

void hv_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

void hv_log_denied(const char *fmt, ...)
{
}

static uint64_t *place(uint32_t name)
{
	if (name == HV_X64_REGISTER_CR0)
		return &cr0;
	if (name == HV_X64_REGISTER_CR4)
		return &cr4;
	if (name == HV_X64_REGISTER_EFER)
		return &efer;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msrs[i].name == name)
			return &msr_value[i];
	fail();
	return NULL;
}

int arch_register(struct vcpu *v, uint32_t name, uint64_t *value, bool write)
{
	assert_ptr_equal(v, &this_cpu->vtl[0]);
	if (!write) {
		*value = *place(name);
		return 0;
	}
	if (name == HV_X64_REGISTER_CR0 || name == HV_X64_REGISTER_CR4 ? (*value & REFUSED) != 0 :
									 *value == BAD_MSR)
		return -EINVAL;
	*place(name) = *value;
	return 0;
}

void arch_pin(struct vcpu *v, uint64_t mask_cr0, uint64_t mask_cr4, bool on)
{
	assert_ptr_equal(v, &this_cpu->vtl[0]);
	exits0 = mask_cr0;
	exits4 = mask_cr4;
	exits_msrs = on;
}

void arch_skip_bytes(struct vcpu *v, unsigned int n)
{
	assert_int_equal(n, 3);
	skipped++;
}

uint64_t arch_rip(const struct vcpu *v)
{
	return rip;
}

void arch_set_rip(struct vcpu *v, uint64_t to)
{
	rip = to;
}

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	assert_int_equal(vector, VEC_GP);
	assert_true(has_error && !error);
	faults++;
}

bool vtl_intercept_ready(void)
{
	return ready;
}

void vtl_enter_intercept(void)
{
	assert_true(ready);
	told++;
}

struct hv_x64_intercept_message_header vtl_intercept_header(struct vcpu *v, enum hv_intercept_access access,
							    unsigned int length)
{
	assert_int_equal(access, HV_INTERCEPT_ACCESS_WRITE);
	return (struct hv_x64_intercept_message_header){ .instruction_length = (uint8_t)length, .rip = rip };
}

/* A CPU as Linux has it, nothing pinned there, and nobody's pins remembered. */
static void begin(void)
{
	window_begin(1, 0);
	cr0 = CR0_LONG;
	cr4 = CR4_LONG;
	efer = EFER_LONG;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		msr_value[i] = MSR_VALUE + 0x100 * i;
	exits0 = exits4 = 0;
	exits_msrs = false;
	ready = true;
	told = faults = skipped = 0;
	start = (struct pins){ 0 };
}

static void pin(uint64_t control, uint64_t mask_cr0, uint64_t mask_cr4)
{
	assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK, mask_cr0), HV_STATUS_SUCCESS);
	assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK, mask_cr4), HV_STATUS_SUCCESS);
	assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CONTROL, control), HV_STATUS_SUCCESS);
}

static void pin_all(void)
{
	pin(CONTROL_KNOWN, CR0_PE | CR0_PG | CR0_WP, SMX | CR4_PAE);
}

/* What the hardware does at an INIT; CD and NW stay. */
static void init(void)
{
	cr0 = CR0_ET | (cr0 & (CR0_CD | CR0_NW));
	cr4 = efer = 0;
	exits0 = exits4 = 0;
	pin_after_init(&this_cpu->vtl[0]);
}

static void write_cr(uint32_t name, uint64_t value)
{
	pin_cr_write(&this_cpu->vtl[0], name, value, 3);
}

/* As exit_wrmsr(), which puts RIP back at a fault: RIP is behind the instruction. EFER, if it is not held up here, is written by the vendor's part. */
static int write_msr(uint32_t msr, uint64_t value)
{
	int result;

	rip = 0x1002;
	result = pin_msr_write(&this_cpu->vtl[0], msr, value, 0x1000);
	assert_int_equal(rip, result == PIN_TOLD || result == -EPERM ? 0x1000 : 0x1002);
	if (msr == MSR_EFER && result == -ENOENT)
		efer = (value & ~EFER_LMA) | (efer & EFER_LMA);
	return result;
}

static void test_which_bits_can_be_pinned(void **state)
{
	static const unsigned int known[] = { 0, 1, 6, 8, 10, 14, 19, 20, 21, 22 }; /* TLFS */
	uint64_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		bits |= 1ULL << known[i];
	for (unsigned int bit = 0; bit < 64; bit++) {
		uint64_t b = 1ULL << bit;

		begin();
		assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CONTROL, b),
				 b & bits ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE);
		assert_int_equal(pin_get(HV_X64_REGISTER_CR_INTERCEPT_CONTROL), b & bits);
		assert_int_equal(exits_msrs, (b & bits) && bit > 1);
		assert_int_equal(exits0 | exits4, 0); /* no mask yet */
		assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK, b),
				 b & PIN_CR0 ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_REGISTER_VALUE);
		assert_int_equal(pin_set(HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK, b), HV_STATUS_SUCCESS);
		assert_int_equal(pin_get(HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK), b & PIN_CR0);
		assert_int_equal(pin_get(HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK), b);
		assert_int_equal(exits0, bit == 0 ? b & PIN_CR0 : 0); /* control has the bit CR0 */
		assert_int_equal(exits4, bit == 1 ? b : 0);
	}
	assert_true(pin_is_register(0xE0000) && pin_is_register(0xE0001) && pin_is_register(0xE0002));
	assert_false(pin_is_register(0xDFFFF) || pin_is_register(0xE0003));
}

static void test_nothing_pinned(void **state)
{
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		assert_int_equal(write_msr(msrs[i].msr, 1), -ENOENT);
	init();
	assert_int_equal(cr4, 0);
	assert_int_equal(cr0, CR0_ET);
	assert_int_equal(exits0 | exits4 | exits_msrs, 0);
	/* VTL1 may take its pins off again. */
	pin_all();
	assert_true(exits0 && exits4 && exits_msrs);
	pin(0, 0, 0);
	assert_int_equal(exits0 | exits4 | exits_msrs, 0);
	init();
	assert_int_equal(cr4, 0);
}

/* Every combination of four bits: mask, present value, value written. */
static void test_each_change_of_a_masked_bit_is_told(void **state)
{
	static const uint64_t bit[] = { CR4_SMEP, CR4_SMAP, CR4_PGE, CR4_TSD };

	for (unsigned int n = 0; n < 4096; n++) {
		uint64_t mask = 0, now = CR4_PAE, value = CR4_PAE;
		bool bad;

		for (unsigned int i = 0; i < 4; i++) {
			mask |= n >> i & 1 ? bit[i] : 0;
			now |= n >> (i + 4) & 1 ? bit[i] : 0;
			value |= n >> (i + 8) & 1 ? bit[i] : 0;
		}
		begin();
		cr4 = now;
		pin(HV_CR_INTERCEPT_CR4_WRITE, 0, mask);
		write_cr(HV_X64_REGISTER_CR4, value);
		bad = (now ^ value) & mask;
		assert_int_equal(told, bad);
		assert_int_equal(skipped, !bad);
		assert_int_equal(cr4, bad ? now : value);
		assert_int_equal(faults, 0);
	}
}

static void test_what_the_cpu_refuses_is_a_fault(void **state)
{
	begin();
	pin_all();
	write_cr(HV_X64_REGISTER_CR4, cr4 | REFUSED);
	write_cr(HV_X64_REGISTER_CR0, cr0 | REFUSED);
	assert_int_equal(faults, 2);
	assert_int_equal(told + skipped, 0);
	assert_int_equal(cr4, CR4_LONG);
	assert_int_equal(cr0, CR0_LONG);
}

static void test_messages(void **state)
{
	const struct hv_x64_register_intercept_message *r = (const void *)vtl_assist->intercept_message;
	const struct hv_x64_msr_intercept_message *m = (const void *)vtl_assist->intercept_message;

	begin();
	pin_all();
	rip = 0x777;
	write_cr(HV_X64_REGISTER_CR4, CR4_LONG & ~CR4_SMEP);
	assert_int_equal(told, 1);
	assert_int_equal(r->message.message_type, 0x80010006);
	assert_int_equal(r->message.payload_size, 64);
	assert_int_equal(r->header.instruction_length, 3);
	assert_int_equal(r->header.rip, 0x777);
	assert_int_equal(r->register_name, HV_X64_REGISTER_CR4);
	assert_int_equal(r->value.low, CR4_LONG & ~CR4_SMEP);
	assert_int_equal(r->flags | r->value.high, 0);
	write_cr(HV_X64_REGISTER_CR0, CR0_LONG & ~CR0_WP);
	assert_int_equal(r->register_name, HV_X64_REGISTER_CR0);
	assert_int_equal(write_msr(MSR_LSTAR, 0x1122334455667788), PIN_TOLD);
	assert_int_equal(m->message.message_type, 0x80010001);
	assert_int_equal(m->message.payload_size, 64);
	assert_int_equal(m->header.instruction_length, 2);
	assert_int_equal(m->header.rip, 0x1000);
	assert_int_equal(m->msr_number, 0xC0000082);
	assert_int_equal(m->rdx, 0x11223344);
	assert_int_equal(m->rax, 0x55667788);
	assert_int_equal(told, 3);
}

/* One MSR pinned at a time: it alone can't be changed; writing what is there is never told. */
static void test_msrs(void **state)
{
	for (size_t i = 1; i < ARRAY_SIZE(msrs); i++) { /* without EFER */
		begin();
		pin(msrs[i].control, 0, 0);
		assert_true(exits_msrs);
		for (size_t j = 1; j < ARRAY_SIZE(msrs); j++) {
			uint64_t was = msr_value[j];

			assert_int_equal(write_msr(msrs[j].msr, was), 0);
			assert_int_equal(told, 0);
			assert_int_equal(write_msr(msrs[j].msr, was ^ 16), i == j ? PIN_TOLD : 0);
			assert_int_equal(msr_value[j], i == j ? was : was ^ 16);
			assert_int_equal(told, i == j);
			if (i != j)
				assert_int_equal(pin_msr_write(&this_cpu->vtl[0], msrs[j].msr, BAD_MSR, 0x1000),
						 -EPERM);
			told = 0;
		}
		assert_int_equal(write_msr(MSR_EFER, 0), -ENOENT);
		assert_int_equal(write_msr(MSR_X2APIC_ICR, 0), -ENOENT);
	}
}

static void test_efer(void **state)
{
	begin();
	pin(HV_CR_INTERCEPT_EFER_WRITE, 0, 0);
	assert_int_equal(write_msr(MSR_EFER, EFER_LONG), -ENOENT);
	assert_int_equal(write_msr(MSR_EFER, EFER_LONG & ~EFER_LMA), -ENOENT);
	for (unsigned int bit = 0; bit < 64; bit++)
		if (1ULL << bit != EFER_LMA)
			assert_int_equal(write_msr(MSR_EFER, EFER_LONG ^ 1ULL << bit), PIN_TOLD);
	assert_int_equal(efer, EFER_LONG);
	/* After INIT: to the pinned value, in steps, not back, and to no other. */
	init();
	assert_int_equal(write_msr(MSR_EFER, EFER_LME), -ENOENT);
	assert_int_equal(write_msr(MSR_EFER, EFER_LME | EFER_NXE), -ENOENT);
	assert_int_equal(write_msr(MSR_EFER, EFER_LME), PIN_TOLD);
	assert_int_equal(write_msr(MSR_EFER, EFER_LME | EFER_NXE | EFER_SVME), PIN_TOLD);
	assert_int_equal(write_msr(MSR_EFER, EFER_LONG), -ENOENT);
	assert_int_equal(write_msr(MSR_EFER, EFER_LME | EFER_NXE), PIN_TOLD);
}

/* Linux 6.1, arch/x86/realmode/rm/trampoline_64.S, kernel/head_64.S, cr4_init(), syscall_init(). */
static void come_up_as_linux(void)
{
	write_cr(HV_X64_REGISTER_CR0, CR0_LONG & ~CR0_PG);
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE | CR4_PGE);
	write_msr(MSR_EFER, EFER_LONG & ~EFER_LMA);
	write_cr(HV_X64_REGISTER_CR0, CR0_LONG);
	efer |= EFER_LMA;
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE);
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE | CR4_PGE);
	write_msr(MSR_EFER, EFER_LONG);
	write_cr(HV_X64_REGISTER_CR4, CR4_LONG);
	for (size_t i = 1; i < ARRAY_SIZE(msrs); i++)
		assert_int_equal(write_msr(msrs[i].msr, MSR_VALUE + 0x100 * i), 0);
}

static void test_linux_comes_up_after_init_untold(void **state)
{
	begin();
	pin_all();
	for (unsigned int i = 0; i < 3; i++) {
		init();
		assert_int_equal(cr4, SMX); /* in force before VTL0's first instruction */
		assert_int_equal(cr0, CR0_ET | CR0_WP);
		assert_true(exits0 && exits4 && exits_msrs);
		come_up_as_linux();
		assert_int_equal(told + faults, 0);
		assert_int_equal(cr4, CR4_LONG);
		assert_int_equal(cr0, CR0_LONG);
		assert_int_equal(this_cpu->pins.held0 | this_cpu->pins.held4, 0);
		write_cr(HV_X64_REGISTER_CR4, CR4_LONG & ~CR4_SMAP);
		assert_int_equal(told, 1);
		told = 0;
	}
}

/* VMX: VTL0 reads the bits as set, and writes what it reads, which is no exit. LSTAR ends the silence. */
static void test_held_bits_end_with_lstar(void **state)
{
	begin();
	pin_all();
	init();
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(write_msr(MSR_STAR, MSR_VALUE + 0x100), 0);
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(cr4, CR4_PAE | SMX);
	assert_int_equal(told, 0);
	assert_int_equal(write_msr(MSR_LSTAR, 1), PIN_TOLD); /* not like this */
	told = 0;
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(told, 0);
	assert_int_equal(write_msr(MSR_LSTAR, MSR_VALUE + 0x200), 0);
	write_cr(HV_X64_REGISTER_CR4, CR4_PAE);
	assert_int_equal(told, 1);
	assert_int_equal(cr4, CR4_PAE | SMX);
}

/* Whatever VTL0 does, and however often it starts over. */
static void test_no_sequence_leads_away(void **state)
{
	const uint64_t mask_cr0 = CR0_PE | CR0_PG | CR0_WP, mask_cr4 = SMX | CR4_PAE;

	srand(1);
	begin();
	pin_all();
	for (unsigned int i = 0; i < 200000; i++) {
		uint64_t random = (uint64_t)rand() << 16 ^ (uint64_t)rand(), was0 = cr0, was4 = cr4,
			 was_efer = efer;
		unsigned int what = random % 97;

		random ^= (random & 1 ? CR0_LONG : 0) ^ (random & 2 ? CR4_LONG : 0);
		told = faults = skipped = 0;
		if (what == 0) {
			init();
		} else if (what < 40) {
			write_cr(HV_X64_REGISTER_CR0, random & (mask_cr0 | CR0_AM | CR0_TS));
			assert_int_equal(told + faults + skipped, 1);
		} else if (what < 80) {
			write_cr(HV_X64_REGISTER_CR4, random & (mask_cr4 | CR4_PGE | CR4_TSD));
			assert_int_equal(told + faults + skipped, 1);
		} else if (what < 90) {
			(void)write_msr(MSR_EFER, random & (EFER_LONG | EFER_SVME));
		} else {
			(void)write_msr(msrs[1 + what % 7].msr, random);
		}
		if (what) { /* what was at its pinned value still is */
			assert_int_equal((cr0 ^ CR0_LONG) & mask_cr0 & ~(was0 ^ CR0_LONG), 0);
			assert_int_equal((cr4 ^ CR4_LONG) & mask_cr4 & ~(was4 ^ CR4_LONG), 0);
			assert_int_equal((efer ^ EFER_LONG) & ~EFER_LMA & ~(was_efer ^ EFER_LONG), 0);
		}
		assert_int_equal(cr4 & SMX, SMX);
		assert_true(cr0 & CR0_WP);
		for (size_t j = 1; j < ARRAY_SIZE(msrs); j++)
			assert_int_equal(msr_value[j], MSR_VALUE + 0x100 * j);
	}
}

static void test_without_vtl1_it_is_a_fault(void **state)
{
	begin();
	pin_all();
	ready = false;
	write_cr(HV_X64_REGISTER_CR4, 0);
	assert_int_equal(faults, 1);
	assert_int_equal(write_msr(MSR_STAR, 0), -EPERM);
	assert_int_equal(write_msr(MSR_EFER, 0), -EPERM);
	assert_int_equal(told, 0);
	assert_int_equal(cr4, CR4_LONG);
}

/* A CPU that was off at lockdown: as the one that was pinned, but for the stack of SYSENTER. */
static void test_a_cpu_that_was_never_pinned(void **state)
{
	begin();
	pin_all();
	window_begin(2, 0); /* another CPU, as firmware left it */
	memset(msr_value, 0, sizeof(msr_value));
	ready = false;
	init();
	assert_int_equal(cr4, SMX);
	for (size_t i = 1; i < ARRAY_SIZE(msrs); i++)
		assert_int_equal(msr_value[i], msrs[i].msr == MSR_SYSENTER_ESP ? 0 : MSR_VALUE + 0x100 * i);
	assert_int_equal(pin_get(HV_X64_REGISTER_CR_INTERCEPT_CONTROL),
			 CONTROL_KNOWN & ~HV_CR_INTERCEPT_SYSENTER_ESP_WRITE);
	come_up_as_linux();
	assert_int_equal(faults, 0);
	write_cr(HV_X64_REGISTER_CR4, 0);
	assert_int_equal(faults, 1);
	assert_int_equal(write_msr(MSR_LSTAR, 0), -EPERM);
	/* VTL1 comes, and pins it as the others. */
	pin_all();
	assert_int_equal(write_msr(MSR_SYSENTER_ESP, 1), -EPERM);
}

/* What VTL1 sets is pinned; what it does not change stays pinned as it was, also on the way up. */
static void test_vtl1_moves_a_pin(void **state)
{
	begin();
	pin_all();
	cr4 = CR4_LONG & ~CR4_UMIP;
	pin_moved(HV_X64_REGISTER_CR4, CR4_LONG, cr4);
	write_cr(HV_X64_REGISTER_CR4, CR4_LONG);
	assert_int_equal(told, 1);
	init();
	assert_int_equal(cr4, SMX & ~CR4_UMIP);
	/* Setting the same again with reset values in the registers does not pin these. */
	pin_all();
	come_up_as_linux();
	assert_int_equal(told, 2); /* CR4_LONG has UMIP */
	assert_int_equal(cr4, CR4_PAE | CR4_PGE | (SMX & ~CR4_UMIP));
	efer = EFER_LONG & ~EFER_SCE;
	pin_moved(HV_X64_REGISTER_EFER, EFER_LONG, efer);
	assert_int_equal(write_msr(MSR_EFER, EFER_LONG), PIN_TOLD);
	pin_moved(HV_X64_REGISTER_CR0, CR0_LONG, CR0_LONG & ~CR0_WP);
	init();
	assert_int_equal(cr0, CR0_ET);
	pin_moved(HV_X64_REGISTER_RIP, 0, 0x1000); /* not pinned at all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which_bits_can_be_pinned),
		cmocka_unit_test(test_nothing_pinned),
		cmocka_unit_test(test_each_change_of_a_masked_bit_is_told),
		cmocka_unit_test(test_what_the_cpu_refuses_is_a_fault),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_msrs),
		cmocka_unit_test(test_efer),
		cmocka_unit_test(test_linux_comes_up_after_init_untold),
		cmocka_unit_test(test_held_bits_end_with_lstar),
		cmocka_unit_test(test_no_sequence_leads_away),
		cmocka_unit_test(test_without_vtl1_it_is_a_fault),
		cmocka_unit_test(test_a_cpu_that_was_never_pinned),
		cmocka_unit_test(test_vtl1_moves_a_pin),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
