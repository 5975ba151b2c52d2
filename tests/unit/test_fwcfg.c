/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: fw_cfg's DMA reaches no page that VTL0 itself does not
 * (hypervisor/core/fwcfg.c). The device is a model that does what it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define port_out hardware_port_out
#define port_in  hardware_port_in
#define cpuid    hardware_cpuid
#include "../../lib/x86.h"
#undef port_out
#undef port_in
#undef cpuid
static void port_out(uint16_t port, unsigned int size, uint32_t value);
static uint32_t port_in(uint16_t port, unsigned int size);
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
#include "../../hypervisor/core/fwcfg.c"

#define RAM_AT   0x100000ull
#define RAM_SIZE (8 * PAGE_SIZE)
#define BLOCK_AT (RAM_AT + 6 * PAGE_SIZE) /* in the middle of RAM, as if the map were wrong */
#define PAGE_SPA 0x40000000ull            /* of the hypervisor's own copy */

struct slat vtl0_slat;

static uint8_t ram[RAM_SIZE];
static struct dma_access page;
static bool below, dma_there;
static unsigned int selector, at_byte, transfers, logged;
static uint64_t dma_address, last_address;
static uint32_t last_length;
static unsigned int rights[RAM_SIZE / PAGE_SIZE];

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	return (struct cpuid_regs){ .ecx = below ? CPUID_ECX_HYPERVISOR : 0 };
}

static uint32_t port_in(uint16_t port, unsigned int size)
{
	static const char name[] = "QEMU";

	assert_true(below); /* on a real machine nobody knows what is there */
	if (port != PORT_DATA)
		return 0x12345678;
	return selector == KEY_SIGNATURE ? (uint8_t)name[at_byte++ & 3] :
	       at_byte++ == 0            ? (dma_there ? 3u : 1u) :
					   0;
}

static void port_out(uint16_t port, unsigned int size, uint32_t value)
{
	assert_true(below);
	if (port == PORT_SELECTOR) {
		selector = value;
		at_byte = 0;
	} else if (port == PORT_DMA_HIGH) {
		dma_address = (uint64_t)__builtin_bswap32(value) << 32;
	} else if (port == PORT_DMA_LOW) {
		dma_address |= __builtin_bswap32(value);
		assert_int_equal(dma_address, PAGE_SPA); /* never what VTL0 can still change */
		last_address = __builtin_bswap64(page.address);
		last_length = __builtin_bswap32(page.length);
		page.control = 0;
		transfers++;
	}
}

void *pool_pages(unsigned int n)
{
	return &page;
}

struct spa shared_spa(const void *va)
{
	return spa(PAGE_SPA);
}

void arch_trap_port(uint16_t port, unsigned int size, bool on)
{
	assert_int_equal(port, 0x514);
	assert_int_equal(size, 8);
}

bool vtl0_ram(uint64_t g, uint64_t n)
{
	return g >= RAM_AT && n <= RAM_SIZE && g - RAM_AT <= RAM_SIZE - n;
}

bool block_has(uint64_t addr, uint64_t size)
{
	return addr < BLOCK_AT + PAGE_SIZE && size > 0 && addr + size > BLOCK_AT;
}

unsigned int slat_rights(const struct slat *s, struct gpa g)
{
	return rights[(g.v - RAM_AT) / PAGE_SIZE];
}

int host_read_guest(void *ctx, uint64_t g, void *buf, size_t n)
{
	memcpy(buf, ram + (g - RAM_AT), n);
	if (n == sizeof(struct dma_access))
		memset(ram + (g - RAM_AT) + 4, 0xFF, n - 4); /* another CPU changes it at once */
	return 0;
}

int host_write_guest(struct vcpu *v, uint64_t g, const void *buf, size_t n)
{
	memcpy(ram + (g - RAM_AT), buf, n);
	return 0;
}

void hv_log(const char *fmt, ...)
{
}

void hv_log_denied(const char *fmt, ...)
{
	logged++;
}

static int set_up(void **state)
{
	below = dma_there = true;
	copy = NULL;
	high = 0;
	transfers = logged = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		rights[i] = SLAT_RWX;
	return fwcfg_prepare();
}

/* Return: the control field that VTL0 finds. */
static uint32_t ask(uint64_t request, uint32_t control, uint64_t address, uint32_t length)
{
	struct dma_access *r = (void *)(ram + (request - RAM_AT));
	struct vcpu v;

	memset(&v, 0, sizeof(v));
	*r = (struct dma_access){ __builtin_bswap32(control), __builtin_bswap32(length),
				  __builtin_bswap64(address) };
	fwcfg_port_write(&v, PORT_DMA_HIGH, 4, __builtin_bswap32((uint32_t)(request >> 32)));
	fwcfg_port_write(&v, PORT_DMA_LOW, 4, __builtin_bswap32((uint32_t)request));
	return __builtin_bswap32(r->control);
}

static void test_what_vtl0_may_is_done(void **state)
{
	assert_int_equal(ask(RAM_AT + 16, CONTROL_READ | 8, RAM_AT + 0x800, 0x1900), 0);
	assert_int_equal(transfers, 1);
	assert_int_equal(last_address, RAM_AT + 0x800);
	assert_int_equal(last_length, 0x1900);     /* what was copied, not what it was changed to */
	assert_int_equal(ask(RAM_AT, 8, 0, 0), 0); /* select only */
	assert_int_equal(transfers, 2);
	assert_int_equal(ask(RAM_AT + PAGE_SIZE - 8, CONTROL_READ, RAM_AT + 0x40, 8), 0); /* across pages */
	assert_int_equal(transfers, 3);
	assert_int_equal(last_address, RAM_AT + 0x40);
	assert_int_equal(logged, 0);
}

static void test_everything_else_is_refused(void **state)
{
	static const struct {
		uint32_t control;
		uint64_t address;
		uint32_t length;
	} rows[] = {
		{ CONTROL_READ, BLOCK_AT, 1 },
		{ CONTROL_WRITE, BLOCK_AT, 1 },
		{ CONTROL_READ, BLOCK_AT - 1, 2 },
		{ CONTROL_READ, RAM_AT - 1, 2 },
		{ CONTROL_READ, 0xFED90000, 4 },
		{ CONTROL_READ, ~0ull, 4 },
		{ CONTROL_READ, ~0ull - 3, 4 },
		{ CONTROL_READ, RAM_AT, 0xFFFFFFFF },
		{ CONTROL_READ, RAM_AT + PAGE_SIZE, 1 },
		{ CONTROL_READ, RAM_AT + PAGE_SIZE - 1, 2 },
		{ CONTROL_WRITE, RAM_AT + 2 * PAGE_SIZE, 1 },
	};

	rights[1] = SLAT_R | SLAT_X; /* frozen */
	rights[2] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(ask(RAM_AT + 3 * PAGE_SIZE, rows[i].control, rows[i].address, rows[i].length),
				 CONTROL_ERROR);
	assert_int_equal(transfers, 0);
	assert_int_equal(logged, ARRAY_SIZE(rows));
	assert_int_equal(ask(RAM_AT + 3 * PAGE_SIZE, CONTROL_WRITE, RAM_AT + PAGE_SIZE, 1), 0); /* reading it is allowed */
}

static void test_requests_that_are_nowhere(void **state)
{
	struct vcpu v;

	memset(&v, 0, sizeof(v));
	fwcfg_port_write(&v, PORT_DMA_HIGH, 2, 0);
	fwcfg_port_write(&v, PORT_DMA_LOW + 2, 2, 0);
	fwcfg_port_write(&v, PORT_DMA_LOW, 4, __builtin_bswap32(0xFED90000u));
	fwcfg_port_write(&v, PORT_DMA_LOW, 4, __builtin_bswap32((uint32_t)(RAM_AT + RAM_SIZE) - 8));
	assert_int_equal(transfers, 0);
	assert_int_equal(logged, 4);
}

static void test_only_where_there_is_one(void **state)
{
	copy = NULL;
	below = false;
	assert_int_equal(fwcfg_prepare(), 0);
	assert_false(fwcfg_port_owns(0x514, 4));
	below = true;
	dma_there = false;
	assert_int_equal(fwcfg_prepare(), 0);
	assert_false(fwcfg_port_owns(0x514, 4));
	dma_there = true;
	assert_int_equal(fwcfg_prepare(), 0);
	assert_true(fwcfg_port_owns(0x514, 4) && fwcfg_port_owns(0x51B, 1) && fwcfg_port_owns(0x512, 4));
	assert_false(fwcfg_port_owns(0x510, 4) || fwcfg_port_owns(0x51C, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_vtl0_may_is_done, set_up),
		cmocka_unit_test_setup(test_everything_else_is_refused, set_up),
		cmocka_unit_test_setup(test_requests_that_are_nowhere, set_up),
		cmocka_unit_test_setup(test_only_where_there_is_one, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
