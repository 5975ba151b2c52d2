// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA by QEMU's edu device (1234:11E8; QEMU's docs/specs/edu): a transfer
 * between its buffer of 4 KiB and any address, which takes 100 ms; several
 * devices work side by side. Where there is no hidden memory, pages of our own
 * stand for it: the control.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma.h"

#define EDU_SOURCE      0x80
#define EDU_DESTINATION 0x88
#define EDU_COUNT       0x90
#define EDU_COMMAND     0x98
#define EDU_BUFFER      0x40000
#define EDU_RUN         1u
#define EDU_TO_MEMORY   2u
#define EDU_MS          1000 /* more than a transfer ever takes */

#define STAND_IN_ORDER 9 /* 2 MiB */
#define STAND_IN_BYTES (PAGE_SIZE << STAND_IN_ORDER)

struct dma_targets dma_empty, dma_full;
u64 dma_unit, dma_unit_bytes;
bool dma_unit_amd;

static struct page *stand_in;

static bool set_targets(struct dma_targets *t, const char *text)
{
	int n = sscanf(text, "%llx %llx %llx %llx", &t->gpa[0], &t->gpa[1], &t->gpa[2], &t->gpa[3]);

	t->n = n > 0 ? n : 0;
	return true;
}

bool dma_set(const char *command)
{
	if (!strncmp(command, "dma_empty ", 10))
		return set_targets(&dma_empty, command + 10);
	if (!strncmp(command, "dma_full ", 9))
		return set_targets(&dma_full, command + 9);
	if (strcmp(command, "dma_unit amd") && strcmp(command, "dma_unit intel"))
		return false;
	/* Where QEMU's Q35 has them. */
	dma_unit_amd = command[9] == 'a';
	dma_unit = dma_unit_amd ? 0xFED80000 : 0xFED90000;
	dma_unit_bytes = dma_unit_amd ? 0x4000 : 0x1000;
	return true;
}

/* ---- devices ---- */

static void switch_on(struct pci_dev *dev)
{
	u16 command;

	if (pci_enable_device(dev))
		return;
	pci_read_config_word(dev, PCI_COMMAND, &command);
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
	pci_write_config_word(dev, PCI_COMMAND, command);
}

struct pci_dev *dma_device(u32 vendor, u32 device, unsigned int n)
{
	struct pci_dev *dev = NULL;

	do {
		dev = pci_get_device(vendor, device, dev);
	} while (dev && n--);
	if (dev)
		switch_on(dev);
	return dev;
}

struct pci_dev *dma_class(u32 class)
{
	struct pci_dev *dev = pci_get_class(class, NULL);

	if (dev)
		switch_on(dev);
	return dev;
}

static const char *place_of(struct pci_dev *dev)
{
	if (pci_is_root_bus(dev->bus))
		return "root";
	return pci_pcie_type(dev->bus->self) == PCI_EXP_TYPE_ROOT_PORT ? "hotplug" : "bridge";
}

static void add_edu(struct dma *d, struct pci_dev *dev, bool root)
{
	struct edu *e = &d->edu[d->edus];

	e->dev = dev;
	e->place = place_of(dev);
	e->regs = !strcmp(e->place, "root") == root ? pci_iomap(dev, 0, 0) : NULL;
	if (e->regs)
		d->edus++;
	else
		pci_dev_put(dev);
}

/* Those on the root bus first: they work side by side. */
static void find_edus(struct dma *d)
{
	unsigned int pass, n;
	struct pci_dev *dev;

	for (pass = 0; pass < 2; pass++)
		for (n = 0; d->edus < EDUS && (dev = dma_device(0x1234, 0x11E8, n)); n++)
			add_edu(d, dev, !pass);
}

u8 *dma_page(u8 byte)
{
	u8 *page = (void *)__get_free_page(GFP_KERNEL | GFP_DMA32);

	if (page)
		memset(page, byte, PAGE_SIZE);
	return page;
}

/* The second half is empty, the first is not. */
static bool find_range(struct dma *d)
{
	struct block b;

	if (block_find(&b)) {
		d->start = b.start;
		d->end = b.end;
		return true;
	}
	if (!stand_in) {
		stand_in = alloc_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO, STAND_IN_ORDER);
		if (!stand_in)
			return false;
		memset(page_address(stand_in), 0x3C, STAND_IN_BYTES / 2);
	}
	d->start = page_to_phys(stand_in);
	d->end = d->start + STAND_IN_BYTES;
	return true;
}

void dma_free(void)
{
	if (stand_in)
		__free_pages(stand_in, STAND_IN_ORDER);
}

bool dma_begin(struct report *r, struct dma *d, const char *name)
{
	memset(d, 0, sizeof(*d));
	d->own = (void *)__get_free_pages(GFP_KERNEL | GFP_DMA32, get_order(EDUS * PAGE_SIZE));
	if (d->own && find_range(d))
		find_edus(d);
	if (d->edus) {
		d->own_gpa = virt_to_phys(d->own);
		return true;
	}
	row(r, name, "none", "no edu device, or no memory");
	dma_end(d);
	return false;
}

void dma_end(struct dma *d)
{
	size_t i;

	for (i = 0; i < d->edus; i++) {
		pci_iounmap(d->edu[i].dev, d->edu[i].regs);
		pci_dev_put(d->edu[i].dev);
	}
	free_pages((unsigned long)d->own, get_order(EDUS * PAGE_SIZE));
}

/* ---- transfers ---- */

static void start(struct edu *e, u64 from, u64 to, u32 bytes, u32 command)
{
	writeq(from, e->regs + EDU_SOURCE);
	writeq(to, e->regs + EDU_DESTINATION);
	writeq(bytes, e->regs + EDU_COUNT);
	writeq(command | EDU_RUN, e->regs + EDU_COMMAND);
}

void edu_fetch(struct edu *e, u64 gpa, u32 bytes)
{
	start(e, gpa, EDU_BUFFER, bytes, 0);
}

void edu_store(struct edu *e, u64 gpa, u32 bytes)
{
	start(e, EDU_BUFFER, gpa, bytes, EDU_TO_MEMORY);
}

bool edu_done(struct edu *e)
{
	return !(readl(e->regs + EDU_COMMAND) & EDU_RUN);
}

static bool wait_edu(struct edu *e)
{
	return WAIT_FOR(edu_done(e), EDU_MS);
}

bool edu_fill(struct dma *d, struct edu *e, u8 byte)
{
	memset(d->own, byte, PAGE_SIZE);
	edu_fetch(e, d->own_gpa, PAGE_SIZE);
	return wait_edu(e);
}

bool edu_write(struct dma *d, struct edu *e, u64 gpa, u8 byte)
{
	if (!edu_fill(d, e, byte))
		return false;
	edu_store(e, gpa, PAGE_SIZE);
	return wait_edu(e);
}

static void count(struct dma_seen *seen, const u8 *page, u64 gpa)
{
	if (!memchr_inv(page, 0, PAGE_SIZE))
		seen->zeros++;
	else if (!memchr_inv(page, DMA_OLD, PAGE_SIZE))
		seen->unchanged++;
	else if (!seen->content++)
		seen->first = gpa;
}

/* Three steps for @n devices at once: a known content, the read, and a look at what came. */
static bool read_some(struct dma *d, struct edu *e, const u64 *gpa, size_t n)
{
	unsigned int step;
	bool good = true;
	size_t i;

	memset(d->own, DMA_OLD, EDUS * PAGE_SIZE);
	for (step = 0; step < 3; step++) {
		for (i = 0; i < n; i++) {
			if (step < 2)
				edu_fetch(&e[i], step ? gpa[i] : d->own_gpa, PAGE_SIZE);
			else
				edu_store(&e[i], d->own_gpa + i * PAGE_SIZE, PAGE_SIZE);
		}
		for (i = 0; i < n; i++)
			good &= wait_edu(&e[i]);
		/* so that a store that does not come is not taken for an unchanged buffer */
		if (step == 1)
			memset(d->own, DMA_NEW, EDUS * PAGE_SIZE);
	}
	for (i = 0; i < n; i++)
		good &= !!memchr_inv(d->own + i * PAGE_SIZE, DMA_NEW, PAGE_SIZE);
	return good;
}

void edu_read(struct dma *d, struct edu *e, size_t edus, const u64 *gpa, size_t n, struct dma_seen *seen)
{
	size_t at, some, i;

	for (at = 0; at < n; at += some) {
		some = min(edus, n - at);
		if (!read_some(d, e, gpa + at, some)) {
			seen->silent += some;
			continue;
		}
		for (i = 0; i < some; i++)
			count(seen, d->own + i * PAGE_SIZE, gpa[at + i]);
	}
}

void dma_seen_row(struct report *r, const char *name, const struct dma_seen *seen)
{
	const char *outcome = seen->content   ? "content" :
			      seen->silent    ? "silent" :
			      seen->unchanged ? "unchanged" :
						"zeros";

	row(r, name, outcome, "%u zeros, %u unchanged, %u content (first %llx), %u silent",
	    seen->zeros, seen->unchanged, seen->content, seen->first, seen->silent);
}

void dma_still(struct report *r, struct dma *d, const char *name)
{
	struct dma_seen seen = {};

	if (!dma_full.n) {
		row(r, name, "norun", "no pages were told");
		return;
	}
	edu_read(d, d->edu, 1, dma_full.gpa, 1, &seen);
	dma_seen_row(r, name, &seen);
}

u32 dma_freeze(const struct vtl1 *v, u64 gpa)
{
	vtl1_message(v->page, OVBS_MSG_PROTECT, 0, 0, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0));
	v->page->msg.param[0] = (struct ovbs_param){ gpa, 1 };
	return vtl1_send(v->page);
}
