/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: no timer of the HPET can be made to store anywhere but into the
 * interrupt range (hypervisor/core/hpet.c). The registers are a model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../hypervisor/core/hpet.c"

#define BASE 0xFED00000ull

struct slat vtl0_slat;

static uint8_t regs[PAGE_SIZE];
static struct mmio_insn store;
static uint64_t stored;
static bool decodes;
static unsigned int dones, faults, logged;

uint32_t host_mmio_read(uint64_t at, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, &regs[at - BASE], size);
	return value;
}

void host_mmio_write(uint64_t at, unsigned int size, uint32_t value)
{
	memcpy(&regs[at - BASE], &value, size);
}

void host_mmio_write64(uint64_t at, uint64_t value)
{
	memcpy(&regs[at - BASE], &value, 8);
}

bool mmio_decode64(struct vcpu *v, struct gpa g, struct mmio_insn *in, uint64_t *value)
{
	*in = store;
	*value = stored;
	return decodes;
}

void mmio_done(struct vcpu *v, const struct mmio_insn *in, uint32_t old)
{
	dones++;
}

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	faults++;
}

int slat_set(struct slat *s, struct gpa g, struct spa to, unsigned int rights)
{
	assert_true(g.v >= BASE && g.v < BASE + HPET_BYTES && g.v == to.v);
	assert_int_equal(rights, SLAT_R);
	return 0;
}

void hv_log(const char *fmt, ...)
{
}

void hv_log_denied(const char *fmt, ...)
{
	logged++;
}

static void put(unsigned int reg, unsigned int size, uint64_t value)
{
	struct vcpu v;

	memset(&v, 0, sizeof(v));
	store = (struct mmio_insn){ .size = (uint8_t)size };
	stored = value;
	decodes = true;
	assert_true(hpet_write(&v, gpa(BASE + reg)));
}

static int start(void **state)
{
	static struct ovbs_boot_info info;

	memset(regs, 0, sizeof(regs));
	dones = faults = logged = 0;
	regs[1] = 2; /* three timers */
	info.hpet_base = BASE;
	assert_int_equal(hpet_prepare(&info), 0);
	hpet_start();
	return 0;
}

static void test_only_interrupts_can_be_named(void **state)
{
	static const struct {
		unsigned int reg, size;
		uint64_t value;
		bool passes;
	} rows[] = {
		{ 0x114, 4, 0xFEE00000, true },
		{ 0x114, 4, 0xFEE01004, true },
		{ 0x134, 4, 0xFEEFFFFC, true },
		{ 0x114, 4, 0x10000000, false },
		{ 0x154, 4, 0xFED90000, false },
		{ 0x114, 4, 0xFEF00000, false },
		{ 0x114, 2, 0xFEE0, false },
		{ 0x116, 2, 0xFEE0, false },
		{ 0x117, 1, 0xFE, false },
		{ 0x110, 8, 0xFEE0000000001234, true },
		{ 0x110, 8, 0x1000000000001234, false },
		{ 0x108, 8, 0x1000000000001234, true },
		{ 0x0F0, 8, 0x1000000000001234, true },
		{ 0x3F4, 4, 0x1000, false }, /* a timer beyond the last one: if it exists after all */
		{ 0x110, 4, 0x1000, true },
		{ 0x108, 4, 0x12345678, true },
		{ 0x100, 4, 0x4000, true },
		{ 0x010, 4, 1, true },
		{ 0x0F0, 4, 77, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t now = 0, before = 0;

		assert_int_equal(start(state), 0);
		memcpy(&before, &regs[rows[i].reg], rows[i].size);
		put(rows[i].reg, rows[i].size, rows[i].value);
		memcpy(&now, &regs[rows[i].reg], rows[i].size);
		assert_true(now == (rows[i].passes ? rows[i].value : before));
		assert_int_equal(logged, !rows[i].passes);
		assert_int_equal(dones, 1);
	}
}

static void test_a_store_across_registers_faults(void **state)
{
	put(0x112, 4, 0xFFFFFFFF);
	assert_int_equal(faults, 1);
	assert_int_equal(dones, 0);
}

static void test_what_was_set_before_is_switched_off(void **state)
{
	host_mmio_write(BASE + 0x100, 4, 0x4004);
	host_mmio_write(BASE + 0x114, 4, 0x100000);
	host_mmio_write(BASE + 0x120, 4, 0x4004);
	host_mmio_write(BASE + 0x134, 4, 0xFEE00000);
	hpet_start();
	assert_int_equal(host_mmio_read(BASE + 0x100, 4), 4);
	assert_int_equal(host_mmio_read(BASE + 0x114, 4), MSI_FIRST);
	assert_int_equal(host_mmio_read(BASE + 0x154, 4), MSI_FIRST); /* also where it was off */
	assert_int_equal(host_mmio_read(BASE + 0x120, 4), 0x4004);
}

static void test_other_pages_are_not_its(void **state)
{
	struct vcpu v;

	memset(&v, 0, sizeof(v));
	assert_false(hpet_write(&v, gpa(BASE + HPET_BYTES)));
	assert_false(hpet_write(&v, gpa(BASE - 4)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_only_interrupts_can_be_named, start),
		cmocka_unit_test_setup(test_a_store_across_registers_faults, start),
		cmocka_unit_test_setup(test_what_was_set_before_is_switched_off, start),
		cmocka_unit_test_setup(test_other_pages_are_not_its, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
