// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other hands that write to memory for ring 0: an edu device's interrupt
 * message, firmware configuration (QEMU's docs/specs/fw_cfg, "Guest-side DMA
 * Interface"), the HPET's messages (IA-PC HPET 1.0a, 2.3.8 and 2.3.9), and the
 * devices in dma_disk.c and dma_net.c. The first page of ours that is tried
 * shows that the hand works at all.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "dma.h"

#define SETTLE_MS 100

#define FW_CFG_HIGH   0x514
#define FW_CFG_LOW    0x518
#define FW_CFG_DIR    0x19u
#define FW_CFG_READ   2u
#define FW_CFG_SKIP   4u
#define FW_CFG_SELECT 8u

#define HPET_BASE     0xFED00000
#define HPET_BYTES    0x400
#define HPET_CONFIG   0x10
#define HPET_COUNTER  0xF0
#define HPET_TIMER(n) (0x100 + 0x20 * (n))
#define HPET_COMPARE  8
#define HPET_ROUTE    0x10
#define HPET_INT      (1u << 2)
#define HPET_32       (1u << 8)
#define HPET_FSB      (1u << 14)
#define HPET_FSB_CAN  (1u << 15)
#define HPET_TICKS    200000 /* 2 ms of QEMU's 10 ns */

/* ---- the rows of an engine ---- */

static void own_row(struct report *r, struct dma *d, const struct engine *e, const char *which)
{
	u8 *page = dma_page(0);
	const char *kept, *outcome;
	char name[40];

	if (!page)
		return;
	kept = e->write(d, virt_to_phys(page));
	WAIT_FOR(memchr_inv(page, 0, PAGE_SIZE), SETTLE_MS);
	outcome = memchr_inv(page, 0, PAGE_SIZE) ? "works" : kept ?: "silent";
	snprintf(name, sizeof(name), "%s_%s", e->name, which);
	row(r, name, outcome, "%*ph", 8, page);
	/* Not freed: whatever still writes must hit nobody else. */
}

static void block_row(struct report *r, struct dma *d, const struct engine *e, unsigned int nth)
{
	const char *kept = NULL;
	char name[40];
	unsigned int i;

	for (i = 0; i < dma_empty.n; i++)
		kept = e->write(d, dma_empty.gpa[i] + nth * PAGE_SIZE) ?: kept;
	wait_ms(SETTLE_MS);
	snprintf(name, sizeof(name), "%s_block", e->name);
	row(r, name, "sent", "%u pages%s%s", i, kept ? ", the last word was " : "", kept ?: "");
}

static void frozen_row(struct report *r, struct dma *d, const struct engine *e)
{
	u8 *page = dma_page(0x11);
	const char *outcome;
	struct vtl1 v;
	char name[40];

	snprintf(name, sizeof(name), "%s_frozen", e->name);
	if (!page || !vtl1_begin(r, &v, name))
		return;
	if (dma_freeze(&v, virt_to_phys(page)) == OVBS_OK) {
		e->write(d, virt_to_phys(page));
		wait_ms(SETTLE_MS);
		outcome = memchr_inv(page, 0x11, PAGE_SIZE) ? "written" : "kept";
	} else {
		outcome = "refused";
	}
	row(r, name, outcome, "%*ph", 8, page);
	vtl1_end(&v);
}

void engine_rows(struct report *r, struct dma *d, const struct engine *e, unsigned int nth)
{
	own_row(r, d, e, "own");
	block_row(r, d, e, nth);
	frozen_row(r, d, e);
	own_row(r, d, e, "after");
}

/* ---- edu: plain, and by its interrupt message ---- */

#define EDU_RAISE 0x60
#define EDU_ACK   0x64

static const char *edu_plain(struct dma *d, u64 gpa)
{
	return edu_write(d, d->edu, gpa, DMA_NEW) ? NULL : "silent";
}

static const char *edu_message(struct dma *d, u64 gpa)
{
	struct edu *e = &d->edu[0];
	int at = pci_find_capability(e->dev, PCI_CAP_ID_MSI);
	u16 flags, data = 0x5C5C;

	if (!at)
		return "none";
	pci_read_config_word(e->dev, at + PCI_MSI_FLAGS, &flags);
	pci_write_config_dword(e->dev, at + PCI_MSI_ADDRESS_LO, (u32)gpa);
	if (flags & PCI_MSI_FLAGS_64BIT)
		pci_write_config_dword(e->dev, at + PCI_MSI_ADDRESS_HI, gpa >> 32);
	pci_write_config_word(
		e->dev, at + (flags & PCI_MSI_FLAGS_64BIT ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32), data);
	pci_write_config_word(e->dev, at + PCI_MSI_FLAGS, flags | PCI_MSI_FLAGS_ENABLE);
	writel(1, e->regs + EDU_RAISE);
	wait_ms(2);
	writel(1, e->regs + EDU_ACK);
	pci_write_config_word(e->dev, at + PCI_MSI_FLAGS, flags & ~PCI_MSI_FLAGS_ENABLE);
	return NULL;
}

/* ---- firmware configuration ---- */

struct fw_cfg_access {
	__be32 control, length;
	__be64 address;
};

static void fw_cfg_go(void *arg)
{
	u64 at = *(u64 *)arg;

	outl((__force u32)cpu_to_be32(at >> 32), FW_CFG_HIGH);
	outl((__force u32)cpu_to_be32((u32)at), FW_CFG_LOW);
}

static const char *fw_cfg_now(u64 at)
{
	struct caught c;

	return try_here(&c, fw_cfg_go, &at, 0), c.vector == CAUGHT_NOTHING ? NULL : "refused";
}

static const char *fw_cfg_data(struct dma *d, u64 gpa)
{
	struct fw_cfg_access *a = (void *)d->own;

	a->control = cpu_to_be32(FW_CFG_DIR << 16 | FW_CFG_SELECT | FW_CFG_READ);
	a->length = cpu_to_be32(1024);
	a->address = cpu_to_be64(gpa);
	return fw_cfg_now(d->own_gpa);
}

/* Its answer, into the request's first word. What it finds there decides what it does: most often it reports an error. */
static const char *fw_cfg_request(struct dma *d, u64 gpa)
{
	return fw_cfg_now(gpa);
}

/* With full pages: an empty one is a request for nothing, whose answer is 0 too. */
static void run_fw_cfg_request(struct report *r)
{
	struct fw_cfg_access *a;
	struct dma d;
	unsigned int i;

	if (!dma_begin(r, &d, "fwcfg_request_own"))
		return;
	a = (void *)d.own;
	memset(a, 0, sizeof(*a));
	a->control = cpu_to_be32(FW_CFG_DIR << 16 | FW_CFG_SELECT | FW_CFG_SKIP);
	fw_cfg_request(&d, d.own_gpa);
	row(r, "fwcfg_request_own", a->control ? "silent" : "works", "control is %x",
	    be32_to_cpu(a->control));
	for (i = 0; i < dma_full.n; i++)
		fw_cfg_request(&d, dma_full.gpa[i]);
	row(r, "fwcfg_request_full", "sent", "%u pages", i);
	dma_end(&d);
}

/* ---- HPET ---- */

static void hpet_arm(u8 __iomem *hpet, unsigned int n, u64 gpa)
{
	writel(HPET_32, hpet + HPET_TIMER(n));
	writel(0x5C5C5C00 + n, hpet + HPET_TIMER(n) + HPET_ROUTE);
	writel((u32)gpa + 4 * n, hpet + HPET_TIMER(n) + HPET_ROUTE + 4);
	writel(readl(hpet + HPET_COUNTER) + HPET_TICKS, hpet + HPET_TIMER(n) + HPET_COMPARE);
	writel(HPET_INT | HPET_FSB | HPET_FSB_CAN | HPET_32, hpet + HPET_TIMER(n));
}

struct hpet_try {
	u8 __iomem *hpet;
	u64 gpa;
	u32 timers;
};

static void hpet_arm_all(void *arg)
{
	struct hpet_try *t = arg;
	u32 n;

	t->timers = (readl(t->hpet) >> 8 & 31) + 1;
	writel(readl(t->hpet + HPET_CONFIG) | 1, t->hpet + HPET_CONFIG);
	for (n = 0; n < t->timers; n++)
		hpet_arm(t->hpet, n, t->gpa);
}

static void hpet_disarm_all(void *arg)
{
	struct hpet_try *t = arg;
	u32 n;

	for (n = 0; n < t->timers; n++)
		writel(0, t->hpet + HPET_TIMER(n));
}

/* Linux keeps time by the TSC here, and ticks by the APIC: no timer of the HPET is in use. */
static const char *hpet_message(struct dma *d, u64 gpa)
{
	struct hpet_try t = { .hpet = ioremap(HPET_BASE, HPET_BYTES), .gpa = gpa };
	struct caught c, ignored;

	if (!t.hpet)
		return "norun";
	try_here(&c, hpet_arm_all, &t, 0);
	wait_ms(20);
	try_here(&ignored, hpet_disarm_all, &t, 0);
	iounmap(t.hpet);
	return c.vector == CAUGHT_NOTHING ? NULL : "refused";
}

/* ---- */

static void run_engines(struct report *r, const struct engine *e)
{
	unsigned int nth;
	struct dma d;
	char name[40];

	for (nth = 0; e->name; e++, nth++) {
		snprintf(name, sizeof(name), "%s_own", e->name);
		if (!dma_begin(r, &d, name))
			return;
		engine_rows(r, &d, e, nth);
		dma_end(&d);
	}
}

static const struct engine edu_engines[] = { { "edu", edu_plain }, { "edu_message", edu_message }, {} };
static const struct engine fw_cfg_engines[] = { { "fwcfg", fw_cfg_data }, {} };
static const struct engine hpet_engines[] = { { "hpet", hpet_message }, {} };

static void run_edu(struct report *r)
{
	run_engines(r, edu_engines);
}

static void run_fw_cfg(struct report *r)
{
	run_engines(r, fw_cfg_engines);
}

static void run_hpet(struct report *r)
{
	run_engines(r, hpet_engines);
}

static void run_nvme(struct report *r)
{
	run_engines(r, nvme_engines);
}

static void run_ahci(struct report *r)
{
	run_engines(r, ahci_engines);
}

static void run_virtio(struct report *r)
{
	run_engines(r, virtio_engines);
}

static void run_net(struct report *r)
{
	struct dma d;

	run_engines(r, net_engines);
	if (!dma_begin(r, &d, "e1000_read_full"))
		return;
	net_read(r, &d);
	dma_end(&d);
}

static void run_balloon(struct report *r)
{
	struct vtl1 v;
	struct dma d;

	if (!dma_begin(r, &d, "balloon_own"))
		return;
	balloon_row(r, &d, NULL);
	if (vtl1_begin(r, &v, "balloon_frozen")) {
		balloon_row(r, &d, &v);
		vtl1_end(&v);
	}
	dma_end(&d);
}

const struct attack dma_engine_attacks[] = {
	{ "dma_edu", run_edu },
	{ "dma_fw_cfg", run_fw_cfg },
	{ "dma_fw_cfg_request", run_fw_cfg_request },
	{ "dma_hpet", run_hpet },
	{ "dma_nvme", run_nvme },
	{ "dma_ahci", run_ahci },
	{ "dma_net", run_net },
	{ "dma_virtio", run_virtio },
	{ "dma_balloon", run_balloon },
	{},
};
