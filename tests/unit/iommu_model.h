/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of IOMMUs for iommu_machine.h, by the words of the
 * manuals (VT-d 4.1; AMD IOMMU 3.08), not by the drivers': registers with their
 * side effects, tables read as a unit reads them, a cache that forgets only when
 * it is told to, and what must never be done (a test fails then). Things can be
 * broken one by one: registers that don't answer, bits that stick.
 */
#ifndef TESTS_IOMMU_MODEL_H
#define TESTS_IOMMU_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ovbs_compiler.h>

#include "core/cpu.h"
#include "core/log.h"
#include "core/pci.h"
#include "iommu/unit.h"
#include "mm/slat.h"

/* The quirk of iommu.c that looks at CPUID. */
static bool below_a_hypervisor;

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	return (struct cpuid_regs){ .ecx = below_a_hypervisor ? CPUID_ECX_HYPERVISOR : 0 };
}

#define MODELS      3
#define MODEL_REGS  0x4000
#define MODEL_CACHE 16
#define MODEL_LOG   64

enum event { /* what the model saw, in order */
	     EV_NONE,
	     EV_ROOT,
	     EV_CONTEXT,
	     EV_IOTLB,
	     EV_WBF,
	     EV_TE_ON,
	     EV_TE_OFF,
	     EV_QIE_OFF,
	     EV_QIE_ON,
	     EV_IRE_OFF,
	     EV_IRE_ON,
	     EV_PMR_OFF,
	     EV_PMR_ON,
	     EV_TABLE,
	     EV_ENABLE,
	     EV_DISABLE,
	     EV_WAIT,
	     EV_DEVICE,
	     EV_PAGES,
	     EV_ALL,
};

struct model {
	uint64_t base;
	enum ovbs_iommu_kind kind;
	union {
		uint8_t r[MODEL_REGS];
		uint64_t q[MODEL_REGS / 8];
		uint32_t d[MODEL_REGS / 4];
	};
	bool dead;      /* reads are all ones */
	uint32_t stuck; /* VT-d: bits of the status that never change */
	bool stuck_context, stuck_iotlb, ignores_iotlb, stuck_protected;
	bool no_commands, no_write, stuck_buffers; /* AMD */
	unsigned int mapped;                       /* bytes */
	enum event log[MODEL_LOG];
	unsigned int logged;
	unsigned int count[EV_ALL + 1];
	uint64_t root; /* in use */
	unsigned int command_head;
	struct {
		bool valid;
		uint16_t device;
		uint64_t page;
		unsigned int rights;
	} cache[MODEL_CACHE];
};

static struct model models[MODELS];

/* By the test: memory of the block at a physical address; fails if it is anywhere else. */
static void *model_memory(uint64_t at);

static void see(struct model *m, enum event e)
{
	m->count[e]++;
	if (m->logged < MODEL_LOG)
		m->log[m->logged++] = e;
}

static struct model *model_of(const struct iommu_unit *u)
{
	for (unsigned int i = 0; i < MODELS; i++)
		if (models[i].base == u->desc.base)
			return &models[i];
	fail_msg("no unit at %llx", (unsigned long long)u->desc.base);
	return NULL;
}

static void forget(struct model *m)
{
	memset(m->cache, 0, sizeof(m->cache));
}

static bool translating(const struct model *m)
{
	return m->kind == OVBS_IOMMU_AMD ? m->q[0x18 / 8] & 1 : m->d[0x1C / 4] >> 31;
}

/* Rights for a page by the tables alone, or what goes on without them. Bit 0: read, bit 1: write. */
static unsigned int table_rights(const struct model *m, uint16_t device, uint64_t page)
{
	bool amd = m->kind == OVBS_IOMMU_AMD;
	unsigned int levels, rights = 3;
	uint64_t at, *t;

	if (amd) {
		t = model_memory((m->q[0] & 0x000FFFFFFFFFF000ULL) + device * 32u);
		assert_int_equal(m->q[0] & 0xFFF, 511); /* 2 MiB */
		if (!(t[0] & 1))
			return 3;
		assert_true(t[0] & 2);
		assert_int_equal(t[1] & 0xFFFF, UNIT_DOMAIN);
		assert_int_equal(t[1] >> 32 & 1, 0); /* no ATS */
		assert_int_equal(t[2] | t[3], 0);    /* interrupts pass */
		levels = t[0] >> 9 & 7;
		rights = t[0] >> 61 & 3;
		at = t[0] & 0x000FFFFFFFFFF000ULL;
	} else {
		t = model_memory((m->root & ~0xFFFULL) + (device >> 8) * 16u);
		assert_int_equal(t[0] & 0xFFF, 1);
		assert_int_equal(t[1], 0);
		t = model_memory((t[0] & ~0xFFFULL) + (device & 0xFF) * 16u);
		assert_int_equal(t[0] & 0xFFF, 1); /* present, faults are recorded, type 00 */
		assert_int_equal(t[1] >> 8 & 0xFFFF, UNIT_DOMAIN);
		levels = (t[1] & 7) + 2;
		assert_true(m->q[1] >> 8 & 0x1F & (1u << (levels - 2))); /* SAGAW has it */
		at = t[0] & ~0xFFFULL;
	}
	if (page >> (12 + 9 * levels))
		return 0;
	for (unsigned int l = levels; l; l--) {
		uint64_t e = ((uint64_t *)model_memory(at))[page >> (12 + 9 * (l - 1)) & 511];

		rights &= amd ? (e & 1 ? e >> 61 & 3 : 0) : e & 3;
		if (!rights)
			return 0;
		at = e & 0x000FFFFFFFFFF000ULL;
		if (l > 1 && (amd ? !(e >> 9 & 7) : e >> 7 & 1)) {
			assert_int_equal(at, page & ~((1ULL << (12 + 9 * (l - 1))) - 1));
			return rights;
		}
	}
	assert_int_equal(at, page);
	return rights;
}

/* A device's access. What was allowed once stays in the cache. */
static bool reaches(struct model *m, uint16_t device, uint64_t addr, bool write)
{
	uint64_t page = addr & ~0xFFFULL;
	unsigned int rights, i;

	if (!translating(m))
		return true;
	for (i = 0; i < MODEL_CACHE && m->cache[i].valid; i++)
		if (m->cache[i].device == device && m->cache[i].page == page)
			return m->cache[i].rights & (write ? 2 : 1);
	rights = table_rights(m, device, page);
	if (rights && i < MODEL_CACHE) {
		m->cache[i].valid = true;
		m->cache[i].device = device;
		m->cache[i].page = page;
		m->cache[i].rights = rights;
	}
	return rights & (write ? 2 : 1);
}

/* ---- VT-d ------------------------------------------------------------ */

static void vtd_bit(struct model *m, uint32_t changed, uint32_t value, uint32_t bit, enum event on,
		    enum event off)
{
	if (!(changed & bit) || (m->stuck & bit))
		return;
	m->d[0x1C / 4] ^= bit;
	see(m, value & bit ? on : off);
}

static void vtd_command(struct model *m, uint32_t value)
{
	uint32_t status = m->d[0x1C / 4], changed = (status ^ value) & 0x86000000; /* TE, QIE, IRE */
	uint32_t once = value & 0x49000000; /* SRTP, WBF, SIRTP */

	/* One thing at a time. */
	assert_true(__builtin_popcount(changed) + __builtin_popcount(once) <= 1);
	if (value & 0x40000000) {
		m->d[0x1C / 4] &= ~0x40000000u;
		/* The mode must not change under a translating unit. */
		assert_true(!(status >> 31) || !((m->root ^ m->q[0x20 / 8]) & 0xC00));
		if (!(m->stuck & 0x40000000)) {
			m->root = m->q[0x20 / 8];
			m->d[0x1C / 4] |= 0x40000000;
			see(m, EV_ROOT);
		}
	}
	if (value & 0x08000000) {
		if (m->stuck & 0x08000000)
			m->d[0x1C / 4] |= 0x08000000;
		see(m, EV_WBF);
	}
	if ((changed & value) >> 31)
		assert_true(status & 0x40000000); /* a root before translation */
	if (changed & 0x04000000 & ~value)        /* the queue: empty, and nobody needs it */
		assert_true(m->q[0x80 / 8] == m->q[0x88 / 8] && !(status & 0x02000000));
	vtd_bit(m, changed, value, 0x80000000, EV_TE_ON, EV_TE_OFF);
	vtd_bit(m, changed, value, 0x04000000, EV_QIE_ON, EV_QIE_OFF);
	vtd_bit(m, changed, value, 0x02000000, EV_IRE_ON, EV_IRE_OFF);
}

static void vtd_write(struct model *m, uint32_t at, uint64_t value, unsigned int size)
{
	uint32_t iotlb = (uint32_t)(m->q[2] >> 8 & 0x3FF) * 16 + 8;
	uint32_t records = (uint32_t)(m->q[1] >> 24 & 0x3FF) * 16;

	if (at == 0x18 && size == 4) {
		vtd_command(m, (uint32_t)value);
	} else if (at == 0x34) {
		m->d[at / 4] &= ~((uint32_t)value & 1);
	} else if (at == 0x64) {
		if (!m->stuck_protected) {
			m->d[at / 4] = (uint32_t)(value & ~1ULL) | (uint32_t)(value >> 31 & 1);
			see(m, value >> 31 & 1 ? EV_PMR_ON : EV_PMR_OFF);
		}
	} else if (at == 0x28 && size == 8) {
		assert_false(m->d[0x1C / 4] & 0x04000000); /* not while the queue is on */
		m->q[at / 8] = m->stuck_context ? value : value & ~(1ULL << 63);
		see(m, EV_CONTEXT);
	} else if (at == iotlb && size == 8) {
		assert_false(m->d[0x1C / 4] & 0x04000000);
		m->q[at / 8] = m->stuck_iotlb ?
				       value :
				       (value & ~(1ULL << 63)) | (m->ignores_iotlb ? 0 : 1ULL << 57);
		see(m, EV_IOTLB);
		forget(m);
	} else if (at >= records && at % 16 == 12 && size == 4) {
		m->d[at / 4] &= ~((uint32_t)value & 0x80000000);
	} else if (size == 8) {
		assert_true(at == 0x20 || at == 0x88);
		m->q[at / 8] = value;
	} else {
		assert_int_equal(at, 0x38);
		m->d[at / 4] = (uint32_t)value;
	}
}

/* ---- AMD ------------------------------------------------------------- */

static void amd_run(struct model *m)
{
	const uint64_t base = m->q[1] & 0x000FFFFFFFFFF000ULL;
	uint64_t *c;

	if (m->no_commands || (m->q[0x18 / 8] & 0x1001) != 0x1001)
		return;
	assert_int_equal(m->q[1] >> 56, 8);
	for (; m->command_head != m->q[0x2008 / 8]; m->command_head = (m->command_head + 16) % 4096) {
		c = model_memory(base + m->command_head);
		switch (c[0] >> 60) {
		case 1:
			assert_int_equal(c[0] & 0x0FF0000000000007ULL, 1);
			*(uint64_t *)model_memory(c[0] & 0x000FFFFFFFFFFFF8ULL) = c[1];
			see(m, EV_WAIT);
			break;
		case 2:
			assert_int_equal(c[0] & 0x0FFFFFFFFFFF0000ULL, 0);
			assert_int_equal(c[1], 0);
			see(m, EV_DEVICE);
			break;
		case 3:
			assert_int_equal(c[0], 3ULL << 60 | (uint64_t)UNIT_DOMAIN << 32);
			assert_int_equal(c[1], 0x7FFFFFFFFFFFF003ULL);
			see(m, EV_PAGES);
			forget(m);
			break;
		case 8:
			assert_int_equal(c[0] & 0x0FFFFFFFFFFFFFFFULL, 0);
			assert_int_equal(c[1], 0);
			see(m, EV_ALL);
			forget(m);
			break;
		default:
			fail_msg("command %llx", (unsigned long long)c[0]);
		}
	}
	m->q[0x2000 / 8] = m->command_head;
}

static void amd_control(struct model *m, uint64_t value)
{
	uint64_t old = m->q[0x18 / 8], running = 0;

	m->q[0x18 / 8] = value;
	if (value & 1)
		running = (value >> 12 & 1) << 4 | (value >> 2 & 1) << 3;
	if (m->stuck_buffers)
		running |= 0x18;
	m->q[0x2020 / 8] = (m->q[0x2020 / 8] & ~0x18ULL) | running;
	if ((old ^ value) & 1)
		see(m, value & 1 ? EV_ENABLE : EV_DISABLE);
	amd_run(m);
}

static void amd_write(struct model *m, uint32_t at, uint64_t value)
{
	if (m->no_write)
		return;
	if (at == 0x18) {
		amd_control(m, value);
		return;
	}
	if (at == 0x2020) {
		m->q[at / 8] &= ~(value & 0x67);
		return;
	}
	/* Buffers don't move while they run. */
	if (at == 0x08 || at == 0x2000)
		assert_true(m->stuck_buffers || !(m->q[0x2020 / 8] & 0x10));
	if (at == 0x10 || at == 0x2018)
		assert_true(m->stuck_buffers || !(m->q[0x2020 / 8] & 0x08));
	if (at == 0 && translating(m))
		assert_true(value & ~0xFFFULL);
	m->q[at / 8] = value;
	if (at == 0)
		see(m, EV_TABLE);
	if (at == 0x08 || at == 0x2000)
		m->command_head = at == 0x08 ? 0 : (unsigned int)value;
	if (at == 0x2008)
		amd_run(m);
}

/* The unit tells of something; nothing where its log is off or full. */
static inline void amd_tell(struct model *m, uint64_t low, uint64_t high)
{
	uint64_t *e, next = (m->q[0x2018 / 8] + 16) % 4096;

	if (!(m->q[0x2020 / 8] & 0x08) || (m->q[0x2020 / 8] & 1))
		return;
	if (next == m->q[0x2010 / 8]) {
		m->q[0x2020 / 8] |= 1;
		return;
	}
	e = model_memory((m->q[2] & 0x000FFFFFFFFFF000ULL) + m->q[0x2018 / 8]);
	e[1] = high;
	e[0] = low;
	m->q[0x2018 / 8] = next;
}

/* ---- the hypervisor around ------------------------------------------- */

static char lines[8][200];
static unsigned int line_count, hidden_pages, guarded;
static int hide_result;
static jmp_buf on_panic;
static bool panic_expected;

void hv_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(lines[line_count++ % ARRAY_SIZE(lines)], sizeof(lines[0]), fmt, args);
	va_end(args);
}

void hv_panic(const char *fmt, ...)
{
	if (!panic_expected)
		fail_msg("panic: %s", fmt);
	longjmp(on_panic, 1);
}

int slat_hide(struct slat *s, struct gpa g, unsigned int pages)
{
	hidden_pages += pages;
	return hide_result;
}

int pci_guard_function(uint16_t function)
{
	guarded = function;
	return 0;
}

/* ---- registers ------------------------------------------------------- */

int unit_map(struct iommu_unit *u, uint32_t bytes)
{
	struct model *m = model_of(u);

	m->mapped = bytes;
	u->regs = m->r;
	return 0;
}

uint32_t unit_read32(const struct iommu_unit *u, uint32_t offset)
{
	const struct model *m = model_of(u);

	assert_true(offset % 4 == 0 && offset + 4 <= m->mapped);
	return m->dead ? ~0u : m->d[offset / 4];
}

uint64_t unit_read64(const struct iommu_unit *u, uint32_t offset)
{
	const struct model *m = model_of(u);

	assert_true(offset % 8 == 0 && offset + 8 <= m->mapped);
	return m->dead ? ~0ULL : m->q[offset / 8];
}

void unit_write32(const struct iommu_unit *u, uint32_t offset, uint32_t value)
{
	struct model *m = model_of(u);

	assert_true(offset % 4 == 0 && offset + 4 <= m->mapped);
	if (m->dead)
		return;
	if (m->kind == OVBS_IOMMU_AMD)
		amd_write(m, offset, value);
	else
		vtd_write(m, offset, value, 4);
}

void unit_write64(const struct iommu_unit *u, uint32_t offset, uint64_t value)
{
	struct model *m = model_of(u);

	assert_true(offset % 8 == 0 && offset + 8 <= m->mapped);
	if (m->dead)
		return;
	if (m->kind == OVBS_IOMMU_AMD)
		amd_write(m, offset, value);
	else
		vtd_write(m, offset, value, 8);
}

/* VT-d, GCMD and GSTS. */
#define TE  0x80000000u
#define RTP 0x40000000u
#define WBS 0x08000000u
#define QIE 0x04000000u
#define IRE 0x02000000u

static inline const char *last_line(void)
{
	return line_count ? lines[(line_count - 1) % ARRAY_SIZE(lines)] : "";
}

#endif
