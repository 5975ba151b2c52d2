/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Repairs two faults of Bochs at its start (preloaded by bochs_emulator.py).
 *
 * Debian's build of Bochs 3.1 gets the 64-bit IDIV wrong: long_idiv(), as
 * compiled, never stores the low half of the dividend that it hands on (it
 * passes a Bit128s to a function of Bit128u, so aliasing rules are the likely
 * cause). Linux then panics early in its boot. The program calls the function
 * directly, so a jump is written over its entry. The other fault is a sleep,
 * see at the end.
 * Invariant: a Bochs that divides right keeps its own division; one that can't
 * be tested or repaired ends with a message.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYMBOL "_Z9long_idivP7Bit128sPlPKS_l"

struct wide {
	uint64_t low;
	int64_t high;
};

typedef void divide(struct wide *quotient, int64_t *remainder, const struct wide *dividend, int64_t divisor);

static void right(struct wide *quotient, int64_t *remainder, const struct wide *dividend, int64_t divisor)
{
	/* Bochs has excluded a zero divisor and afterwards checks whether the quotient fits. */
	__int128 n = (__int128)(((unsigned __int128)(uint64_t)dividend->high << 64) | dividend->low);
	__int128 q = n / divisor;

	quotient->low = (uint64_t)q;
	quotient->high = (int64_t)(q >> 64);
	*remainder = (int64_t)(n % divisor);
}

static int is_right(divide *function)
{
	static const struct {
		int64_t dividend, divisor;
	} cases[] = { { 1000000000, 1 },
		      { 1000000000, 1000 },
		      { -1000000007, 1000 },
		      { 1000000007, -1000 },
		      { -7, -2 } };

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t n = cases[i].dividend, d = cases[i].divisor, remainder;
		struct wide dividend = { (uint64_t)n, n >> 63 }, quotient;

		function(&quotient, &remainder, &dividend, d);
		if ((int64_t)quotient.low != n / d || quotient.high != (n / d) >> 63 || remainder != n % d)
			return 0;
	}
	return 1;
}

static void fail(const char *why)
{
	fprintf(stderr, "bochs_repair: %s (see tools/machine/bochs_repair.c)\n", why);
	exit(1);
}

__attribute__((constructor)) static void repair(void)
{
	/* mov $right, %rax; jmp *%rax */
	unsigned char jump[12] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 };
	union {
		void *address;
		divide *function;
	} found = { dlsym(RTLD_DEFAULT, SYMBOL) }, ours = { .function = right };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!found.address)
		fail("this Bochs exports no " SYMBOL ", so its IDIV can't be tested");
	if (is_right(found.function))
		return;
	void *start = (void *)((uintptr_t)found.address & ~(page - 1));
	if (mprotect(start, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC))
		fail("mprotect refuses to make the program's code writable");
	memcpy(jump + 2, &ours.address, 8);
	memcpy(found.address, jump, sizeof(jump));
	if (mprotect(start, 2 * page, PROT_READ | PROT_EXEC))
		fail("mprotect refuses to make the program's code read-only again");
	if (!is_right(found.function))
		fail("IDIV is wrong even after the repair");
	fprintf(stderr, "bochs_repair: IDIV of this Bochs is wrong and was repaired\n");
}

/*
 * bx_term_gui_c::sim_is_idle(), which the display's plugin takes from here.
 *
 * Its own sleeps on the host whenever the guest is idle, although time is not
 * to be synchronized (clock: sync=none). With the Ryzen model Linux's console
 * then took 40 ms for a character (probably its short delays, which use MWAITX).
 */
void _ZN13bx_term_gui_c11sim_is_idleEv(void *gui);
void _ZN13bx_term_gui_c11sim_is_idleEv(void *gui)
{
	(void)gui;
}
