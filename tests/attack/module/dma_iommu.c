// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on the IOMMU itself, to have it translate no more: its registers by
 * the CPU and by devices, its PCI function (AMD), a device's memory laid over
 * it, configuration space and interrupt messages by DMA. After each of them a
 * device reads hidden memory again.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "dma.h"

#define PROBE 0x5000ULL /* a plausible table address, harmless while translation is off */

#define MANY                                                                                       \
	24 /* bytes at once: control and what follows; QEMU does not survive some of the others */

/* Registers: AMD 48882, 3.4; VT-d 4.1, 11.4. */
#define AMD_TABLE     0x00
#define AMD_CONTROL   0x18
#define INTEL_COMMAND 0x18
#define INTEL_ROOT    0x20

static u32 control_at(void)
{
	return dma_unit_amd ? AMD_CONTROL : INTEL_COMMAND;
}

static u32 table_at(void)
{
	return dma_unit_amd ? AMD_TABLE : INTEL_ROOT;
}

/* ---- by the CPU ---- */

struct regs_try {
	u8 __iomem *at;
	u64 value, seen;
};

static void regs_read(void *arg)
{
	struct regs_try *t = arg;
	u32 i;

	for (i = 0; i < dma_unit_bytes; i += 8)
		t->seen |= readq(t->at + i);
}

static void write_64(void *arg)
{
	const struct regs_try *t = arg;

	writeq(t->value, t->at);
}

static void write_32(void *arg)
{
	const struct regs_try *t = arg;

	writel((u32)t->value, t->at);
}

static void write_8(void *arg)
{
	const struct regs_try *t = arg;

	writeb((u8)t->value, t->at);
}

static void write_locked(void *arg)
{
	const struct regs_try *t = arg;

	asm volatile("lock andl $0, (%0)" : : "r"(t->at) : "memory", "cc");
}

static void write_string(void *arg)
{
	const struct regs_try *t = arg;
	void *to = (__force void *)t->at;

	asm volatile("rep stosl" : "+D"(to) : "a"(0), "c"(2L) : "memory");
}

static void write_and_look(void *arg)
{
	struct regs_try *t = arg;

	writeq(t->value, t->at);
	t->seen = readq(t->at);
}

static void cpu_read_row(struct report *r, struct regs_try *t)
{
	struct caught c;
	const char *o;

	t->seen = 0;
	o = try_here(&c, regs_read, t, 0);
	row(r, "cpu_regs_read",
	    c.vector != CAUGHT_NOTHING ? o :
	    t->seen                    ? "content" :
					 "zeros",
	    "%llx", t->seen);
}

/* Does a register keep what is written? The old value is put back. */
static void cpu_keep_row(struct report *r, struct regs_try *t)
{
	struct regs_try at = { .at = t->at + table_at(), .value = PROBE };
	struct caught c;
	const char *o = try_here(&c, write_and_look, &at, 0);

	if (c.vector == CAUGHT_NOTHING)
		o = (at.seen & PROBE) == PROBE ? "accepted" : "ignored";
	row(r, "cpu_regs_write", o, "wrote %llx, reads %llx", at.value, at.seen);
	at.value = 0;
	try_here(&c, write_64, &at, 0);
}

static void run_cpu_regs(struct report *r)
{
	static const struct {
		const char *name;
		try_fn fn;
	} writes[] = {
		{ "cpu_regs_off_64", write_64 },         { "cpu_regs_off_32", write_32 },
		{ "cpu_regs_off_8", write_8 },           { "cpu_regs_off_locked", write_locked },
		{ "cpu_regs_off_string", write_string },
	};
	struct regs_try t = {}, control = {};
	struct caught c;
	struct dma d;
	size_t i;

	if (!dma_begin(r, &d, "cpu_regs_read"))
		return;
	t.at = ioremap(dma_unit, dma_unit_bytes);
	if (!t.at) {
		row(r, "cpu_regs_read", "norun", "can't be mapped");
		dma_end(&d);
		return;
	}
	control.at = t.at + control_at();
	cpu_read_row(r, &t);
	cpu_keep_row(r, &t);
	for (i = 0; i < ARRAY_SIZE(writes); i++)
		row(r, writes[i].name, try_here(&c, writes[i].fn, &control, 0), "0 to the control register");
	iounmap(t.at);
	dma_still(r, &d, "cpu_regs_after");
	dma_end(&d);
}

/* ---- by devices ---- */

static void store(struct dma *d, u64 value, u64 to, u32 bytes)
{
	edu_fill(d, d->edu, 0);
	*(u64 *)d->own = value;
	edu_fetch(d->edu, d->own_gpa, PAGE_SIZE);
	WAIT_FOR(edu_done(d->edu), 1000);
	edu_store(d->edu, to, bytes);
	WAIT_FOR(edu_done(d->edu), 1000);
}

static void look_once(void *arg)
{
	struct regs_try *t = arg;

	t->seen = readq(t->at);
}

/* Did a device's write to a register arrive? The old value is put back. */
static void land_row(struct report *r)
{
	struct regs_try t = { .at = ioremap(dma_unit + table_at(), 8) };
	struct caught c;

	if (!t.at)
		return;
	try_here(&c, look_once, &t, 0);
	row(r, "dma_regs_land", (t.seen & PROBE) == PROBE ? "changed" : "kept",
	    "the CPU reads %llx", t.seen);
	try_here(&c, write_64, &t, 0);
	iounmap(t.at);
}

static void run_dma_regs(struct report *r)
{
	struct dma d;

	if (!dma_begin(r, &d, "dma_regs_land"))
		return;
	store(&d, PROBE, dma_unit + table_at(), 8);
	land_row(r);
	store(&d, PROBE, dma_unit + table_at(), 8);
	dma_still(r, &d, "dma_regs_table");
	store(&d, 0, dma_unit + control_at(), 4);
	dma_still(r, &d, "dma_regs_control_32");
	store(&d, 0, dma_unit + control_at(), 8);
	dma_still(r, &d, "dma_regs_control_64");
	store(&d, 0, dma_unit + control_at(), MANY);
	dma_still(r, &d, "dma_regs_many");
	dma_end(&d);
}

/* ---- configuration space ---- */

enum way { PORT_32, PORT_8, ECAM_32, ECAM_8, WAYS };

static const char *const ways[] = { "port", "port_bytes", "ecam", "ecam_bytes" };

struct config_try {
	u32 address; /* of CONFIG_ADDRESS */
	u32 value;
	enum way way;
	u8 __iomem *ecam;
};

static u32 port_read(u32 address)
{
	outl(address, 0xCF8);
	return inl(0xCFC);
}

static void config_write(void *arg)
{
	const struct config_try *t = arg;
	unsigned int i;

	if (t->way == PORT_32) {
		outl(t->address, 0xCF8);
		outl(t->value, 0xCFC);
	} else if (t->way == ECAM_32) {
		writel(t->value, t->ecam);
	}
	for (i = 0; i < 4 && t->way == PORT_8; i++) {
		outl(t->address, 0xCF8);
		outb(t->value >> 8 * i, 0xCFC + i);
	}
	for (i = 0; i < 4 && t->way == ECAM_8; i++)
		writeb(t->value >> 8 * i, t->ecam + i);
}

static u32 config_address(unsigned int bus, unsigned int devfn, unsigned int reg)
{
	return 1u << 31 | bus << 16 | devfn << 8 | reg;
}

/* Q35's PCIEXBAR (Intel 316966, 5.1.13). */
static u64 ecam_base(void)
{
	return port_read(config_address(0, 0, 0x60)) & 0xF0000000;
}

/* "kept", "changed" or the exception; what did change is put back. */
static const char *config_try(u32 address, u32 value, enum way way, u32 *old, u32 *now)
{
	struct config_try t = { .address = address, .value = value, .way = way };
	const char *o = "kept";
	unsigned long flags;
	struct caught c;

	if (way >= ECAM_32)
		t.ecam = ioremap(ecam_base() + ((address & 0xFFFF00) << 4) + (address & 0xFC), 4);
	local_irq_save(flags);
	*old = port_read(address);
	o = try_here(&c, config_write, &t, 0);
	*now = port_read(address);
	if (c.vector == CAUGHT_NOTHING)
		o = *now == *old ? "kept" : "changed";
	t.value = *old;
	t.way = PORT_32;
	if (*now != *old)
		try_here(&c, config_write, &t, 0);
	local_irq_restore(flags);
	if (t.ecam)
		iounmap(t.ecam);
	return o;
}

/* The IOMMU's own function on bus 0, by its class (0806h); -1: none is shown. */
static int unit_function(void)
{
	unsigned int devfn;

	for (devfn = 0; devfn < 256; devfn++)
		if (port_read(config_address(0, devfn, 8)) >> 16 == 0x0806)
			return devfn;
	return -1;
}

static u8 capability(unsigned int devfn, u8 id)
{
	u32 at = port_read(config_address(0, devfn, 0x34)) & 0xFC, word;

	for (; at; at = word >> 8 & 0xFC) {
		word = port_read(config_address(0, devfn, at));
		if ((word & 0xFF) == id || word == ~0u)
			break;
	}
	return at;
}

struct unit_register {
	const char *name;
	u8 cap, reg; /* cap 0: of the header */
	u32 value;
};

static void unit_row(struct report *r, int devfn, const struct unit_register *u, enum way way)
{
	u8 cap = u->cap && devfn >= 0 ? capability(devfn, u->cap) : 0;
	u32 old = 0, now = 0;
	const char *o = "absent";
	char name[40];

	if (devfn >= 0 && (!u->cap || cap))
		o = config_try(config_address(0, devfn, cap + u->reg), u->value, way, &old, &now);
	snprintf(name, sizeof(name), "unit_%s_%s", u->name, ways[way]);
	row(r, name, o, "was %x, reads %x", old, now);
}

static void run_unit(struct report *r)
{
	static struct unit_register registers[] = {
		{ "command", 0, PCI_COMMAND, 0 }, /* no memory, no bus mastering */
		{ "base_low", 0x0F, 4, 0 },       /* AMD 48882, 3.3: base and its enable bit */
		{ "base_high", 0x0F, 8, 0x7F },
		{ "msi_control", PCI_CAP_ID_MSI, 0, 0x00810005 },
		{ "msi_address", PCI_CAP_ID_MSI, 4, 0 },
		{ "msi_data", PCI_CAP_ID_MSI, 12, 0x5C5C },
	};
	enum way way;
	struct dma d;
	int devfn;
	size_t i;

	if (!dma_begin(r, &d, "unit_after"))
		return;
	migrate_disable();
	devfn = unit_function();
	registers[4].value = (u32)d.start;
	for (i = 0; i < ARRAY_SIZE(registers); i++)
		for (way = PORT_32; way < WAYS; way++)
			unit_row(r, devfn, &registers[i], way);
	migrate_enable();
	dma_still(r, &d, "unit_after");
	dma_end(&d);
}

/* Configuration space by DMA: the harmless interrupt line of three functions. */
static void ecam_row(struct report *r, struct dma *d, const char *which, unsigned int devfn)
{
	u32 address = config_address(0, devfn, PCI_INTERRUPT_LINE), old = port_read(address), now;
	struct config_try back = { .address = address, .value = old, .way = PORT_32 };
	char name[40];

	edu_fill(d, d->edu, ~(u8)old);
	edu_store(d->edu, ecam_base() + (devfn << 12) + PCI_INTERRUPT_LINE, 1);
	WAIT_FOR(edu_done(d->edu), 1000);
	now = port_read(address);
	snprintf(name, sizeof(name), "ecam_by_dma_%s", which);
	row(r, name, now == old ? "kept" : "changed", "was %x, reads %x", old, now);
	if (now != old)
		config_write(&back);
}

static void run_ecam(struct report *r)
{
	struct dma d;
	int unit;

	if (!dma_begin(r, &d, "ecam_by_dma_host"))
		return;
	unit = unit_function();
	ecam_row(r, &d, "host", 0);
	if (unit >= 0)
		ecam_row(r, &d, "unit", unit);
	ecam_row(r, &d, "edu", d.edu[d.edus > 1 ? 1 : 0].dev->devfn);
	dma_still(r, &d, "ecam_after");
	dma_end(&d);
}

/* ---- a device's memory over something ---- */

struct look {
	u8 __iomem *at;
	u64 seen;
};

static void look(void *arg)
{
	struct look *l = arg;
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		l->seen |= readq(l->at + i);
}

static void bar_row(struct report *r, struct edu *e, const char *which, u64 over, u64 at, enum way way)
{
	u32 address = config_address(0, e->dev->devfn, PCI_BASE_ADDRESS_0);
	struct config_try t = { .address = address, .value = over, .way = way };
	struct look l = { .at = ioremap(at, 64) };
	unsigned long flags;
	struct caught c;
	const char *o;
	char name[40];
	u32 old, now;

	if (way >= ECAM_32)
		t.ecam = ioremap(ecam_base() + (e->dev->devfn << 12) + PCI_BASE_ADDRESS_0, 4);
	local_irq_save(flags);
	old = port_read(address);
	try_here(&c, config_write, &t, 0);
	now = port_read(address);
	o = try_here(&c, look, &l, 0);
	t.value = old;
	t.way = PORT_32;
	config_write(&t);
	local_irq_restore(flags);
	if (c.vector == CAUGHT_NOTHING)
		o = l.seen ? "content" : "zeros";
	snprintf(name, sizeof(name), "bar_over_%s_%s", which, ways[way]);
	row(r, name, o, "BAR was %x, wrote %llx, read %x; %llx there", old, over, now, l.seen);
	iounmap(l.at);
	if (t.ecam)
		iounmap(t.ecam);
}

static void run_bar(struct report *r)
{
	enum way way;
	struct dma d;

	if (!dma_begin(r, &d, "bar_after"))
		return;
	migrate_disable();
	for (way = PORT_32; way < WAYS; way++) {
		bar_row(r, d.edu, "block", d.start, d.start, way);
		bar_row(r, d.edu, "unit", dma_unit & ~0xFFFFFULL, dma_unit, way);
	}
	migrate_enable();
	dma_still(r, &d, "bar_after");
	dma_end(&d);
}

/* ---- interrupt messages ---- */

#define MESSAGES 0xFEE00000ULL
#define VECTOR   0xFD /* Linux: reschedule, welcome at any time */
#define NMI      0x400
#define INIT     0x4500 /* asserted */

/* A device may send interrupts, and nothing else comes of it. */
static void run_interrupt(struct report *r)
{
	struct dma d;

	if (!dma_begin(r, &d, "interrupt_after"))
		return;
	store(&d, VECTOR, MESSAGES | lapic_id(0) << 12, 4);
	store(&d, VECTOR, MESSAGES | lapic_id(num_online_cpus() - 1) << 12, 4);
	store(&d, NMI | VECTOR, MESSAGES | lapic_id(num_online_cpus() - 1) << 12, 4);
	store(&d, NMI | VECTOR, MESSAGES | 0xFF << 12, 4);
	row(r, "interrupt_sent", "sent", "fixed and NMI, to single CPUs and to all");
	row(r, "interrupt_guarded", system_guarded(), "every CPU");
	dma_still(r, &d, "interrupt_after");
	dma_end(&d);
}

/* An INIT from a device, which no sender's trap sees, to a CPU that Linux does not use just now. */
static void run_init(struct report *r)
{
	struct dma d;
	int cpu;

	if (!dma_begin(r, &d, "interrupt_init"))
		return;
	cpu = ap_take();
	if (cpu < 0) {
		row(r, "interrupt_init", "norun", "no CPU to take: %d", cpu);
	} else {
		store(&d, INIT, MESSAGES | lapic_id(cpu) << 12, 4);
		row(r, "interrupt_init", ap_check(cpu), "CPU %d", cpu);
		ap_give_back(cpu);
		row(r, "interrupt_init_guarded", system_guarded(), "every CPU");
	}
	dma_end(&d);
}

const struct attack dma_iommu_attacks[] = {
	{ "dma_cpu_regs", run_cpu_regs }, { "dma_regs", run_dma_regs },
	{ "dma_unit", run_unit },         { "dma_ecam", run_ecam },
	{ "dma_bar", run_bar },           { "dma_interrupt", run_interrupt },
	{ "dma_init", run_init },         {},
};
