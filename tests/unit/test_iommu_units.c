/* links: hypervisor/iommu/dma_map.c hypervisor/iommu/vtd.c hypervisor/iommu/amd.c lib/format.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA protection on modelled IOMMUs (iommu_model.h): what a device reaches at
 * each moment, in what order the units are switched, and that a unit which
 * does not do as it is told is put back and named, never waited for without end.
 */
#include "iommu_machine.h"

static void start_fails(const char *word)
{
	assert_int_equal(iommu_prepare(&boot), 0);
	assert_int_equal(boot.dma_state, OVBS_DMA_FAILED);
	assert_non_null(strstr(boot.dma_why, word));
	assert_true(strlen(boot.dma_why) < sizeof(boot.dma_why) - 1); /* not cut */
	assert_false(iommu_enforced());
	assert_int_equal(hidden_pages, 0);
}

/* Wherever in the log: @first was seen before @second. */
static void assert_order(const struct model *m, enum event first, enum event second)
{
	unsigned int a = 0, b = 0;

	while (a < m->logged && m->log[a] != first)
		a++;
	while (b < m->logged && m->log[b] != second)
		b++;
	assert_true(a < b && b < m->logged);
}

/* ---- both kinds ------------------------------------------------------ */

static void test_devices_reach_ram_and_promises_only(void **state)
{
	static const uint16_t devices[] = { 0x0000, 0x0010, 0x00A0, 0x00FF, 0x0100, 0x80F7, 0xFFFF };

	FOR_EACH_KIND(k)
	{
		begin(kinds[k], 2);
		start();
		for (unsigned int i = 0; i < 2; i++)
			for (size_t d = 0; d < ARRAY_SIZE(devices); d++) {
				struct model *m = &models[i];

				assert_true(reaches(m, devices[d], RAM_A, true));
				assert_true(reaches(m, devices[d], BLOCK_SPA - 1, false));
				assert_true(reaches(m, devices[d], RAM_C_END - 1, true));
				assert_true(reaches(m, devices[d], PROMISED + 0xFFFF, true));
				assert_false(reaches(m, devices[d], PROMISED + 0x10000, true));
				assert_false(reaches(m, devices[d], RAM_A - 1, false));
				assert_false(reaches(m, devices[d], RAM_C_END, false));
				assert_false(reaches(m, devices[d], m->base + 0x18, true));
				for (uint64_t a = BLOCK_SPA; a < BLOCK_SPA + BLOCK_SIZE; a += 0x3F000) {
					assert_false(reaches(m, devices[d], a, false));
					assert_false(reaches(m, devices[d], a, true));
				}
				forget(m);
			}
		assert_true(hidden_pages >= 2);
	}
}

/* Promise: what firmware or the memory map says of registers does not count. */
static void test_holes_win(void **state)
{
	FOR_EACH_KIND(k)
	{
		begin(kinds[k], 1);
		boot.ecam_base = 0xB0000000;
		boot.ecam_buses = 256;
		boot.dma_range_count = 2;
		boot.dma_range[1] = (struct ovbs_range){ 0xAFFF0000, 0xFFFFF000 };
		start();
		assert_true(reaches(&models[0], 8, 0xAFFFF000, true));
		assert_false(reaches(&models[0], 8, 0xB0000000, true));
		assert_false(reaches(&models[0], 8, 0xBFFFF000, true));
		assert_true(reaches(&models[0], 8, 0xC0000000, true));
		assert_true(reaches(&models[0], 8, 0xFEBFF000, true));
		assert_false(reaches(&models[0], 8, 0xFEC00000, true));
		assert_false(reaches(&models[0], 8, models[0].base, true));
		assert_false(reaches(&models[0], 8, 0xFEE00000, true));
		assert_true(reaches(&models[0], 8, 0xFF000000, true));
		assert_int_equal(iommu_protect(gpa(0xB0000000), SLAT_R), -EPERM);
		/* Registers in the middle of what is RAM otherwise. */
		begin(kinds[k], 1);
		models[0].base = boot.iommu[0].base = RAM_B + 0x40000;
		start();
		assert_true(reaches(&models[0], 8, RAM_B + 0x3F000, true));
		assert_false(reaches(&models[0], 8, RAM_B + 0x40000, true));
		assert_true(reaches(&models[0], 8, RAM_B + 0x44000, true));
	}
}

static void test_without_units(void **state)
{
	begin(OVBS_IOMMU_INTEL, 0);
	assert_int_equal(iommu_prepare(&boot), 0);
	assert_int_equal(boot.dma_state, OVBS_DMA_NONE);
	assert_int_equal(iommu_protect(gpa(RAM_C), 0), 0);
	iommu_flush();
	iommu_poll();
	boot.flags = OVBS_BOOT_F_DMA_REQUIRED;
	assert_int_equal(iommu_prepare(&boot), -EPERM);
	assert_non_null(strstr(boot.why, "IOMMU"));
}

static void test_dead_units_are_refused(void **state)
{
	FOR_EACH_KIND(k)
	{
		begin(kinds[k], 2);
		models[1].dead = true;
		start_fails("answer");
		assert_int_equal(models[0].logged, 0);
		boot.flags = OVBS_BOOT_F_DMA_REQUIRED;
		assert_int_equal(iommu_prepare(&boot), -EPERM);
		assert_non_null(strstr(boot.why, "answer"));
	}
	begin(OVBS_IOMMU_INTEL, 1);
	memset(models[0].r, 0, MODEL_REGS);
	start_fails("answer");
	begin(OVBS_IOMMU_AMD, 1);
	models[0].no_write = true;
	start_fails("keep");
}

static void test_nonsense_of_the_loader_is_refused(void **state)
{
	FOR_EACH_KIND(k)
	{
		begin(kinds[k], 1);
		boot.ram_count = OVBS_MAX_RAM_RANGES;
		start_fails("64 pieces");
		begin(kinds[k], 1);
		boot.ram[1].start = BLOCK_SPA + BLOCK_SIZE - PAGE_SIZE;
		start_fails("of the hypervisor");
		begin(kinds[k], 1);
		boot.dma_range[0] = (struct ovbs_range){ BLOCK_SPA - PAGE_SIZE, BLOCK_SPA + PAGE_SIZE };
		start_fails("of the hypervisor");
		begin(kinds[k], 1);
		boot.dma_range[0].end = boot.dma_range[0].start;
		start_fails("no sense");
		begin(kinds[k], 1);
		boot.ram[2].end += 1;
		start_fails("no sense");
		begin(kinds[k], 1);
		boot.iommu[0].base = BLOCK_SPA;
		start_fails("where none can be");
		begin(kinds[k], 1);
		boot.iommu[0].base = RAM_C_END;
		start_fails("where none can be");
		begin(kinds[k], 2);
		boot.iommu[1].kind = kinds[!k];
		boot.iommu[1].flags = 1;
		start_fails("kinds");
	}
	begin(OVBS_IOMMU_INTEL, 1);
	boot.iommu[0].flags = 0;
	start_fails("none lists");
	below_a_hypervisor = true; /* quirk listed-devices-only: of one unit it is believed, of two it is not */
	begin(OVBS_IOMMU_INTEL, 2);
	boot.iommu[0].flags = boot.iommu[1].flags = 0;
	start_fails("none lists");
	begin(OVBS_IOMMU_INTEL, 1);
	boot.iommu[0].flags = 0;
	assert_int_equal(iommu_prepare(&boot), 0);
	assert_true(iommu_enforced());
	below_a_hypervisor = false;
	begin(OVBS_IOMMU_AMD, 1);
	boot.iommu[0].segment = 1;
	start_fails("segment");
}

static void test_no_memory(void **state)
{
	FOR_EACH_KIND(k)
	{
		for (unsigned int pages = 0; pages < 1000; pages += 7) {
			begin(kinds[k], 1);
			boot.shared_size = pages * PAGE_SIZE;
			assert_int_equal(pool_init(&boot), 0);
			assert_int_equal(iommu_prepare(&boot), 0);
			if (boot.dma_state == OVBS_DMA_ENFORCED)
				break;
			assert_non_null(strstr(boot.dma_why, "memory"));
			assert_int_equal(models[0].logged, 0);
		}
		assert_int_equal(boot.dma_state, OVBS_DMA_ENFORCED);
		begin(kinds[k], 1);
		hide_result = -ENOMEM;
		assert_int_equal(iommu_prepare(&boot), -ENOMEM);
		assert_false(translating(&models[0]));
	}
}

static void test_a_late_failure_undoes_the_others(void **state)
{
	begin(OVBS_IOMMU_INTEL, 3);
	models[2].stuck = TE;
	start_fails("translate");
	for (unsigned int i = 0; i < 3; i++)
		assert_false(translating(&models[i]));
	assert_int_equal(models[1].count[EV_TE_ON], 1);
	begin(OVBS_IOMMU_AMD, 3);
	models[2].no_commands = true;
	start_fails("commands");
	for (unsigned int i = 0; i < 3; i++) {
		assert_false(translating(&models[i]));
		assert_int_equal(models[i].q[0], 0);
	}
}

static void stops_the_machine(enum ovbs_iommu_kind kind)
{
	begin(kind, 2);
	start();
	models[1].stuck_iotlb = models[1].no_commands = true;
	panic_expected = true;
	if (!setjmp(on_panic)) {
		iommu_flush();
		fail_msg("no panic");
	}
	memset(&unit_lock, 0, sizeof(unit_lock));
}

static void test_a_dead_unit_stops_the_machine(void **state)
{
	FOR_EACH_KIND(k)
	stops_the_machine(kinds[k]);
}

/* ---- VT-d ------------------------------------------------------------ */

static void test_vtd_order(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	start();
	assert_int_equal(m->log[0], EV_ROOT);
	assert_int_equal(m->log[1], EV_CONTEXT);
	assert_int_equal(m->log[2], EV_IOTLB);
	assert_int_equal(m->log[3], EV_TE_ON);
	assert_int_equal(m->logged, 4);
	assert_int_equal(m->d[0x38 / 4] >> 31, 1);     /* no fault interrupt */
	assert_int_equal(m->q[0xF8 / 8] >> 48 & 3, 3); /* drained */
	assert_int_equal(hidden_pages, 1);
	m->logged = 0;
	iommu_flush();
	assert_int_equal(m->log[0], EV_CONTEXT);
	assert_int_equal(m->log[1], EV_IOTLB);
}

/* Promise: where the chipset buffers writes, the buffer goes first. */
static void test_vtd_write_buffer(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	m->q[1] |= 1u << 4;
	start();
	m->logged = 0;
	iommu_flush();
	assert_int_equal(m->log[0], EV_WBF);
	assert_int_equal(m->log[1], EV_CONTEXT);
	begin(OVBS_IOMMU_INTEL, 1);
	m->q[1] |= 1u << 4;
	m->stuck = WBS;
	start_fails("root");
}

static void test_vtd_levels(void **state)
{
	static const struct {
		unsigned int sagaw, levels;
	} can[] = { { 2, 3 }, { 4, 4 }, { 8, 5 }, { 6, 3 }, { 14, 3 }, { 12, 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(can); i++) {
		begin(OVBS_IOMMU_INTEL, 1);
		models[0].q[1] = (models[0].q[1] & ~0x1F00ULL) | can[i].sagaw << 8;
		start();
		assert_int_equal(map.levels, can[i].levels);
		assert_true(reaches(&models[0], 8, RAM_C, true));
	}
	begin(OVBS_IOMMU_INTEL, 1);
	models[0].q[1] &= ~0x1F00ULL;
	start_fails("second-stage");
	begin(OVBS_IOMMU_INTEL, 2); /* one has 3 levels only, the other 4 */
	models[0].q[1] = (models[0].q[1] & ~0x1F00ULL) | 2u << 8;
	models[1].q[1] = (models[1].q[1] & ~0x1F00ULL) | 4u << 8;
	start_fails("reach");
	begin(OVBS_IOMMU_INTEL, 1); /* 3 levels end at 512 GiB */
	boot.ram[2].end = 1ULL << 40;
	start();
	assert_int_equal(map.levels, 4);
	begin(OVBS_IOMMU_INTEL, 1);
	models[0].q[1] = (models[0].q[1] & ~(0x3FULL << 16)) | 38u << 16;
	boot.ram[2].end = 1ULL << 40;
	start_fails("reach");
}

/* Promise: a unit that translates already is never without translation, and firmware's other ways are closed. */
static void test_vtd_takeover(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	m->q[1] |= 3u << 5;
	m->d[0x1C / 4] = TE | RTP | QIE | IRE;
	m->q[0x20 / 8] = m->root = 0x5000;
	m->d[0x64 / 4] = 0x80000001;
	m->q[0x80 / 8] = m->q[0x88 / 8] = 0x40;
	start();
	assert_int_equal(m->count[EV_TE_OFF], 0);
	assert_order(m, EV_IRE_OFF, EV_QIE_OFF);
	assert_order(m, EV_QIE_OFF, EV_ROOT);
	assert_order(m, EV_ROOT, EV_PMR_OFF);
	assert_int_equal(m->d[0x1C / 4], TE | RTP);
	assert_int_equal(m->d[0x64 / 4], 0);
	assert_false(reaches(m, 8, BLOCK_SPA, true));
}

/* The scalable mode's tables can't be exchanged under way: off, exchanged, on. */
static void test_vtd_takeover_of_another_mode(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	m->d[0x1C / 4] = TE | RTP;
	m->q[0x20 / 8] = m->root = 0x5400;
	start();
	assert_order(m, EV_TE_OFF, EV_ROOT);
	assert_order(m, EV_ROOT, EV_TE_ON);
}

/* Promise: whatever sticks is named, and the registers are as firmware left them. */
static void test_vtd_stuck_bits(void **state)
{
	static const struct {
		uint32_t stuck;
		bool context, iotlb, ignores, protected, queue;
		const char *word;
	} broken[] = {
		{ .stuck = TE, .word = "translate" }, { .stuck = RTP, .word = "root" },
		{ .stuck = QIE, .word = "queue" },    { .stuck = IRE, .word = "remapping" },
		{ .context = true, .word = "root" },  { .iotlb = true, .word = "root" },
		{ .ignores = true, .word = "root" },  { .protected = true, .word = "protected" },
		{ .queue = true, .word = "queue" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct model *m = &models[0];
		/* A queue that can't be switched off leaves nothing to invalidate with. */
		uint32_t status = RTP | (broken[i].stuck & QIE || broken[i].queue ? QIE : 0) |
				  (broken[i].stuck & IRE ? QIE | IRE : 0);

		begin(OVBS_IOMMU_INTEL, 1);
		m->q[1] |= 3u << 5;
		m->d[0x1C / 4] = status;
		m->q[0x20 / 8] = m->root = 0x5000;
		m->d[0x64 / 4] = 0x80000001;
		m->d[0x38 / 4] = 0;
		m->q[0x80 / 8] = broken[i].queue ? 0x10 : 0;
		m->stuck = broken[i].stuck;
		m->stuck_context = broken[i].context;
		m->stuck_iotlb = broken[i].iotlb;
		m->ignores_iotlb = broken[i].ignores;
		m->stuck_protected = broken[i].protected;
		start_fails(broken[i].word);
		assert_int_equal(m->d[0x1C / 4] | RTP, status);
		assert_int_equal(m->q[0x20 / 8], 0x5000);
		assert_int_equal(m->d[0x64 / 4], 0x80000001);
		assert_int_equal(m->d[0x38 / 4], 0);
	}
}

static void vtd_fault(struct model *m, unsigned int record, uint64_t low, uint64_t high)
{
	m->q[(0x220 + 16 * record) / 8] = low;
	m->q[(0x228 + 16 * record) / 8] = high;
	m->d[0x34 / 4] |= 2;
}

static void test_vtd_faults(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	start();
	line_count = 0;
	iommu_poll();
	assert_int_equal(line_count, 0);
	vtd_fault(m, 2, 0x3E001000, 1ULL << 63 | 5ULL << 32 | 0x0123);
	iommu_poll();
	assert_int_equal(line_count, 1);
	assert_non_null(strstr(last_line(), "0000:01:04.3, write to 3e001000: no right to write (5)"));
	assert_int_equal(m->q[0x248 / 8] >> 63, 0);
	m->d[0x34 / 4] = 0;
	vtd_fault(m, 0, 0x3E002000, 3ULL << 62 | 6ULL << 32 | 0x0010);
	m->d[0x34 / 4] |= 1;
	iommu_poll();
	assert_int_equal(line_count, 3);
	assert_non_null(strstr(lines[1], "0000:00:02.0, read of 3e002000: no right to read (6)"));
	assert_non_null(strstr(lines[2], "more faults"));
	assert_int_equal(m->d[0x34 / 4] & 1, 0);
}

/* Promise: a device can't fill the log. */
static void test_faults_are_bounded(void **state)
{
	begin(OVBS_IOMMU_INTEL, 1);
	start();
	line_count = 0;
	for (unsigned int i = 0; i < 10000; i++) {
		vtd_fault(&models[0], i % 4, 0x3E001000, 1ULL << 63 | 5ULL << 32 | 0x0123);
		iommu_poll();
	}
	assert_in_range(line_count, LOG_LINES, LOG_LINES + 10);
	models[0].dead = true;
	iommu_poll();
}

/* Registers whose place the capabilities tell: mapped and hidden as far as they go. */
static void test_vtd_registers_beyond_a_page(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_INTEL, 1);
	m->q[1] = (m->q[1] & ~(0x3FFULL << 24)) | 0x1FFULL << 24; /* 1FF0h, 4 records: across the second page */
	start();
	assert_int_equal(m->mapped, 0x3000);
	assert_int_equal(hidden_pages, 3);
	begin(OVBS_IOMMU_INTEL, 1);
	m->q[1] &= ~(0x3FFULL << 24);
	start_fails("where others are");
	begin(OVBS_IOMMU_INTEL, 1);
	boot.iommu[0].size = 0x8000;
	start();
	assert_int_equal(hidden_pages, 8);
}

/* ---- AMD ------------------------------------------------------------- */

static void test_amd_order(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_AMD, 1);
	m->q[0x20 / 8] = 0x3E000003; /* an exclusion range over the block */
	m->q[0x28 / 8] = 0x3EFFF000;
	start();
	assert_int_equal(m->log[0], EV_TABLE);
	assert_int_equal(m->log[1], EV_ENABLE);
	assert_int_equal(m->log[2], EV_ALL);
	assert_int_equal(m->log[3], EV_WAIT);
	assert_int_equal(m->q[0x20 / 8] | m->q[0x28 / 8], 0);
	assert_int_equal(m->q[0x18 / 8], 0x1405); /* on, event log, coherent, commands; no interrupt */
	assert_int_equal(map.levels, 3);
	assert_int_equal(guarded, 0x10);
	assert_int_equal(hidden_pages, 4);
	m->logged = 0;
	iommu_flush();
	assert_int_equal(m->log[0], EV_PAGES);
	assert_int_equal(m->log[1], EV_WAIT);
}

static void test_amd_every_device(void **state)
{
	begin(OVBS_IOMMU_AMD, 1);
	start();
	for (unsigned int d = 0; d < 65536; d++) {
		const uint64_t *t = model_memory((models[0].q[0] & ~0xFFFULL) + d * 32);

		assert_int_equal(table_rights(&models[0], (uint16_t)d, BLOCK_SPA), 0);
		/* System management messages: the chipset's device alone. */
		assert_int_equal(t[1], d >> 3 == 0x14 ? UNIT_DOMAIN | 1ULL << 40 : UNIT_DOMAIN);
	}
}

static void test_amd_without_invalidate_all(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_AMD, 1);
	m->q[0x30 / 8] = 0;
	start();
	assert_int_equal(m->count[EV_DEVICE], 65536);
	assert_int_equal(m->count[EV_PAGES], 1);
	assert_int_equal(m->count[EV_ALL], 0);
	for (unsigned int i = 0; i < 1000; i++)
		iommu_flush();
	assert_int_equal(m->count[EV_PAGES], 1001);
}

static void test_amd_counters_are_hidden_too(void **state)
{
	begin(OVBS_IOMMU_AMD, 1);
	models[0].q[0x30 / 8] |= 1u << 9;
	models[0].base = boot.iommu[0].base = 0xFD000000;
	start();
	assert_int_equal(hidden_pages, 0x80);
}

/* Firmware's table, buffers and all its switches: ours now, without a gap. */
static void test_amd_takeover(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_AMD, 1);
	m->q[0] = 0x5001;
	m->q[1] = 8ULL << 56 | 0x6000;
	m->q[2] = 8ULL << 56 | 0x7000;
	m->q[0x2000 / 8] = m->q[0x2008 / 8] = m->command_head = 0x40;
	m->q[0x18 / 8] = ~0ULL >> 1;
	m->q[0x2020 / 8] = 0x18;
	start();
	assert_int_equal(m->count[EV_DISABLE], 0);
	assert_int_equal(m->q[0x18 / 8] & ~0x01C00BE2ULL, 0x1405); /* kept: what firmware knows better */
	assert_false(reaches(m, 8, BLOCK_SPA, true));
	/* And back, where another unit fails. */
	begin(OVBS_IOMMU_AMD, 2);
	m->q[0] = 0x5001;
	m->q[1] = 8ULL << 56 | 0x6000;
	m->q[2] = 8ULL << 56 | 0x7000;
	m->q[0x2000 / 8] = m->q[0x2008 / 8] = m->command_head = 0x40;
	m->q[0x18 / 8] = 0x100D;
	m->q[0x2020 / 8] = 0x18;
	models[1].no_commands = true;
	start_fails("commands");
	assert_int_equal(m->count[EV_DISABLE], 0);
	assert_int_equal(m->count[EV_ALL], 2); /* ours is forgotten too */
	assert_int_equal(m->q[0], 0x5001);
	assert_int_equal(m->q[1], 8ULL << 56 | 0x6000);
	assert_int_equal(m->q[2], 8ULL << 56 | 0x7000);
	assert_int_equal(m->q[0x2008 / 8], 0x40);
	assert_int_equal(m->q[0x18 / 8], 0x100D);
}

static void test_amd_stuck(void **state)
{
	begin(OVBS_IOMMU_AMD, 1);
	models[0].stuck_buffers = true;
	models[0].q[0x18 / 8] = 0x1005;
	models[0].q[0x2020 / 8] = 0x18;
	models[0].q[0] = 0x5001;
	models[0].no_commands = true;
	start_fails("buffers");
	assert_int_equal(models[0].q[0], 0x5001);
	assert_int_equal(models[0].q[0x18 / 8], 0x1005);
}

static void test_amd_events(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_AMD, 1);
	start();
	line_count = 0;
	iommu_poll();
	assert_int_equal(line_count, 0);
	amd_tell(m, 2ULL << 60 | 0x020ULL << 48 | 1ULL << 32 | 0x0123, 0x3E001040);
	amd_tell(m, 2ULL << 60 | 1ULL << 32 | 0x0010, 0x3E002000);
	amd_tell(m, 5ULL << 60, 0x3E100010);
	iommu_poll();
	assert_int_equal(line_count, 3);
	assert_non_null(strstr(lines[0], "0000:01:04.3, write to 3e001040: no right (2020)"));
	assert_non_null(strstr(lines[1], "0000:00:02.0, read of 3e002000: no right (2000)"));
	assert_non_null(strstr(lines[2], "illegal command 3e100010"));
	assert_int_equal(m->q[0x2010 / 8], 0x30);
	iommu_poll();
	assert_int_equal(line_count, 3);
}

/* Promise: a full log begins anew. */
static void test_amd_event_overflow(void **state)
{
	struct model *m = &models[0];

	begin(OVBS_IOMMU_AMD, 1);
	start();
	for (unsigned int i = 0; i < 300; i++)
		amd_tell(m, 2ULL << 60 | 0x0010, 0x3E002000);
	assert_true(m->q[0x2020 / 8] & 1);
	iommu_poll();
	assert_false(m->q[0x2020 / 8] & 1);
	assert_int_equal(m->count[EV_DISABLE], 0);
	faults = line_count = 0;
	amd_tell(m, 2ULL << 60 | 0x0018, 0x3E003000);
	iommu_poll();
	assert_non_null(strstr(last_line(), "read of 3e003000"));
	for (unsigned int i = 0; i < 600; i++) { /* twice round */
		amd_tell(m, 2ULL << 60 | 0x0010, 0x3E002000);
		iommu_poll();
	}
	assert_int_equal(faults, 601);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices_reach_ram_and_promises_only),
		cmocka_unit_test(test_holes_win),
		cmocka_unit_test(test_without_units),
		cmocka_unit_test(test_dead_units_are_refused),
		cmocka_unit_test(test_nonsense_of_the_loader_is_refused),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_a_late_failure_undoes_the_others),
		cmocka_unit_test(test_a_dead_unit_stops_the_machine),
		cmocka_unit_test(test_vtd_order),
		cmocka_unit_test(test_vtd_write_buffer),
		cmocka_unit_test(test_vtd_levels),
		cmocka_unit_test(test_vtd_takeover),
		cmocka_unit_test(test_vtd_takeover_of_another_mode),
		cmocka_unit_test(test_vtd_stuck_bits),
		cmocka_unit_test(test_vtd_faults),
		cmocka_unit_test(test_faults_are_bounded),
		cmocka_unit_test(test_vtd_registers_beyond_a_page),
		cmocka_unit_test(test_amd_order),
		cmocka_unit_test(test_amd_every_device),
		cmocka_unit_test(test_amd_without_invalidate_all),
		cmocka_unit_test(test_amd_counters_are_hidden_too),
		cmocka_unit_test(test_amd_takeover),
		cmocka_unit_test(test_amd_stuck),
		cmocka_unit_test(test_amd_events),
		cmocka_unit_test(test_amd_event_overflow),
	};

	return cmocka_run_group_tests(tests, map_block, NULL);
}
