// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network card and virtio disks as hands. The card (82540EM; Intel 317453)
 * sends a frame to itself: what it receives goes where its descriptor says. The
 * disks (virtio 1.1, 4.1 and 5.2) answer a request for their id. One of them is
 * behind the IOMMU (VIRTIO_F_ACCESS_PLATFORM), the other, an emulator's
 * peculiarity, is not. A balloon (5.5) takes pages away, by their numbers.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "dma.h"

#define ANSWER_MS 200

enum { SEND_RING = 1, RECEIVE_RING, FRAME, RECEIVED, QUEUE = 1, REQUEST, STATUS };

static u8 *page_of(struct dma *d, unsigned int n)
{
	return d->own + n * PAGE_SIZE;
}

static u64 gpa_of(const struct dma *d, unsigned int n)
{
	return d->own_gpa + n * PAGE_SIZE;
}

/* ---- e1000 ---- */

#define E1000_CTRL    0x0000
#define E1000_MDIC    0x0020
#define E1000_IMC     0x00D8
#define E1000_RCTL    0x0100
#define E1000_TCTL    0x0400
#define E1000_RDBAL   0x2800
#define E1000_TDBAL   0x3800
#define RING_HIGH     0x04
#define RING_BYTES    0x08
#define RING_HEAD     0x10
#define RING_TAIL     0x18
#define RING_ENTRIES  8
#define MDIC_LOOPBACK (1u << 26 | 1u << 21 | 0x4000) /* write register 0 of PHY 1: loopback */
#define FRAME_BYTES   256
#define RECEIVE_MS    1200 /* QEMU's card is deaf for a second after RCTL was written */

static void ring(u8 __iomem *at, u64 gpa)
{
	writel((u32)gpa, at);
	writel(gpa >> 32, at + RING_HIGH);
	writel(RING_ENTRIES * 16, at + RING_BYTES);
	writel(0, at + RING_HEAD);
	writel(0, at + RING_TAIL);
}

static void card_start(struct dma *d, u8 __iomem *regs)
{
	static u64 set_up; /* for which rings */

	if (set_up != d->own_gpa) {
		writel(~0u, regs + E1000_IMC);
		writel(readl(regs + E1000_CTRL) | 0x40, regs + E1000_CTRL); /* link up */
		writel(MDIC_LOOPBACK, regs + E1000_MDIC);
		writel(0x1A, regs + E1000_RCTL); /* on, all addresses */
		writel(0x0A, regs + E1000_TCTL);
		wait_ms(RECEIVE_MS);
		set_up = d->own_gpa;
	}
	ring(regs + E1000_TDBAL, gpa_of(d, SEND_RING));
	ring(regs + E1000_RDBAL, gpa_of(d, RECEIVE_RING));
}

/* A frame from one place to another. */
static const char *card_copy(struct dma *d, u64 from, u64 to)
{
	struct pci_dev *dev = dma_device(0x8086, 0x100E, 0);
	u8 __iomem *regs = dev ? pci_iomap(dev, 0, 0) : NULL;
	__le64 *send = (void *)page_of(d, SEND_RING), *receive = (void *)page_of(d, RECEIVE_RING);

	if (!regs)
		return "none";
	memset(send, 0, PAGE_SIZE);
	memset(receive, 0, PAGE_SIZE);
	send[0] = cpu_to_le64(from);
	send[1] = cpu_to_le64(FRAME_BYTES | 0x0B000000); /* end of packet, checksum, report */
	receive[0] = cpu_to_le64(to);
	card_start(d, regs);
	writel(1, regs + E1000_RDBAL + RING_TAIL);
	writel(1, regs + E1000_TDBAL + RING_TAIL);
	WAIT_FOR(READ_ONCE(receive[1]), ANSWER_MS);
	pci_iounmap(dev, regs);
	pci_dev_put(dev);
	return receive[1] ? NULL : "silent";
}

static const char *card_write(struct dma *d, u64 gpa)
{
	memset(page_of(d, FRAME), DMA_NEW, PAGE_SIZE);
	return card_copy(d, gpa_of(d, FRAME), gpa);
}

/* What the card takes out of memory of ours and out of full pages. */
void net_read(struct report *r, struct dma *d)
{
	u8 *got = page_of(d, RECEIVED);
	const char *kept, *worst = "zeros";
	unsigned int i;

	memset(page_of(d, FRAME), 0x77, PAGE_SIZE);
	memset(got, 0, PAGE_SIZE);
	kept = card_copy(d, gpa_of(d, FRAME), gpa_of(d, RECEIVED));
	row(r, "e1000_read_own", got[0] == 0x77 ? "works" : kept ?: "silent", "%*ph", 8, got);
	for (i = 0; i < dma_full.n; i++) {
		memset(got, 0, PAGE_SIZE);
		card_copy(d, dma_full.gpa[i], gpa_of(d, RECEIVED));
		/* the card puts four bytes of checksum behind the frame */
		if (memchr_inv(got, 0, FRAME_BYTES))
			worst = "content";
	}
	row(r, "e1000_read_full", worst, "%u pages", i);
}

const struct engine net_engines[] = { { "e1000", card_write }, {} };

/* ---- virtio ---- */

#define BLK     0x1042
#define BALLOON 0x1045

#define COMMON_SELECT        0x00
#define COMMON_FEATURES      0x04
#define COMMON_DRIVER_SELECT 0x08
#define COMMON_DRIVER        0x0C
#define COMMON_STATUS        0x14
#define COMMON_QUEUE         0x16
#define COMMON_SIZE          0x18
#define COMMON_ENABLE        0x1C
#define COMMON_DESC          0x20
#define COMMON_AVAIL         0x28
#define COMMON_USED          0x30
#define PLATFORM             2u /* feature 33 */
#define QUEUE_ENTRIES        8
#define AVAIL                0x400
#define USED                 0x800
#define GET_ID               8
#define ID_BYTES             20

struct virtio {
	struct pci_dev *dev;
	u8 __iomem *common, *notify;
};

static u8 __iomem *map_part(struct pci_dev *dev, u8 type)
{
	u8 at, kind, bar;
	u32 offset;

	for (at = pci_find_capability(dev, PCI_CAP_ID_VNDR); at;
	     at = pci_find_next_capability(dev, at, PCI_CAP_ID_VNDR)) {
		pci_read_config_byte(dev, at + 3, &kind);
		pci_read_config_byte(dev, at + 4, &bar);
		pci_read_config_dword(dev, at + 8, &offset);
		if (kind == type)
			return ioremap(pci_resource_start(dev, bar) + offset, 0x1000);
	}
	return NULL;
}

static void virtio_close(struct virtio *v)
{
	if (v->common) {
		writeb(0, v->common + COMMON_STATUS);
		iounmap(v->common);
	}
	if (v->notify)
		iounmap(v->notify);
	pci_dev_put(v->dev);
}

/* The device that is, or is not, behind the IOMMU. */
static bool virtio_open(struct virtio *v, u16 id, bool platform)
{
	unsigned int n;

	for (n = 0; (v->dev = dma_device(0x1AF4, id, n)); n++) {
		v->common = map_part(v->dev, 1);
		v->notify = map_part(v->dev, 2);
		if (v->common && v->notify) {
			writel(1, v->common + COMMON_SELECT);
			if (!(readl(v->common + COMMON_FEATURES) & PLATFORM) == !platform)
				return true;
		}
		virtio_close(v);
	}
	return false;
}

static void put_desc(__le64 *desc, u64 gpa, u32 bytes, u16 flags, u16 next)
{
	desc[0] = cpu_to_le64(gpa);
	desc[1] = cpu_to_le64(bytes | (u64)flags << 32 | (u64)next << 48);
}

static void virtio_start(struct dma *d, struct virtio *v)
{
	writeb(0, v->common + COMMON_STATUS);
	writeb(3, v->common + COMMON_STATUS);
	writel(1, v->common + COMMON_SELECT);
	writel(0, v->common + COMMON_DRIVER_SELECT);
	writel(0, v->common + COMMON_DRIVER);
	writel(1, v->common + COMMON_DRIVER_SELECT);
	writel(readl(v->common + COMMON_FEATURES) & 3, v->common + COMMON_DRIVER);
	writeb(11, v->common + COMMON_STATUS);
	writew(0, v->common + COMMON_QUEUE);
	writew(QUEUE_ENTRIES, v->common + COMMON_SIZE);
	writel((u32)gpa_of(d, QUEUE), v->common + COMMON_DESC);
	writel(0, v->common + COMMON_DESC + 4);
	writel((u32)gpa_of(d, QUEUE) + AVAIL, v->common + COMMON_AVAIL);
	writel(0, v->common + COMMON_AVAIL + 4);
	writel((u32)gpa_of(d, QUEUE) + USED, v->common + COMMON_USED);
	writel(0, v->common + COMMON_USED + 4);
	writew(1, v->common + COMMON_ENABLE);
	writeb(15, v->common + COMMON_STATUS);
}

/* Hand the chain at descriptor 0 over. False: no answer. */
static bool virtio_ask(struct dma *d, struct virtio *v)
{
	u16 *avail = (void *)(page_of(d, QUEUE) + AVAIL), *used = (void *)(page_of(d, QUEUE) + USED);

	avail[0] = 1; /* no interrupts */
	avail[1] = 1;
	virtio_start(d, v);
	writew(0, v->notify);
	return WAIT_FOR(READ_ONCE(used[1]), ANSWER_MS);
}

static const char *virtio_id(struct dma *d, u64 gpa, bool platform)
{
	__le64 *desc = (void *)page_of(d, QUEUE);
	struct virtio v = {};
	bool answered;

	if (!virtio_open(&v, BLK, platform))
		return "none";
	memset(d->own, 0, EDUS * PAGE_SIZE);
	page_of(d, REQUEST)[0] = GET_ID;
	put_desc(&desc[0], gpa_of(d, REQUEST), 16, 1, 1);
	put_desc(&desc[2], gpa, ID_BYTES, 3, 2);
	put_desc(&desc[4], gpa_of(d, STATUS), 1, 2, 0);
	answered = virtio_ask(d, &v);
	virtio_close(&v);
	return answered ? NULL : "silent";
}

static const char *virtio_behind(struct dma *d, u64 gpa)
{
	return virtio_id(d, gpa, true);
}

static const char *virtio_beside(struct dma *d, u64 gpa)
{
	return virtio_id(d, gpa, false);
}

const struct engine virtio_engines[] = { { "virtio", virtio_behind }, { "virtio_bypass", virtio_beside }, {} };

/* ---- virtio-balloon ---- */

/* One page, which reads as zeros then. */
static const char *balloon_take(struct dma *d, u64 gpa)
{
	struct virtio v = {};
	bool answered;

	if (!virtio_open(&v, BALLOON, true))
		return "none";
	memset(d->own, 0, EDUS * PAGE_SIZE);
	*(__le32 *)page_of(d, REQUEST) = cpu_to_le32(gpa >> PAGE_SHIFT);
	put_desc((void *)page_of(d, QUEUE), gpa_of(d, REQUEST), 4, 0, 0);
	answered = virtio_ask(d, &v);
	virtio_close(&v);
	return answered ? NULL : "silent";
}

void balloon_row(struct report *r, struct dma *d, const struct vtl1 *v)
{
	const char *name = v ? "balloon_frozen" : "balloon_own";
	u8 *page = dma_page(0x11);
	const char *outcome;

	if (!page || (v && dma_freeze(v, virt_to_phys(page)) != OVBS_OK)) {
		row(r, name, "norun", "no page, or it can't be frozen");
		return;
	}
	outcome = balloon_take(d, virt_to_phys(page));
	if (!outcome)
		outcome = READ_ONCE(page[0]) == 0x11 ? "kept" : v ? "written" : "works";
	row(r, name, outcome, "%*ph", 8, page);
}
