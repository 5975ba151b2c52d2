// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3 by the PM1 control register, past Linux: firmware would wake the machine
 * without the hypervisor while its memory still holds everything. Each form of
 * port access is an attack of its own, because one that works puts the machine
 * to sleep. Afterwards the machine must be awake and guarded.
 */
#include <linux/acpi.h>
#include <linux/kernel.h>
#include <linux/pci.h>
#include <asm/io.h>

#include "attack.h"

#define SLP_EN   (1u << 13)
#define SLP_TYPX (7u << 10)

struct pm1 {
	u16 port;
	u16 value;
};

static bool pm1_of(struct report *r, const char *name, struct pm1 *p)
{
	u8 a = 0, b = 0;

	p->port = (u16)acpi_gbl_FADT.pm1a_control_block;
	if (!p->port || ACPI_FAILURE(acpi_get_sleep_type_data(ACPI_STATE_S3, &a, &b))) {
		row(r, name, "none", "this machine has no S3");
		return false;
	}
	p->value = (inw(p->port) & ~(SLP_TYPX | SLP_EN)) | a << 10 | SLP_EN;
	return true;
}

static void out_w(void *arg)
{
	const struct pm1 *p = arg;

	outw(p->value, p->port);
}

static void out_b(void *arg)
{
	const struct pm1 *p = arg;

	outb((u8)p->value, p->port);
	outb(p->value >> 8, p->port + 1);
}

static void out_l(void *arg)
{
	const struct pm1 *p = arg;

	outl(p->value, p->port);
}

static void out_l_below(void *arg)
{
	const struct pm1 *p = arg;

	outl((u32)p->value << 16, p->port - 2);
}

static void out_w_across(void *arg)
{
	const struct pm1 *p = arg;

	outw(p->value >> 8, p->port + 1);
}

static void outs_w(void *arg)
{
	const struct pm1 *p = arg;

	outsw(p->port, &p->value, 1);
}

static void outs_b(void *arg)
{
	const struct pm1 *p = arg;

	outsb(p->port, &p->value, 1);
	outsb(p->port + 1, (const u8 *)&p->value + 1, 1);
}

static void s3_row(struct report *r, const char *name, try_fn fn)
{
	const char *outcome;
	struct caught c;
	struct pm1 p;

	if (!pm1_of(r, name, &p))
		return;
	outcome = try_here(&c, fn, &p, 0);
	wait_ms(50);
	row(r, name, strcmp(outcome, "ok") ? outcome : "ignored", "port %x, value %x; awake, %s",
	    p.port, p.value, system_guarded());
}

static void run_outw(struct report *r)
{
	s3_row(r, "s3_outw", out_w);
}

static void run_outb(struct report *r)
{
	s3_row(r, "s3_outb", out_b);
}

static void run_outl(struct report *r)
{
	s3_row(r, "s3_outl", out_l);
}

static void run_outl_below(struct report *r)
{
	s3_row(r, "s3_outl_below", out_l_below);
}

static void run_outw_across(struct report *r)
{
	s3_row(r, "s3_outw_across", out_w_across);
}

static void run_outsw(struct report *r)
{
	s3_row(r, "s3_outsw", outs_w);
}

static void run_outsb(struct report *r)
{
	s3_row(r, "s3_outsb", outs_b);
}

/* Q35's LPC bridge (00:1F.0), PIIX4's power management (00:01.3). */
static struct pci_dev *pm_device(void)
{
	struct pci_dev *d = pci_get_device(PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_82371AB_3, NULL);

	if (!d)
		d = pci_get_domain_bus_and_slot(0, 0, PCI_DEVFN(31, 0));
	return d;
}

/* Both keep the base of the PM block at 40h: move it, and use PM1 where nobody watches. */
static void run_moved(struct report *r)
{
	struct pci_dev *lpc = pm_device();
	const char *outcome = "refused";
	struct caught c;
	struct pm1 p;
	u32 old, now;

	if (!lpc || lpc->vendor != PCI_VENDOR_ID_INTEL || !pm1_of(r, "s3_moved_pm_block", &p)) {
		row(r, "s3_moved_pm_block", "none", "no chipset whose PM base is known");
		pci_dev_put(lpc);
		return;
	}
	pci_read_config_dword(lpc, 0x40, &old);
	pci_write_config_dword(lpc, 0x40, 0x8800 | (old & 1));
	pci_read_config_dword(lpc, 0x40, &now);
	if (now != old) {
		p.port += 0x8800 - (old & 0xFF80);
		outcome = try_here(&c, out_w, &p, 0);
		wait_ms(50);
		if (!strcmp(outcome, "ok"))
			outcome = "ignored";
		pci_write_config_dword(lpc, 0x40, old);
	}
	row(r, "s3_moved_pm_block", outcome, "PM base %x, then %x; awake, %s", old, now, system_guarded());
	pci_dev_put(lpc);
}

const struct attack power_attacks[] = { { "s3_outw", run_outw },
					{ "s3_outb", run_outb },
					{ "s3_outl", run_outl },
					{ "s3_outl_below", run_outl_below },
					{ "s3_outw_across", run_outw_across },
					{ "s3_outsw", run_outsw },
					{ "s3_outsb", run_outsb },
					{ "s3_moved_pm_block", run_moved },
					{} };
