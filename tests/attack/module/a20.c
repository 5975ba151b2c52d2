// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing the A20 gate, by every register that has it. With the gate closed,
 * an address with bit 20 means the page 1 MiB below: that is what is looked at.
 * A machine that does close it may well crash here, before it can tell. QEMU has
 * the gate on the boot CPU only: this runs there.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/smp.h>
#include <asm/cacheflush.h>
#include <asm/io.h>
#include <asm/tlbflush.h>

#include "attack.h"

#define ORDER_2M 9
#define MIB      (1u << 20)

static void kbc_wait(void)
{
	int i;

	for (i = 0; i < 10000 && (inb(0x64) & 2); i++)
		cpu_relax();
}

static void kbc_command(u8 command)
{
	kbc_wait();
	outb(command, 0x64);
	kbc_wait();
}

static void by_port92(void)
{
	outb(inb(0x92) & ~3, 0x92);
}

static void by_port92_wide(void)
{
	outw((u16)((inb(0x92) & ~3) << 8 | inb(0x91)), 0x91);
}

static void by_output_port(void)
{
	kbc_command(0xD1);
	outb(0xDD, 0x60);
}

/* Another command between the two. */
static void by_output_port_late(void)
{
	kbc_command(0xD1);
	kbc_command(0xAE);
	outb(0xDD, 0x60);
}

static void by_command(void)
{
	kbc_command(0xDD);
}

static void by_pulse(void)
{
	kbc_command(0xFD);
}

static const struct {
	const char *name;
	void (*close)(void);
} ways[] = {
	{ "a20_port92", by_port92 },           { "a20_port92_wide", by_port92_wide },
	{ "a20_output_port", by_output_port }, { "a20_output_port_late", by_output_port_late },
	{ "a20_command", by_command },         { "a20_pulse", by_pulse },
};

static bool is_closed(u8 *at)
{
	WRITE_ONCE(at[0], 0x11);
	WRITE_ONCE(at[MIB], 0x22);
	wbinvd();
	return READ_ONCE(at[0]) == 0x22;
}

struct attempt {
	void (*close)(void);
	u8 *at;
	bool closed;
};

/* On the boot CPU, interrupts off. */
static void attempt(void *arg)
{
	struct attempt *a = arg;

	a->close();
	kbc_wait();
	a->closed = is_closed(a->at);
	kbc_command(0xDF);
	outb(inb(0x92) | 2, 0x92);
}

static void run(struct report *r)
{
	struct attempt a = { .at = (u8 *)__get_free_pages(GFP_KERNEL, ORDER_2M) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!a.at) {
			row(r, ways[i].name, "norun", "no memory");
			continue;
		}
		a.close = ways[i].close;
		smp_call_function_single(0, attempt, &a, 1);
		row(r, ways[i].name, a.closed ? "closed" : "open", "an address 1 MiB above %s",
		    a.closed ? "is the same memory" : "is memory of its own");
	}
	free_pages((unsigned long)a.at, ORDER_2M);
	row(r, "after_a20", system_guarded(), "%u ways", i);
}

const struct attack a20_attacks[] = {
	{ "a20", run },
	{},
};
