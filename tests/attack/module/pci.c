// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI registers that decide what a physical address means or where the sleep
 * registers are: chipset ranges and a device's memory moved over the
 * hypervisor's block, by the ports (whole and by bytes) and by the
 * memory-mapped configuration space. What did move is put back.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/pci.h>

#include "attack.h"

enum way { PORT_32, PORT_8, ECAM_32, ECAM_8 };

static const char *const ways[] = { "port", "port_bytes", "ecam", "ecam_bytes" };

struct target {
	const char *name;
	u8 slot, function, reg;
	bool block; /* the value is the block's address | @bits; else the old value ^ @bits */
	u32 bits;
};

/* Q35 (Intel 316966, 5.1) and its LPC bridge (316972, 13.1); 01.0 is QEMU's display, with memory of its own. */
static const struct target q35_targets[] = {
	{ "pci_epbar", 0x00, 0, 0x40, true, 1 },
	{ "pci_mchbar", 0x00, 0, 0x48, true, 1 },
	{ "pci_pciexbar", 0x00, 0, 0x60, true, 1 },
	{ "pci_dmibar", 0x00, 0, 0x68, true, 1 },
	{ "pci_rcba", 0x1F, 0, 0xF0, true, 1 },
	{ "pci_pmbase", 0x1F, 0, 0x40, false, 0x8000 },
	{ "pci_smramc", 0x00, 0, 0x9C, false, 0x0302 << 8 | 0x40 },
	{ "pci_display_bar0", 0x01, 0, 0x10, true, 8 },
	{ "pci_display_bar2", 0x01, 0, 0x18, true, 0 },
};

/* 440FX (Intel 290549, 3.2.20) and PIIX4's power management (290562, 7.1); no memory-mapped configuration. */
static const struct target fx_targets[] = {
	{ "pci_smram", 0x00, 0, 0x70, false, 0x48u << 16 },
	{ "pci_pmba", 0x01, 3, 0x40, false, 0x1000 },
	{ "pci_pmregmisc", 0x01, 3, 0x80, false, 1 },
};

struct access {
	u32 address; /* of CONFIG_ADDRESS */
	u32 value;
	enum way way;
	u8 __iomem *ecam; /* of the register */
};

static u32 port_read(u32 address)
{
	outl(address, 0xCF8);
	return inl(0xCFC);
}

static void config_write(void *arg)
{
	const struct access *a = arg;
	unsigned int i;

	switch (a->way) {
	case PORT_32:
		outl(a->address, 0xCF8);
		outl(a->value, 0xCFC);
		break;
	case PORT_8:
		for (i = 0; i < 4; i++) {
			outl(a->address, 0xCF8);
			outb(a->value >> 8 * i, 0xCFC + i);
		}
		break;
	case ECAM_32:
		writel(a->value, a->ecam);
		break;
	case ECAM_8:
		for (i = 0; i < 4; i++)
			writeb(a->value >> 8 * i, a->ecam + i);
		break;
	}
}

/* Interrupts stay off from the write to its undoing: nobody else may meet the moved range. */
static void one_way(struct report *r, const struct target *t, enum way way, u64 ecam_base, u32 block)
{
	struct access a = { .address = 1u << 31 | t->slot << 11 | t->function << 8 | t->reg, .way = way };
	struct access back = a;
	const char *outcome;
	unsigned long flags;
	struct caught c;
	u32 old, now;
	char name[48];

	a.ecam = way < ECAM_32 ? NULL :
				 ioremap(ecam_base + (t->slot << 15) + (t->function << 12) + t->reg, 4);
	local_irq_save(flags);
	old = port_read(a.address);
	a.value = t->block ? block | t->bits : old ^ t->bits;
	outcome = try_here(&c, config_write, &a, 0);
	now = port_read(a.address);
	back.value = old;
	back.way = PORT_32;
	if (now != old)
		try_here(&c, config_write, &back, 0);
	local_irq_restore(flags);
	if (a.ecam)
		iounmap(a.ecam);
	if (!strcmp(outcome, "ok"))
		outcome = now == old ? "refused" : "moved";
	snprintf(name, sizeof(name), "%s_%s", t->name, ways[way]);
	row(r, name, outcome, "was %x, wrote %x, reads %x", old, a.value, now);
}

static void run_pci(struct report *r)
{
	u32 host = port_read(1u << 31), low = port_read(1u << 31 | 0x60);
	bool q35 = host == 0x29C08086 && (low & 1), fx = host == 0x12378086;
	const struct target *targets = q35 ? q35_targets : fx_targets;
	size_t i, n = q35 ? ARRAY_SIZE(q35_targets) : ARRAY_SIZE(fx_targets);
	struct block b;
	enum way way;

	if ((!q35 && !fx) || !block_find(&b) || b.start >> 32) {
		row(r, "pci", "none",
		    "not Q35 or 440FX, or no hidden memory below 4 GiB: host bridge %x", host);
		return;
	}
	migrate_disable();
	for (i = 0; i < n; i++)
		for (way = PORT_32; way <= (q35 ? ECAM_8 : PORT_8); way++)
			one_way(r, &targets[i], way, low & 0xF0000000, (u32)b.start);
	migrate_enable();
	row(r, "after_pci", system_guarded(), "every CPU");
}

const struct attack pci_attacks[] = { { "pci", run_pci }, {} };
