// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of hidden and frozen memory by a device that obeys: the edu
 * devices on the root bus, one behind a bridge and one that was plugged in while
 * Linux ran. The same devices on memory of our own show that they work.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "dma.h"

#define STEP   64 /* every so many pages */
#define ROUNDS 10
#define LOG_MS 50    /* the hypervisor looks no oftener, however often it is asked */
#define GAP_US 11000 /* 8 devices take 100 ms each */

/* Where all is, for dma.py. */
static void run_info(struct report *r)
{
	struct vtl1 v;
	struct dma d;
	size_t i;

	if (!dma_begin(r, &d, "edu_found"))
		return;
	say(r, "dma range %llx %llx\n", d.start, d.end);
	for (i = 0; i < d.edus; i++)
		say(r, "dma edu %s %s\n", pci_name(d.edu[i].dev), d.edu[i].place);
	if (vtl1_begin(r, &v, "dma_vtl1")) {
		say(r, "dma vtl1 %llx\n", v.start);
		vtl1_end(&v);
	}
	row(r, "edu_found", "found", "%zu devices", d.edus);
	dma_end(&d);
}

static struct edu *edu_at(struct dma *d, const char *place)
{
	size_t i;

	for (i = 0; i < d->edus; i++)
		if (!strcmp(d->edu[i].place, place))
			return &d->edu[i];
	return NULL;
}

static size_t root_edus(struct dma *d)
{
	size_t n = 0;

	while (n < d->edus && !strcmp(d->edu[n].place, "root"))
		n++;
	return n;
}

static const char *const places[] = { "root", "bridge", "hotplug" };

/* Memory of ours: content arrives in the device, and comes back from it. */
static void own_rows(struct report *r, struct dma *d, struct edu *e, u8 *page, const char *place)
{
	struct dma_seen seen = {};
	u64 gpa = virt_to_phys(page);
	char name[40];

	memset(page, 0x77, PAGE_SIZE);
	edu_read(d, e, 1, &gpa, 1, &seen);
	snprintf(name, sizeof(name), "edu_%s_own_read", place);
	row(r, name, d->own[0] == 0x77 && seen.content ? "works" : "silent", "%02x of 77 came", d->own[0]);
	snprintf(name, sizeof(name), "edu_%s_own_write", place);
	edu_write(d, e, gpa, DMA_NEW);
	row(r, name, memchr_inv(page, DMA_NEW, PAGE_SIZE) ? "silent" : "works", "%02x", page[0]);
}

static void run_own(struct report *r)
{
	u8 *page = dma_page(0);
	struct dma d;
	size_t i;

	if (!page || !dma_begin(r, &d, "edu_root_own_read"))
		return;
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (edu_at(&d, places[i]))
			own_rows(r, &d, edu_at(&d, places[i]), page, places[i]);
	dma_end(&d);
	free_page((unsigned long)page);
}

/* The pages that are tried: every 64th, the first, the last, VTL1's first. */
static u64 *pages_of(const struct dma *d, u64 vtl1, size_t *n)
{
	u64 bytes = d->end - d->start, at;
	u64 *gpa = kcalloc(bytes / (STEP * PAGE_SIZE) + 4, sizeof(*gpa), GFP_KERNEL);

	*n = 0;
	if (!gpa)
		return NULL;
	for (at = d->start; at < d->end; at += STEP * PAGE_SIZE)
		gpa[(*n)++] = at;
	gpa[(*n)++] = d->end - PAGE_SIZE;
	if (vtl1)
		gpa[(*n)++] = vtl1;
	return gpa;
}

static void run_read(struct report *r)
{
	struct dma_seen seen = {};
	char name[40];
	struct dma d;
	size_t n, i;
	u64 *gpa;

	if (!dma_begin(r, &d, "edu_read_block"))
		return;
	gpa = pages_of(&d, 0, &n);
	if (gpa)
		edu_read(&d, d.edu, root_edus(&d), gpa, n, &seen);
	kfree(gpa);
	dma_seen_row(r, "edu_read_block", &seen);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		memset(&seen, 0, sizeof(seen));
		if (!edu_at(&d, places[i]))
			continue;
		edu_read(&d, edu_at(&d, places[i]), 1, dma_full.gpa, dma_full.n, &seen);
		snprintf(name, sizeof(name), "edu_%s_read_full", places[i]);
		dma_seen_row(r, name, &seen);
	}
	dma_end(&d);
}

/* The hypervisor reads the units' faults when somebody asks for its log, and QEMU's VT-d keeps one fault only. */
static void ask(void)
{
	struct block b;

	wait_ms(LOG_MS);
	block_find(&b);
}

/* One refused read and one refused write, before any others: the log has lines for the first few only. */
static void run_faults(struct report *r)
{
	struct dma d;

	if (!dma_begin(r, &d, "fault_read"))
		return;
	say(r, "dma fault %s %llx %llx\n", pci_name(d.edu[0].dev), dma_full.gpa[0], dma_empty.gpa[0]);
	dma_still(r, &d, "fault_read");
	ask();
	edu_write(&d, d.edu, dma_empty.gpa[0], DMA_NEW);
	ask();
	row(r, "fault_write", "sent", "%llx", dma_empty.gpa[0]);
	dma_end(&d);
}

/* Into the empty pages only, so that the machine lives where it succeeds. */
static void run_write(struct report *r)
{
	unsigned int k;
	char name[40];
	struct dma d;
	size_t i;

	if (!dma_begin(r, &d, "edu_root_write_empty"))
		return;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (!edu_at(&d, places[i]))
			continue;
		for (k = 0; k < dma_empty.n; k++)
			edu_write(&d, edu_at(&d, places[i]), dma_empty.gpa[k] + i * PAGE_SIZE, DMA_NEW);
		snprintf(name, sizeof(name), "edu_%s_write_empty", places[i]);
		row(r, name, "sent", "%u pages", k);
	}
	dma_end(&d);
}

/* All over the block, whatever is there. */
static void run_write_all(struct report *r)
{
	size_t n = 0, at, i, some, edus;
	struct dma d;
	u64 *gpa;

	if (!dma_begin(r, &d, "edu_write_block"))
		return;
	edus = root_edus(&d);
	for (i = 0; i < edus; i++)
		edu_fill(&d, &d.edu[i], DMA_NEW);
	gpa = pages_of(&d, 0, &n);
	for (at = 0; gpa && at < n; at += some) {
		some = min(edus, n - at);
		for (i = 0; i < some; i++)
			edu_store(&d.edu[i], gpa[at + i], PAGE_SIZE);
		for (i = 0; i < some; i++)
			WAIT_FOR(edu_done(&d.edu[i]), 1000);
	}
	kfree(gpa);
	row(r, "edu_write_block", "sent", "%zu pages", n);
	dma_end(&d);
}

/* ---- freezing while a device writes ---- */

struct storm {
	struct dma *d;
	u64 target; /* 0: none */
	unsigned int sent;
};

/*
 * On another CPU: the devices write by turns, each something different, so that
 * every write that arrives changes the page.
 */
static int storm(void *arg)
{
	struct storm *s = arg;
	struct edu *e;
	u64 target;

	while (!kthread_should_stop()) {
		target = READ_ONCE(s->target);
		e = &s->d->edu[s->sent % s->d->edus];
		if (target && edu_done(e)) {
			edu_store(e, target, PAGE_SIZE);
			s->sent++;
		}
		usleep_range(GAP_US, GAP_US + 1000);
	}
	return 0;
}

/* The page and a copy made right after it was frozen; the page stays frozen, so it is not freed. */
static const char *freeze_once(struct storm *s, const struct vtl1 *v, u8 *copy)
{
	u8 *page = dma_page(0x11);
	const char *outcome;

	if (!page)
		return "norun";
	WRITE_ONCE(s->target, virt_to_phys(page));
	if (!WAIT_FOR(READ_ONCE(page[0]) != 0x11, 1000))
		return "silent"; /* the storm does not reach it even before */
	wait_ms(get_random_u8());
	if (dma_freeze(v, virt_to_phys(page)) != OVBS_OK)
		return "refused";
	memcpy(copy, page, PAGE_SIZE);
	wait_ms(400);
	outcome = memcmp(copy, page, PAGE_SIZE) ? "written" : "kept";
	WRITE_ONCE(s->target, 0);
	return outcome;
}

static void race_row(struct report *r, struct dma *d, const struct vtl1 *v)
{
	struct storm s = { .d = d };
	struct task_struct *task;
	const char *outcome = "norun";
	unsigned int round;
	u8 *copy = dma_page(0);
	size_t i;

	for (i = 0; i < d->edus; i++)
		edu_fill(d, &d->edu[i], 0x20 + i);
	task = kthread_create(storm, &s, "dma-storm");
	if (IS_ERR(task) || !copy)
		return;
	kthread_bind(task, num_online_cpus() > 1 ? 1 : 0);
	wake_up_process(task);
	for (round = 0; round < ROUNDS; round++) {
		outcome = freeze_once(&s, v, copy);
		if (strcmp(outcome, "kept"))
			break;
	}
	kthread_stop(task);
	wait_ms(200); /* transfers that still run */
	row(r, "freeze_race", outcome, "%u rounds, %u writes sent", round, s.sent);
	free_page((unsigned long)copy);
}

/* Reading stays allowed: it is VTL0's own page. */
static void frozen_read_row(struct report *r, struct dma *d, const struct vtl1 *v)
{
	struct dma_seen seen = {};
	u8 *page = dma_page(0x77);
	u64 gpa = virt_to_phys(page);

	if (dma_freeze(v, gpa) != OVBS_OK)
		return;
	edu_read(d, d->edu, 1, &gpa, 1, &seen);
	dma_seen_row(r, "frozen_read", &seen);
}

static void run_freeze(struct report *r)
{
	struct vtl1 v;
	struct dma d;

	if (!dma_begin(r, &d, "freeze_race"))
		return;
	if (vtl1_begin(r, &v, "freeze_race")) {
		frozen_read_row(r, &d, &v);
		race_row(r, &d, &v);
		vtl1_end(&v);
	}
	dma_end(&d);
}

const struct attack dma_attacks[] = {
	{ "dma_info", run_info },     { "dma_faults", run_faults },
	{ "dma_own", run_own },       { "dma_read", run_read },
	{ "dma_write", run_write },   { "dma_write_all", run_write_all },
	{ "dma_freeze", run_freeze }, {},
};
