// SPDX-License-Identifier: GPL-2.0-only
/*
 * See fwcfg.h. QEMU, docs/specs/fw_cfg: selector, data, the DMA address in two
 * halves, all big endian; the transfer is over when the second half is written.
 *
 * Rights are looked at, and the transfer is started, under the lock under which
 * they change: a page that is taken away is either still VTL0's for the whole
 * transfer, or not touched.
 */
#include "core/fwcfg.h"

#include <ovbs_errno.h>

#include "arch/contract.h"
#include "arch/x86/host.h"
#include "core/log.h"
#include "core/vtl.h"
#include "mm/pool.h"
#include "mm/slat.h"

#define PORT_SELECTOR  0x510
#define PORT_DATA      0x511
#define PORT_DMA_HIGH  0x514
#define PORT_DMA_LOW   0x518
#define PORT_DMA_END   0x51C
#define KEY_SIGNATURE  0
#define KEY_ID         1
#define ID_DMA         (1u << 1)
#define SIGNATURE_TEXT 0x554D4551u /* "QEMU" */

#define LENGTH_MAX (64u << 20) /* a transfer holds a lock */

#define CONTROL_ERROR 1u
#define CONTROL_READ  2u  /* to memory */
#define CONTROL_WRITE 16u /* from memory */

struct dma_access {
	uint32_t control, length;
	uint64_t address;
};

static struct dma_access *copy; /* a page of the block: the device reads it there, VTL0 can't */
static uint32_t high;
static struct lock fwcfg_lock;

static uint32_t read_key(uint16_t key)
{
	uint32_t value = 0;

	port_out(PORT_SELECTOR, 2, key);
	for (unsigned int i = 0; i < 4; i++)
		value |= port_in(PORT_DATA, 1) << 8 * i;
	return value;
}

/* Asked for only below a hypervisor: on a real machine these ports may be anything. */
int fwcfg_prepare(void)
{
	if (!cpu_below_hypervisor() || read_key(KEY_SIGNATURE) != SIGNATURE_TEXT ||
	    !(read_key(KEY_ID) & ID_DMA))
		return 0;
	copy = pool_pages(1);
	if (!copy)
		return -ENOMEM;
	arch_trap_port(PORT_DMA_HIGH, PORT_DMA_END - PORT_DMA_HIGH, true);
	hv_log("fw_cfg with DMA: its requests are checked");
	return 0;
}

bool fwcfg_port_owns(uint16_t port, unsigned int size)
{
	return copy && port < PORT_DMA_END && port + size > PORT_DMA_HIGH;
}

uint32_t fwcfg_port_read(uint16_t port, unsigned int size)
{
	return port_in(port, size);
}

/* May VTL0 itself do that to all of these pages? The caller holds vtl0_slat's lock. */
static bool reachable(uint64_t address, uint32_t length, unsigned int rights)
{
	if (length > LENGTH_MAX || !vtl0_ram(address, length) || block_has(address, length))
		return false;
	for (uint64_t page = address & PAGE_MASK; page < address + length; page += PAGE_SIZE)
		if ((slat_rights(&vtl0_slat, gpa(page)) & rights) != rights)
			return false;
	return true;
}

static void start(void)
{
	uint64_t at = shared_spa(copy).v;

	port_out(PORT_DMA_HIGH, 4, __builtin_bswap32((uint32_t)(at >> 32)));
	port_out(PORT_DMA_LOW, 4, __builtin_bswap32((uint32_t)at));
}

/* Decide, then do: *@asked is a copy that VTL0 can't change. Return: what VTL0 finds as control. */
static uint32_t transfer(const struct dma_access *asked)
{
	uint32_t control = __builtin_bswap32(asked->control), length = __builtin_bswap32(asked->length);
	uint64_t address = __builtin_bswap64(asked->address);
	unsigned int rights =
		(control & CONTROL_READ ? SLAT_W : 0) | (control & CONTROL_WRITE ? SLAT_R : 0);
	uint32_t result = __builtin_bswap32(CONTROL_ERROR);

	lock_take(&vtl0_slat.lock);
	if (!rights || !length || reachable(address, length, rights)) {
		*copy = *asked;
		start();
		result = *(volatile uint32_t *)&copy->control;
	} else {
		hv_log_denied("fw_cfg DMA of %x bytes at %llx refused", length, (unsigned long long)address);
	}
	lock_release(&vtl0_slat.lock);
	return result;
}

/* It may lie across two pages. */
static bool read_request(struct vcpu *v, uint64_t at, struct dma_access *asked)
{
	uint64_t first = PAGE_SIZE - (at & ~PAGE_MASK);

	if (first > sizeof(*asked))
		first = sizeof(*asked);
	return vtl0_ram(at, sizeof(*asked)) && !host_read_guest(v, at, asked, first) &&
	       (first == sizeof(*asked) ||
		!host_read_guest(v, at + first, (char *)asked + first, sizeof(*asked) - first));
}

void fwcfg_port_write(struct vcpu *v, uint16_t port, unsigned int size, uint32_t value)
{
	struct dma_access asked;
	uint32_t control;
	uint64_t at;

	if (size != 4 || (port != PORT_DMA_HIGH && port != PORT_DMA_LOW)) {
		hv_log_denied("fw_cfg DMA address written in pieces (%x, %u bytes): dropped", port, size);
		return;
	}
	lock_take(&fwcfg_lock);
	if (port == PORT_DMA_HIGH) {
		high = value;
		lock_release(&fwcfg_lock);
		return;
	}
	at = (uint64_t)__builtin_bswap32(high) << 32 | __builtin_bswap32(value);
	high = 0;
	if (!read_request(v, at, &asked)) {
		hv_log_denied("fw_cfg DMA request at %llx: not in RAM", (unsigned long long)at);
	} else {
		control = transfer(&asked);
		if (host_write_guest(v, at, &control, sizeof(control)))
			hv_log_denied("fw_cfg DMA request at %llx: VTL0 may not write there",
				      (unsigned long long)at);
	}
	lock_release(&fwcfg_lock);
}
