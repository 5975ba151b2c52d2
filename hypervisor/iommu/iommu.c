// SPDX-License-Identifier: GPL-2.0-only
/*
 * See iommu.h. All units share one DMA map and one lock: unit_lock guards the
 * map, the reserve of tables, the drivers' state and the registers. It is a
 * leaf in the order of locks but for the log's.
 *
 * What devices may reach is decided here, by two lists: ranges (VTL0's RAM, and
 * what firmware promised) and holes (registers of the units, configuration
 * space, and the chipset's block below 4 GiB, where a device that writes could
 * switch a unit off or send any interrupt). A hole always wins.
 */
#include "iommu/iommu.h"

#include <format.h>
#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "core/cpu.h"
#include "core/log.h"
#include "core/pci.h"
#include "iommu/dma_map.h"
#include "iommu/unit.h"
#include "mm/pool.h"
#include "mm/slat.h"

#define LOG_LINES 64

/* I/O APIC, HPET, TPM, IOMMUs, local APICs: no device has business there but for MSIs, which are never translated. */
#define CHIPSET_START 0xFEC00000ULL
#define CHIPSET_END   0xFF000000ULL

static struct ovbs_boot_info *info;
static struct lock unit_lock;
static struct iommu_unit units[OVBS_MAX_IOMMUS];
static unsigned int unit_count;
static const struct unit_driver *driver;
static struct dma_map map;
static bool enforced;

static struct ovbs_range holes[OVBS_MAX_IOMMUS + 2];
static unsigned int hole_count;

/* Tables for large leaves in which pages get rights of their own; NULL during PREPARE: they come from the pool. */
static char *reserve;
static unsigned int reserve_count, reserve_free;
static uint16_t *free_tables;    /* numbers of the free ones: the first reserve_free of them; behind those: */
static unsigned int spare_count; /* that the units have still to forget */
static uint64_t faults;

static void *table_page(struct dma_map *m)
{
	if (!reserve)
		return pool_pages(1);
	if (!reserve_free)
		return NULL;
	return memset(reserve + free_tables[--reserve_free] * PAGE_SIZE, 0, PAGE_SIZE);
}

/* Only while no table is free: see set_rights(). */
static bool spare_table(struct dma_map *m, void *table)
{
	char *t = table;

	if (t < reserve || t >= reserve + reserve_count * PAGE_SIZE)
		return false;
	free_tables[spare_count++] = (uint16_t)((uint64_t)(t - reserve) / PAGE_SIZE);
	return true;
}

static void *table_va(struct spa at)
{
	hv_assert(block_has(at.v, PAGE_SIZE));
	return (void *)(at.v - block_start().v + HV_VA_BASE);
}

/* Lines for the first, then one whenever their number doubles. */
static bool may_log(void)
{
	faults++;
	return faults <= LOG_LINES || !(faults & (faults - 1));
}

void unit_log_fault(const struct iommu_unit *u, const struct unit_fault *f)
{
	if (may_log())
		hv_log("DMA refused: device %04x:%02x:%02x.%x, %s %llx: %s (%x); %llu so far",
		       u->desc.segment, f->device >> 8, f->device >> 3 & 0x1F, f->device & 7,
		       f->write ? "write to" : "read of", (unsigned long long)f->address, f->words,
		       f->reason, (unsigned long long)faults);
}

void unit_log(const struct iommu_unit *u, const char *words, uint64_t value)
{
	if (may_log())
		hv_log("IOMMU at %llx: %s %llx", (unsigned long long)u->desc.base, words,
		       (unsigned long long)value);
}

/* The n-th range that devices may reach. False: there is none. */
static bool range_at(uint32_t n, struct ovbs_range *r)
{
	if (n < info->ram_count)
		*r = info->ram[n];
	else if (n - info->ram_count < info->dma_range_count)
		*r = info->dma_range[n - info->ram_count];
	else
		return false;
	return true;
}

static void add_hole(uint64_t start, uint64_t size)
{
	holes[hole_count++] = (struct ovbs_range){ start, start + size };
}

static void find_holes(void)
{
	hole_count = 0;
	add_hole(CHIPSET_START, CHIPSET_END - CHIPSET_START);
	if (info->ecam_buses)
		add_hole(info->ecam_base, (uint64_t)info->ecam_buses << 20);
	for (unsigned int i = 0; i < unit_count; i++)
		add_hole(units[i].desc.base, units[i].size);
}

/* How far it goes on like this from @at: in a hole (*@in), or free of them. */
static uint64_t until(uint64_t at, uint64_t end, bool *in)
{
	*in = false;
	for (unsigned int i = 0; i < hole_count; i++) {
		if (at >= holes[i].start && at < holes[i].end) {
			*in = true;
			return holes[i].end < end ? holes[i].end : end;
		}
		if (holes[i].start > at && holes[i].start < end)
			end = holes[i].start;
	}
	return end;
}

static int add_range(const struct ovbs_range *r, const char **why)
{
	uint64_t next;
	bool in_hole;
	int err;

	*why = "devices are promised memory of the hypervisor";
	if (block_has(r->start, r->end - r->start))
		return -EINVAL;
	*why = "not enough memory for the DMA tables";
	for (uint64_t at = r->start; at < r->end; at = next) {
		next = until(at, r->end, &in_hole);
		err = in_hole ? 0 : dma_map_add(&map, at, next);
		if (err)
			return err;
	}
	return 0;
}

static int check_ranges(uint64_t *top, const char **why)
{
	struct ovbs_range r;

	*top = 0;
	*why = "the memory map has more than 64 pieces";
	if (info->ram_count >= OVBS_MAX_RAM_RANGES)
		return -E2BIG;
	*why = "the memory map makes no sense";
	if (!info->ram_count || info->dma_range_count > OVBS_MAX_DMA_RANGES)
		return -EINVAL;
	for (uint32_t i = 0; range_at(i, &r); i++) {
		if (r.start >= r.end || ((r.start | r.end) & ~PTE_ADDR))
			return -EINVAL;
		if (r.end > *top)
			*top = r.end;
	}
	return 0;
}

/* The fewest levels that reach the top and that every unit has. */
static int choose_levels(uint64_t top, const char **why)
{
	unsigned int common = ~0u, bits;

	map.leaf_levels = ~0u;
	for (unsigned int i = 0; i < unit_count; i++) {
		common &= units[i].levels;
		map.leaf_levels &= units[i].leaf_levels;
		bits = units[i].address_bits;
		*why = "an IOMMU does not reach all memory";
		if (bits < 64 && (top - 1) >> bits)
			return -EOPNOTSUPP;
	}
	for (map.levels = 3; map.levels <= 6; map.levels++) {
		bits = PAGE_SHIFT + 9 * map.levels;
		if ((common & 1u << map.levels) && (bits >= 64 || !((top - 1) >> bits)))
			return 0;
	}
	return -EOPNOTSUPP;
}

static int make_reserve(unsigned int count)
{
	char *tables = pool_pages(count);

	_Static_assert(OVBS_DMA_TABLES_MAX * sizeof(*free_tables) <= PAGE_SIZE, "a page of numbers");
	free_tables = pool_pages(1);
	if (!tables || !free_tables)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		free_tables[i] = (uint16_t)(count - 1 - i);
	spare_count = 0;
	reserve_count = reserve_free = count;
	reserve = tables;
	return 0;
}

static int build_map(const char **why)
{
	struct ovbs_range r;
	uint64_t top;
	int err = check_ranges(&top, why);

	if (!err)
		err = choose_levels(top, why);
	if (err)
		return err;
	find_holes();
	map.kind = (enum ovbs_iommu_kind)units[0].desc.kind;
	map.page = table_page;
	map.spare = spare_table;
	map.spa_of = shared_spa;
	map.va_of = table_va;
	*why = "not enough memory for the DMA tables";
	err = dma_map_init(&map);
	for (uint32_t i = 0; !err && range_at(i, &r); i++)
		err = add_range(&r, why);
	for (unsigned int i = 0; !err && i < unit_count; i++)
		err = driver->prepare(&units[i], &map, i ? &units[0] : NULL, why);
	if (err)
		return err;
	*why = "not enough memory for the DMA tables";
	return make_reserve(ovbs_dma_tables((uint32_t)info->piece_tables));
}

/*
 * VT-d, 8.3: devices that no unit lists belong to the one with DRHD flag 0 set
 * (INCLUDE_PCI_ALL). Where there is none on a segment, who holds a hot-added
 * device? An AMD IOMMU holds all that is below it, listed or not.
 *
 * Quirk listed-devices-only: QEMU has one unit for all devices, which all of
 * them go through, but lists those that are there at the start instead.
 */
static bool all_covered(void)
{
	if (info->iommu_count == 1 && cpu_below_hypervisor())
		return true;
	for (uint32_t i = 0; i < info->iommu_count; i++) {
		bool all = false;

		for (uint32_t j = 0; j < info->iommu_count; j++)
			all |= info->iommu[j].segment == info->iommu[i].segment &&
			       (info->iommu[j].flags & 1);
		if (!all)
			return false;
	}
	return true;
}

/* One unit that can't be used leaves devices uncovered: then none counts. */
static int probe_units(const char **why)
{
	*why = "more IOMMUs than there is room for";
	if (info->iommu_count > OVBS_MAX_IOMMUS)
		return -E2BIG;
	*why = "no VT-d unit holds the devices that none lists";
	if (info->iommu[0].kind == OVBS_IOMMU_INTEL && !all_covered())
		return -EOPNOTSUPP;
	driver = info->iommu[0].kind == OVBS_IOMMU_AMD ? &amd_driver : &vtd_driver;
	for (unit_count = 0; unit_count < info->iommu_count; unit_count++) {
		struct iommu_unit *u = &units[unit_count];
		int err;

		u->desc = info->iommu[unit_count];
		*why = "IOMMUs of different or unknown kinds";
		if (u->desc.kind != info->iommu[0].kind ||
		    (u->desc.kind != OVBS_IOMMU_AMD && u->desc.kind != OVBS_IOMMU_INTEL))
			return -EINVAL;
		*why = "an IOMMU outside of PCI segment 0 can't be guarded";
		if (u->desc.kind == OVBS_IOMMU_AMD && u->desc.segment)
			return -EOPNOTSUPP;
		*why = "an IOMMU's registers are where none can be";
		if (!u->desc.base || (u->desc.base & ~PAGE_MASK) ||
		    block_has(u->desc.base, SIZE_2M) || u->desc.base >= vtl0_slat.eager_end)
			return -EINVAL;
		err = driver->probe(u, why);
		if (err)
			return err;
		*why = "an IOMMU's registers are where none can be";
		if (u->size > vtl0_slat.eager_end - u->desc.base || block_has(u->desc.base, u->size))
			return -EINVAL;
	}
	return 0;
}

void unit_stuck(const struct iommu_unit *u)
{
	info->dma_stuck = 1;
	hv_log("IOMMU at %llx: could not be put back wholly", (unsigned long long)u->desc.base);
}

static void disable_units(unsigned int count)
{
	while (count--)
		driver->disable(&units[count]);
}

static int enable_units(const char **why)
{
	for (unsigned int i = 0; i < unit_count; i++) {
		int err = driver->enable(&units[i], why);

		if (err) {
			disable_units(i + 1);
			return err;
		}
	}
	return 0;
}

/* From here on no CPU of VTL0 reaches a unit. -ENOMEM, or -ENOSPC. */
static int hide_units(void)
{
	for (unsigned int i = 0; i < unit_count; i++) {
		const struct iommu_unit *u = &units[i];
		int err = slat_hide(&vtl0_slat, gpa(u->desc.base), (unsigned int)(u->size / PAGE_SIZE));

		if (!err && u->desc.kind == OVBS_IOMMU_AMD)
			err = pci_guard_function(u->desc.function);
		if (err)
			return err;
	}
	return 0;
}

/* 0 or -EPERM: may the machine go on without DMA protection? */
static int without(enum ovbs_dma_state state, const char *why)
{
	info->dma_state = state;
	ovbs_snprintf(info->dma_why, sizeof(info->dma_why), "%s", why);
	hv_log("DMA protection is off: %s", why);
	if (!(info->flags & OVBS_BOOT_F_DMA_REQUIRED))
		return 0;
	ovbs_snprintf(info->why, sizeof(info->why), "%s", why);
	return -EPERM;
}

int iommu_prepare(struct ovbs_boot_info *boot_info)
{
	const char *why = "";
	int err;

	info = boot_info;
	if (!info->iommu_count)
		return without(OVBS_DMA_NONE, "no IOMMU that can be used");
	err = probe_units(&why);
	if (!err)
		err = build_map(&why);
	if (!err)
		err = enable_units(&why);
	if (err)
		return without(OVBS_DMA_FAILED, why);
	if (hide_units()) {
		/* Half hidden registers would confuse VTL0's driver: PREPARE fails as a whole. */
		disable_units(unit_count);
		return -ENOMEM;
	}
	enforced = true;
	info->dma_state = OVBS_DMA_ENFORCED;
	info->dma_why[0] = 0;
	hv_log("DMA protection is on: %u %s IOMMU(s), %u levels, first at %llx", unit_count,
	       map.kind == OVBS_IOMMU_AMD ? "AMD" : "VT-d", map.levels,
	       (unsigned long long)units[0].desc.base);
	return 0;
}

bool iommu_enforced(void)
{
	return enforced;
}

/* Never the block, never a register: only what was given to devices at the start. */
static bool may_change(uint64_t page)
{
	struct ovbs_range r;
	bool in_hole;

	for (uint32_t i = 0; range_at(i, &r); i++)
		if (range_has(r.start, r.end - r.start, page)) {
			(void)until(page, page + PAGE_SIZE, &in_hole);
			return !in_hole && !block_has(page, PAGE_SIZE);
		}
	return false;
}

/* The lock is held. */
static void flush_units(void)
{
	for (unsigned int i = 0; i < unit_count; i++) {
		int err = driver->flush(&units[i]);

		if (err)
			hv_panic("the IOMMU at %llx does not forget (error %d)",
				 (unsigned long long)units[i].desc.base, -err);
	}
}

/* If the reserve is used up, with the tables that are not needed any more. */
static int set_rights(uint64_t page, bool read, bool write)
{
	int err = dma_map_set(&map, page, read, write);

	if (err != -ENOMEM || reserve_free)
		return err;
	dma_map_merge(&map);
	if (!spare_count)
		return err;
	flush_units();
	reserve_free = spare_count;
	spare_count = 0;
	return dma_map_set(&map, page, read, write);
}

int iommu_protect(struct gpa g, unsigned int rights)
{
	uint64_t page = g.v & PAGE_MASK;
	int err;

	if (!enforced)
		return 0;
	if (!may_change(page))
		return -EPERM;
	lock_take(&unit_lock);
	err = set_rights(page, rights & SLAT_R, rights & SLAT_W);
	lock_release(&unit_lock);
	return err;
}

void iommu_flush(void)
{
	if (!enforced)
		return;
	lock_take(&unit_lock);
	flush_units();
	lock_release(&unit_lock);
}

void iommu_poll(void)
{
	if (!enforced)
		return;
	lock_take(&unit_lock);
	for (unsigned int i = 0; i < unit_count; i++)
		driver->poll(&units[i]);
	lock_release(&unit_lock);
}
