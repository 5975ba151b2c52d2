// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD IOMMU 3.08: one device table of 65,536 entries, for all units and
 * segments, each entry leading to the DMA map. So no device is left out,
 * hot-added or behind a bridge; an entry that is not valid would let its device
 * pass (2.2.2). ATS is refused (I = 0), and so is everything in the system
 * management and port I/O ranges that these entries don't allow.
 *
 * Interrupts pass unmapped (IV = 0): VTL0 owns them. IV = 1 with IntCtl = 01b and
 * INITPass = 0 would let a device send no INIT (2.2.2, 2.2.5), but QEMU drops all
 * messages then, or garbles them with intremap=on, and real CPUs intercept INIT
 * and NMI anyway (docs/threat-model.md, "Interrupts as INIT").
 *
 * Commands run only once the unit is enabled, so: tables, enable, invalidate,
 * wait. The wait's store goes to a page of the block, as do event log and
 * commands; interrupts of the unit stay off, its MSI registers are never used.
 */
#include "iommu/unit.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "core/cpu.h"
#include "core/log.h"
#include "mm/pool.h"

/* Registers (3.4). */
#define REG_DEVICES      0x0000
#define REG_COMMANDS     0x0008
#define REG_EVENTS       0x0010
#define REG_CONTROL      0x0018
#define REG_EXCLUSION    0x0020
#define REG_LIMIT        0x0028
#define REG_FEATURES     0x0030
#define REG_COMMAND_HEAD 0x2000
#define REG_COMMAND_TAIL 0x2008
#define REG_EVENT_HEAD   0x2010
#define REG_EVENT_TAIL   0x2018
#define REG_STATUS       0x2020
#define REGS_BYTES       0x4000u
#define REGS_COUNTERS    0x80000u /* with performance counters */

#define FEATURE_INVALIDATE_ALL (1ULL << 6)
#define FEATURE_COUNTERS       (1ULL << 9)
#define FEATURE_LEVELS(efr)    ((unsigned int)((efr) >> 10 & 3)) /* 0: 4, 1: 5, 2: 6 */

#define CONTROL_ENABLE   (1ULL << 0)
#define CONTROL_EVENTS   (1ULL << 2)
#define CONTROL_COHERENT (1ULL << 10) /* reads of the device table snoop */
#define CONTROL_COMMANDS (1ULL << 12)
/*
 * What firmware knows better: HyperTransport tunnel, time limit of IOTLB
 * invalidations, ordering, isochronous, SMI filter. All else is off: interrupts,
 * PPR, guest tables and vAPIC, split device tables (DevTblSegEn), MARC, x2APIC.
 */
#define CONTROL_KEEP                                                                               \
	(1ULL << 1 | 7ULL << 5 | 1ULL << 8 | 1ULL << 9 | 1ULL << 11 | 1ULL << 22 | 1ULL << 23 | 1ULL << 24)

#define STATUS_OVERFLOW (1u << 0)
#define STATUS_EVENTS   (1u << 3)
#define STATUS_COMMANDS (1u << 4)
#define STATUS_RUNNING  (STATUS_EVENTS | STATUS_COMMANDS)

#define BASE_ADDRESS 0x000FFFFFFFFFF000ULL
#define RING_256     (8ULL << 56) /* 2^8 entries of 16 bytes */
#define RING_ENTRIES 256u

#define DEVICES       65536u
#define DEVICE_BYTES  32u
#define DEVICE_PAGES  (DEVICES * DEVICE_BYTES / PAGE_SIZE)
#define DEVICES_SIZE  (DEVICE_PAGES - 1) /* bits 8:0 of the base register */
#define DTE_V         (1ULL << 0)
#define DTE_TV        (1ULL << 1)
#define DTE_MODE(n)   ((uint64_t)(n) << 9)
#define DTE_IR        (1ULL << 61)
#define DTE_IW        (1ULL << 62)
#define DTE_SYSMGT_01 (1ULL << 40) /* bits 105:104 */
#define FCH_SLOT      0x14u

#define COMMAND(code)     ((uint64_t)(code) << 60)
#define COMPLETION_WAIT   COMMAND(1)
#define INVALIDATE_DEVICE COMMAND(2)
#define INVALIDATE_PAGES  COMMAND(3)
#define INVALIDATE_ALL    COMMAND(8)
#define WAIT_STORE        1ULL
#define ALL_PAGES_AND_TABLES                                                                       \
	0x7FFFFFFFFFFFF003ULL /* S, PDE, and an address that means all (2.4.3) */
#define BATCH 128u            /* commands before a wait: the ring is never full */

#define EVENT_PAGE_FAULT 2u
#define EVENT_FLAG_RW    (1ULL << 53)

static int wait_status(const struct iommu_unit *u, uint32_t mask, uint32_t value)
{
	for (unsigned int i = 0; i < UNIT_SPINS; i++) {
		if ((unit_read32(u, REG_STATUS) & mask) == value)
			return 0;
		cpu_relax();
	}
	return -ETIMEDOUT;
}

static void put_command(struct iommu_unit *u, uint64_t low, uint64_t high)
{
	uint64_t *c = &u->amd.commands[2 * u->amd.tail];

	c[0] = low;
	c[1] = high;
	dma_write_back(c, 16);
	u->amd.tail = (u->amd.tail + 1) % RING_ENTRIES;
	u->amd.pending++;
}

/* Let the unit run what is in the ring, and wait for the end of it (2.4.1). */
static int run_commands(struct iommu_unit *u)
{
	struct amd_unit *a = &u->amd;

	a->waits++;
	put_command(u, COMPLETION_WAIT | WAIT_STORE | shared_spa((const void *)a->done).v, a->waits);
	a->pending = 0;
	unit_write64(u, REG_COMMAND_TAIL, a->tail * 16);
	for (unsigned int i = 0; i < UNIT_SPINS; i++) {
		if (*a->done == a->waits) {
			asm volatile("mfence" : : : "memory");
			return 0;
		}
		/* Bounds the time by reads of a register, as elsewhere. */
		if (unit_read32(u, REG_STATUS) == ~0u)
			return -ENODEV;
		cpu_relax();
	}
	return -ETIMEDOUT;
}

static int submit(struct iommu_unit *u, uint64_t low, uint64_t high)
{
	put_command(u, low, high);
	return u->amd.pending < BATCH ? 0 : run_commands(u);
}

static int amd_flush(struct iommu_unit *u)
{
	int err = submit(u, INVALIDATE_PAGES | (uint64_t)UNIT_DOMAIN << 32, ALL_PAGES_AND_TABLES);

	return err ? err : run_commands(u);
}

/* Device table entries too: only where the table itself changes. */
static int flush_devices(struct iommu_unit *u)
{
	int err = 0;

	if (u->amd.features & FEATURE_INVALIDATE_ALL) {
		err = submit(u, INVALIDATE_ALL, 0);
		return err ? err : run_commands(u);
	}
	for (uint64_t id = 0; id < DEVICES && !err; id++)
		err = submit(u, INVALIDATE_DEVICE | id, 0);
	return err ? err : amd_flush(u);
}

static int amd_probe(struct iommu_unit *u, const char **why)
{
	uint64_t control;
	uint32_t size;

	*why = "no room to map the IOMMUs' registers";
	if (unit_map(u, REGS_BYTES))
		return -ENOMEM;
	u->amd.features = unit_read64(u, REG_FEATURES);
	control = unit_read64(u, REG_CONTROL);
	*why = "the registers of an AMD IOMMU don't answer";
	if (u->amd.features == ~0ULL || control == ~0ULL || unit_read32(u, REG_STATUS) == ~0u)
		return -ENODEV;
	/* Without the extended features register (it reads 0 then) at least 4 levels (2.2.3). */
	u->levels = 0x18;
	if (FEATURE_LEVELS(u->amd.features) == 1)
		u->levels |= 0x20;
	if (FEATURE_LEVELS(u->amd.features) == 2)
		u->levels |= 0x60;
	u->leaf_levels = 0xE;
	u->address_bits = 52;
	size = u->amd.features & FEATURE_COUNTERS ? REGS_COUNTERS : REGS_BYTES;
	u->size = u->desc.size > size ? u->desc.size : size;
	return 0;
}

static uint64_t *make_device_table(const struct dma_map *map)
{
	uint64_t *t = pool_pages(DEVICE_PAGES);

	if (!t)
		return NULL;
	for (unsigned int id = 0; id < DEVICES; id++) {
		t[4 * id] = DTE_V | DTE_TV | DTE_MODE(map->levels) | map->root_spa.v | DTE_IR | DTE_IW;
		t[4 * id + 1] = UNIT_DOMAIN;
		/* The chipset's function on bus 0 sends system management messages, as its IVHD entry says; no device else. */
		if (id >> 3 == FCH_SLOT)
			t[4 * id + 1] |= DTE_SYSMGT_01;
	}
	dma_write_back(t, DEVICES * DEVICE_BYTES);
	return t;
}

static int amd_prepare(struct iommu_unit *u, const struct dma_map *map,
		       const struct iommu_unit *first, const char **why)
{
	struct amd_unit *a = &u->amd;

	*why = "not enough memory for the DMA tables";
	u->top = first ? first->top : make_device_table(map);
	a->commands = pool_pages(1);
	a->events = pool_pages(1);
	a->done = pool_pages(1);
	return u->top && a->commands && a->events && a->done ? 0 : -ENOMEM;
}

static void save(struct iommu_unit *u)
{
	struct amd_unit *a = &u->amd;

	a->old_control = unit_read64(u, REG_CONTROL);
	a->old_devices = unit_read64(u, REG_DEVICES);
	a->old_commands = unit_read64(u, REG_COMMANDS);
	a->old_events = unit_read64(u, REG_EVENTS);
	a->old_exclusion = unit_read64(u, REG_EXCLUSION);
	a->old_limit = unit_read64(u, REG_LIMIT);
	a->old_command_head = unit_read64(u, REG_COMMAND_HEAD);
	a->old_command_tail = unit_read64(u, REG_COMMAND_TAIL);
	a->old_event_head = unit_read64(u, REG_EVENT_HEAD);
}

static uint64_t control_value(const struct iommu_unit *u)
{
	return (u->amd.old_control & CONTROL_KEEP) | CONTROL_COHERENT;
}

/* Buffers may move only while they are off (3.4, their base registers); head and tail begin at 0. */
static void set_buffers(struct iommu_unit *u)
{
	struct amd_unit *a = &u->amd;

	a->tail = 0;
	a->pending = 0;
	a->event_head = 0;
	unit_write64(u, REG_COMMANDS, shared_spa(a->commands).v | RING_256);
	unit_write64(u, REG_COMMAND_HEAD, 0);
	unit_write64(u, REG_COMMAND_TAIL, 0);
	unit_write64(u, REG_EVENTS, shared_spa(a->events).v | RING_256);
	unit_write64(u, REG_EVENT_HEAD, 0);
	unit_write64(u, REG_EVENT_TAIL, 0);
}

static int amd_enable(struct iommu_unit *u, const char **why)
{
	uint64_t table = shared_spa(u->top).v | DEVICES_SIZE, on;
	int err;

	save(u);
	on = control_value(u);
	/* A unit that translates goes on with that, by firmware's table until the next write. */
	unit_write64(u, REG_CONTROL, on | (u->amd.old_control & CONTROL_ENABLE));
	*why = "an AMD IOMMU does not stop its buffers";
	err = wait_status(u, STATUS_RUNNING, 0);
	if (err)
		return err;
	unit_write64(u, REG_EXCLUSION, 0);
	unit_write64(u, REG_LIMIT, 0);
	unit_write64(u, REG_DEVICES, table);
	set_buffers(u);
	*why = "the registers of an AMD IOMMU don't keep what is written";
	if (unit_read64(u, REG_DEVICES) != table ||
	    (unit_read64(u, REG_COMMANDS) & BASE_ADDRESS) != shared_spa(u->amd.commands).v)
		return -ENODEV;
	on |= CONTROL_ENABLE | CONTROL_COMMANDS | CONTROL_EVENTS;
	unit_write64(u, REG_CONTROL, on);
	*why = "an AMD IOMMU does not begin to translate";
	if ((unit_read64(u, REG_CONTROL) & on) != on)
		return -ENODEV;
	*why = "an AMD IOMMU does not run its commands";
	return flush_devices(u);
}

static void amd_disable(struct iommu_unit *u)
{
	const struct amd_unit *a = &u->amd;
	uint64_t enabled = a->old_control & CONTROL_ENABLE;
	int err = 0;

	/* Back to firmware's table: while our commands still run, let it forget ours. */
	if (enabled) {
		unit_write64(u, REG_DEVICES, a->old_devices);
		if (unit_read32(u, REG_STATUS) & STATUS_COMMANDS)
			err = flush_devices(u);
	}
	unit_write64(u, REG_CONTROL, control_value(u) | enabled);
	err |= wait_status(u, STATUS_RUNNING, 0);
	if (!enabled) /* not before it is off: it would take what is there for a device table */
		unit_write64(u, REG_DEVICES, a->old_devices);
	unit_write64(u, REG_EXCLUSION, a->old_exclusion);
	unit_write64(u, REG_LIMIT, a->old_limit);
	unit_write64(u, REG_COMMANDS, a->old_commands);
	unit_write64(u, REG_COMMAND_HEAD, a->old_command_head);
	unit_write64(u, REG_COMMAND_TAIL, a->old_command_tail);
	unit_write64(u, REG_EVENTS, a->old_events);
	unit_write64(u, REG_EVENT_HEAD, a->old_event_head);
	unit_write64(u, REG_CONTROL, a->old_control);
	if (err)
		unit_stuck(u);
}

static const char *event_words(unsigned int code)
{
	static const char *const words[] = {
		"event",
		"illegal device table entry",
		"no right",
		"device table hardware error",
		"page table hardware error",
		"illegal command",
		"command hardware error",
		"IOTLB invalidation timeout",
		"invalid device request (ATS, or a range that is closed)",
		"invalid page request",
	};

	return words[code < sizeof(words) / sizeof(words[0]) ? code : 0];
}

/* 2.5: code in 63:60, flags in 59:48, device in 15:0; the address is the second half. */
static void log_event(const struct iommu_unit *u, uint64_t low, uint64_t high)
{
	struct unit_fault f = {
		.device = (uint16_t)low,
		.write = low & EVENT_FLAG_RW,
		.address = high,
		.reason = (unsigned int)(low >> 48),
		.words = event_words((unsigned int)(low >> 60)),
	};

	if (low >> 60 == EVENT_PAGE_FAULT)
		unit_log_fault(u, &f);
	else
		unit_log(u, f.words, low >> 60 == 5 || low >> 60 == 6 ? high : low & 0xFFFF);
}

/* A full log stops. It begins anew once it was off (2.5). */
static void restart_events(struct iommu_unit *u)
{
	uint64_t control = unit_read64(u, REG_CONTROL);

	unit_log(u, "more events than it could record; status", unit_read32(u, REG_STATUS));
	unit_write64(u, REG_CONTROL, control & ~CONTROL_EVENTS);
	if (wait_status(u, STATUS_EVENTS, 0))
		unit_log(u, "does not stop its event log; status", unit_read32(u, REG_STATUS));
	memset(u->amd.events, 0, PAGE_SIZE);
	unit_write64(u, REG_EVENT_HEAD, 0);
	unit_write64(u, REG_EVENT_TAIL, 0);
	u->amd.event_head = 0;
	unit_write32(u, REG_STATUS, STATUS_OVERFLOW); /* write 1 to clear */
	unit_write64(u, REG_CONTROL, control | CONTROL_EVENTS);
}

/* The log is looked at in memory, which the unit's writes snoop: nothing to read from it where nothing happened. */
static void amd_poll(struct iommu_unit *u)
{
	struct amd_unit *a = &u->amd;
	unsigned int n;

	for (n = 0; n < RING_ENTRIES; n++) {
		volatile uint64_t *e = &a->events[2 * a->event_head];
		uint64_t low = __atomic_load_n(&e[0], __ATOMIC_ACQUIRE);

		if (!(low >> 60))
			break;
		log_event(u, low, e[1]);
		e[0] = 0;
		e[1] = 0;
		a->event_head = (a->event_head + 1) % RING_ENTRIES;
	}
	if (!n)
		return;
	unit_write64(u, REG_EVENT_HEAD, a->event_head * 16);
	if (unit_read32(u, REG_STATUS) & STATUS_OVERFLOW)
		restart_events(u);
}

const struct unit_driver amd_driver = {
	.probe = amd_probe,
	.prepare = amd_prepare,
	.enable = amd_enable,
	.disable = amd_disable,
	.flush = amd_flush,
	.poll = amd_poll,
};
