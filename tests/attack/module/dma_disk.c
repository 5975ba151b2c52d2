// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disk controllers as hands: NVMe (NVM Express 1.4: IDENTIFY's answer, and the
 * completion queue itself) and AHCI (1.3.1: IDENTIFY DEVICE's answer, and the
 * area where the port puts its frames). No driver of Linux has them; each write
 * begins with a reset, so that what failed before does not count.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "dma.h"

#define ANSWER_MS 300

/* Which page of ours has what. */
enum { SUBMIT = 1, COMPLETE, ANSWER, COMMANDS = 1, FRAMES, TABLE, SECTOR };

static u64 page_at(const struct dma *d, unsigned int n)
{
	return d->own_gpa + n * PAGE_SIZE;
}

/* ---- NVMe ---- */

#define NVME_MASK  0x0C
#define NVME_CC    0x14
#define NVME_CSTS  0x1C
#define NVME_AQA   0x24
#define NVME_ASQ   0x28
#define NVME_ACQ   0x30
#define NVME_DOOR  0x1000
#define NVME_ON    0x00460001u /* entries of 64 and 16 bytes, enable */
#define NVME_CLASS 0x010802

struct nvme_command {
	__le32 opcode, nsid;
	__le64 unused[2], prp1, prp2;
	__le32 what, more[5];
};

static bool nvme_switch(u8 __iomem *regs, u32 cc)
{
	writel(cc, regs + NVME_CC);
	return WAIT_FOR((readl(regs + NVME_CSTS) & 1) == (cc & 1), ANSWER_MS);
}

static const char *nvme_identify(struct dma *d, u64 completions, u64 to)
{
	struct nvme_command *c = (void *)(d->own + SUBMIT * PAGE_SIZE);
	struct pci_dev *dev = dma_class(NVME_CLASS);
	u8 __iomem *regs = dev ? pci_iomap(dev, 0, 0x2000) : NULL;
	const char *kept = NULL;

	if (!regs)
		return "none";
	memset(d->own, 0, EDUS * PAGE_SIZE);
	c->opcode = cpu_to_le32(6);
	c->prp1 = cpu_to_le64(to);
	c->what = cpu_to_le32(1); /* the controller */
	nvme_switch(regs, 0);
	writel(~0u, regs + NVME_MASK);
	writel(1u << 16 | 1, regs + NVME_AQA);
	writeq(page_at(d, SUBMIT), regs + NVME_ASQ);
	writeq(completions, regs + NVME_ACQ);
	if (nvme_switch(regs, NVME_ON)) {
		writel(1, regs + NVME_DOOR);
		wait_ms(ANSWER_MS / 3);
	} else {
		kept = "refused";
	}
	nvme_switch(regs, 0);
	pci_iounmap(dev, regs);
	pci_dev_put(dev);
	return kept;
}

static const char *nvme_data(struct dma *d, u64 gpa)
{
	return nvme_identify(d, page_at(d, COMPLETE), gpa);
}

static const char *nvme_queue(struct dma *d, u64 gpa)
{
	return nvme_identify(d, gpa, page_at(d, ANSWER));
}

const struct engine nvme_engines[] = { { "nvme", nvme_data }, { "nvme_queue", nvme_queue }, {} };

/* ---- AHCI ---- */

#define AHCI_CLASS   0x010601
#define AHCI_GHC     0x04
#define AHCI_PORTS   0x0C
#define AHCI_PORT(n) (0x100 + 0x80 * (n))
#define PORT_CLB     0x00
#define PORT_FB      0x08
#define PORT_IS      0x10
#define PORT_IE      0x14
#define PORT_CMD     0x18
#define PORT_SSTS    0x28
#define PORT_SERR    0x30
#define PORT_CI      0x38
#define CMD_ST       1u
#define CMD_FRE      0x10u
#define CMD_FR       0x4000u
#define CMD_CR       0x8000u

static u8 __iomem *ahci_port(u8 __iomem *abar)
{
	unsigned int n;

	writel(1u << 31, abar + AHCI_GHC);
	for (n = 0; n < 32; n++)
		if (readl(abar + AHCI_PORTS) & 1u << n && (readl(abar + AHCI_PORT(n) + PORT_SSTS) & 15) == 3)
			return abar + AHCI_PORT(n);
	return NULL;
}

static void write_address(u64 address, u8 __iomem *at)
{
	writel((u32)address, at);
	writel(address >> 32, at + 4);
}

static void ahci_stop(u8 __iomem *port)
{
	writel(readl(port + PORT_CMD) & ~CMD_ST, port + PORT_CMD);
	WAIT_FOR(!(readl(port + PORT_CMD) & CMD_CR), ANSWER_MS);
	writel(readl(port + PORT_CMD) & ~CMD_FRE, port + PORT_CMD);
	WAIT_FOR(!(readl(port + PORT_CMD) & CMD_FR), ANSWER_MS);
}

static void ahci_command(struct dma *d, u64 to)
{
	__le32 *header = (void *)(d->own + COMMANDS * PAGE_SIZE);
	u8 *table = d->own + TABLE * PAGE_SIZE;
	__le32 *region = (void *)(table + 0x80);

	memset(d->own, 0, EDUS * PAGE_SIZE);
	header[0] = cpu_to_le32(1u << 16 | 5); /* one region, a frame of 5 words */
	header[2] = cpu_to_le32((u32)page_at(d, TABLE));
	table[0] = 0x27; /* host to device */
	table[1] = 0x80;
	table[2] = 0xEC; /* IDENTIFY DEVICE */
	region[0] = cpu_to_le32((u32)to);
	region[1] = cpu_to_le32(to >> 32);
	region[3] = cpu_to_le32(511);
}

static const char *ahci_run(struct dma *d, u8 __iomem *port, u64 frames, u64 to)
{
	const char *kept = NULL;

	ahci_stop(port);
	ahci_command(d, to);
	write_address(page_at(d, COMMANDS), port + PORT_CLB);
	write_address(frames, port + PORT_FB);
	writel(0, port + PORT_IE);
	writel(~0u, port + PORT_SERR);
	writel(~0u, port + PORT_IS);
	writel(readl(port + PORT_CMD) | CMD_FRE, port + PORT_CMD);
	writel(readl(port + PORT_CMD) | CMD_ST, port + PORT_CMD);
	writel(1, port + PORT_CI);
	if (!WAIT_FOR(!(readl(port + PORT_CI) & 1), ANSWER_MS))
		kept = "silent";
	ahci_stop(port);
	return kept;
}

static const char *ahci_identify(struct dma *d, u64 frames, u64 to)
{
	struct pci_dev *dev = dma_class(AHCI_CLASS);
	u8 __iomem *abar = dev ? pci_iomap(dev, 5, 0) : NULL;
	u8 __iomem *port = abar ? ahci_port(abar) : NULL;
	const char *kept = port ? ahci_run(d, port, frames, to) : "none";

	if (abar)
		pci_iounmap(dev, abar);
	pci_dev_put(dev);
	return kept;
}

static const char *ahci_data(struct dma *d, u64 gpa)
{
	return ahci_identify(d, page_at(d, FRAMES), gpa);
}

static const char *ahci_frames(struct dma *d, u64 gpa)
{
	return ahci_identify(d, gpa, page_at(d, SECTOR));
}

const struct engine ahci_engines[] = { { "ahci", ahci_data }, { "ahci_frames", ahci_frames }, {} };
