// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state model: the product of all facts against what must hold for each of
 * them, and a table of the rows that people see most, spelled out.
 */
/* links: lib/state.c lib/settings.c lib/crc32.c lib/level.c lib/checks.c lib/verdict.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "checks.h"
#include "state.h"

static struct ovbs_platform platform;

/* What the loader may have left. */
struct boot {
	enum state_loader loader;
	unsigned int version;
	enum ovbs_state state;
	enum ovbs_reason reason;
};

static const struct boot boots[] = {
	{ STATE_LOADER_ABSENT, 0, 0, 0 },
	{ STATE_LOADER_UNREADABLE, 0, 0, 0 },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, OVBS_REASON_NONE },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NONE }, /* makes no sense */
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NOT_CONFIGURED },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_VIRTUALIZATION },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_FIRMWARE_OFF },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_OTHER_HYPERVISOR },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_SECURE_BOOT },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_IOMMU },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_IMAGE_REFUSED },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_OUT_OF_MEMORY },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_OPTED_OUT },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_OTHER },
	{ STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, (enum ovbs_reason)99 }, /* of a later version */
	{ STATE_LOADER_RAN, 1, OVBS_STATE_RUNNING, OVBS_REASON_NONE },
	{ STATE_LOADER_RAN, 1, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NOT_CONFIGURED },
	{ STATE_LOADER_RAN, 1, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_VIRTUALIZATION },
};

static void make_status(struct ovbs_status *status, const struct boot *boot, uint32_t vbs, uint32_t level)
{
	memset(status, 0, sizeof(*status));
	status->magic = OVBS_STATUS_MAGIC;
	status->version = (uint16_t)boot->version;
	status->size = sizeof(*status);
	status->state = boot->state;
	status->reason = boot->reason;
	if (boot->reason != OVBS_REASON_NONE) {
		strcpy(status->check, boot->reason == OVBS_REASON_IMAGE_REFUSED ? "" : "some.check");
		strcpy(status->evidence, "what was read");
	}
	if (boot->version < 2)
		return;
	status->setting[OVBS_SET_VBS].value = vbs;
	status->setting[OVBS_SET_VBS].source = OVBS_SOURCE_LOCAL;
	status->setting[OVBS_SET_LEVEL].value = level;
	if (vbs == 1) {
		status->setting[OVBS_SET_HVCI].value = 1;
		status->setting[OVBS_SET_LSA_CFG].value = 2;
	}
	if (boot->reason == OVBS_REASON_OPTED_OUT)
		status->findings |= OVBS_FOUND_OPTED_OUT;
}

static void make_next(struct state_facts *f, uint32_t vbs, uint32_t level, enum ovbs_source source)
{
	memset(&f->next, 0, sizeof(f->next));
	f->next_known = true;
	f->next.v[OVBS_SET_VBS] = (struct settings_value){ vbs, source };
	f->next.v[OVBS_SET_LEVEL] = (struct settings_value){ level, source };
	f->next.opted_out = source == OVBS_SOURCE_OPT_OUT;
	if (vbs == 1) {
		f->next.v[OVBS_SET_HVCI].value = 1;
		f->next.v[OVBS_SET_LSA_CFG].value = 2;
	}
}

static bool ends(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void check_texts(const struct state *s)
{
	assert_true(ends(s->text, sizeof(s->text)) && s->text[0] != '\0');
	assert_true(ends(s->check, sizeof(s->check)) && ends(s->evidence, sizeof(s->evidence)));
	assert_true(ends(s->pending, sizeof(s->pending)));
	assert_non_null(s->advice);
	assert_int_equal(s->pending_reboot, s->pending[0] != '\0');
	assert_int_equal(starts(s->text, "Running"), s->running);
	assert_int_equal(strcmp(s->text, "Running") == 0, s->running && s->configured);
	assert_int_equal(starts(s->text, "Running, off at the next boot ("), s->running && !s->configured);
	assert_int_equal(starts(s->text, "Enabled but not running: "), !s->running && s->configured);
	assert_int_equal(strcmp(s->text, "Not enabled") == 0, !s->running && !s->configured);
}

static void check_reason(const struct state_facts *f, const struct state *s)
{
	if (s->running) {
		assert_int_equal(s->reason, OVBS_REASON_NONE);
		assert_string_equal(s->check, "");
		assert_string_equal(s->advice, "");
		return;
	}
	assert_int_not_equal(s->reason, OVBS_REASON_NONE);
	assert_true(s->check[0] != '\0' && s->evidence[0] != '\0');
	assert_true(s->advice[0] != '\0' || f->status->reason == 99);
	if (s->known && !s->configured)
		assert_true(s->reason == OVBS_REASON_NOT_CONFIGURED || s->reason == OVBS_REASON_OPTED_OUT);
	if (s->configured)
		assert_true(s->reason != OVBS_REASON_NOT_CONFIGURED && s->reason != OVBS_REASON_OPTED_OUT);
}

static void check_services(const struct state_facts *f, const struct state *s)
{
	uint32_t configured = 0, running = 0;

	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		const struct state_service *service = &s->service[i];

		assert_true(ends(service->why, sizeof(service->why)));
		assert_int_equal(service->running, service->why[0] == '\0');
		assert_true(!service->running || s->running);
		assert_true(!service->configured || s->configured);
		assert_string_equal(service->name, state_service_name(service->id));
		configured |= service->configured ? STATE_BIT(service->id) : 0;
		running |= service->running ? STATE_BIT(service->id) : 0;
		if (service->configured && (s->next_known || s->now_known) &&
		    (f->services_built & STATE_BIT(service->id)) == 0 && !service->running)
			assert_string_equal(service->why, "not built into this version");
	}
	assert_int_equal(configured, s->services_configured);
	assert_int_equal(running, s->services_running);
	assert_int_equal(running & ~f->services_running, 0);
}

static void check_properties(const struct state_facts *f, const struct state *s)
{
	uint32_t level = s->next_known ? f->next.v[OVBS_SET_LEVEL].value :
			 s->now_known  ? f->status->setting[OVBS_SET_LEVEL].value :
					 0;

	assert_int_equal(s->required, !s->configured || level == 0 ? 0 : level == 3 ? 0xE : 0x6);
	assert_int_equal(s->available & STATE_BIT(STATE_DMA_PROTECTION), 0); /* of this platform */
	assert_false(s->dma_protection);
	assert_int_equal(s->available_known, f->platform != NULL);
	if (f->platform == NULL)
		assert_int_equal(s->available & ~STATE_BIT(STATE_BASE_VIRTUALIZATION), 0);
}

static void check_pending(const struct state_facts *f, const struct state *s)
{
	bool differ = false;

	if (s->now_known && s->next_known) {
		for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
			differ |= f->status->setting[id].value != f->next.v[id].value;
		differ |= ((f->status->findings & OVBS_FOUND_OPTED_OUT) != 0) != f->next.opted_out;
		assert_int_equal(s->pending_reboot, differ || f->opt_out_pending);
	}
	if (f->opt_out_pending)
		assert_true(s->pending_reboot);
}

static void check(const struct state_facts *f)
{
	struct state s, again;

	state_compute(f, &s);
	assert_int_equal(s.running, f->proof == STATE_PROOF_OK);
	assert_int_equal(s.status, s.running ? 2 : s.configured ? 1 : 0);
	assert_int_equal(s.known, f->next_known || f->loader == STATE_LOADER_RAN);
	if (f->next_known)
		assert_int_equal(s.configured, f->next.v[OVBS_SET_VBS].value);
	if (!f->next_known)
		assert_int_equal(s.from, STATE_FROM_NOW);
	check_texts(&s);
	check_reason(f, &s);
	check_services(f, &s);
	check_properties(f, &s);
	check_pending(f, &s);
	state_compute(f, &again);
	assert_memory_equal(&s, &again, sizeof(s));
}

/* Facts that change independently, below one boot and one kind of settings. */
static void each_rest(struct state_facts *f)
{
	for (unsigned int bits = 0; bits < 64; bits++) {
		f->cpuid = (bits & 1) != 0;
		f->opt_out_pending = (bits & 2) != 0;
		f->change.known = (bits & 4) != 0;
		f->platform = (bits & 8) != 0 ? &platform : NULL;
		f->services_running = (bits & 16) != 0 ? 0xFFFFFFFF : 0;
		f->services_built = (bits & 32) != 0 ? STATE_BIT(STATE_MEMORY_INTEGRITY) : 0;
		f->boot_order = (enum ovbs_fact)(bits * 7 % 5); /* every kind with each of the others */
		for (int proof = STATE_PROOF_NO_HYPERVISOR; proof <= STATE_PROOF_OK; proof++) {
			f->proof = (enum state_proof)proof;
			f->proof_why = (bits & 4) != 0 ? "Input/output error" : NULL;
			check(f);
		}
	}
}

static void each_next(struct state_facts *f)
{
	static const uint32_t levels[] = { 0, 1, 3 };

	f->next_known = false;
	f->next_why = "may not be read";
	each_rest(f);
	f->next_why = NULL;
	for (uint32_t vbs = 0; vbs <= 1; vbs++)
		for (unsigned int level = 0; level < 3; level++)
			for (int source = OVBS_SOURCE_DEFAULT; source <= OVBS_SOURCE_OPT_OUT; source++) {
				make_next(f, vbs, levels[level], (enum ovbs_source)source);
				each_rest(f);
			}
}

static void test_every_combination(void **unused)
{
	for (unsigned int boot = 0; boot < sizeof(boots) / sizeof(boots[0]); boot++)
		for (uint32_t vbs = 0; vbs <= 1; vbs++) {
			struct ovbs_status status;
			struct state_facts f = { .loader = boots[boot].loader, .status = &status };

			f.change = (struct state_change){ .uid = 1000,
							  .when_s = 1700000000,
							  .by = "vbsctl disable" };
			make_status(&status, &boots[boot], vbs, 1);
			each_next(&f);
		}
}

#define NO_NEXT 2u

static const struct row {
	struct boot boot;
	uint32_t now, next; /* VBS; NO_NEXT: not known */
	bool cpuid;
	enum state_proof proof;
	const char *text, *check;
	bool pending;
	enum state_from from;
} rows[] = {
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 }, 1, 1, true, STATE_PROOF_OK, "Running", "", false, STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 },
	  1,
	  0,
	  true,
	  STATE_PROOF_OK,
	  "Running, off at the next boot (vbsctl disable by user 1000, 2023-11-14 22:13 UTC)",
	  "",
	  true,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 },
	  1,
	  1,
	  true,
	  STATE_PROOF_NO_MODULE,
	  "Enabled but not running: other (vtl1.no_module)",
	  "vtl1.no_module",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 },
	  1,
	  1,
	  true,
	  STATE_PROOF_FAILED,
	  "Enabled but not running: other (vtl1.no_answer)",
	  "vtl1.no_answer",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 },
	  1,
	  1,
	  true,
	  STATE_PROOF_NO_ACCESS,
	  "Enabled but not running: other (vtl1.no_access)",
	  "vtl1.no_access",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_RUNNING, 0 },
	  1,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: other (vtl1.no_hypervisor)",
	  "vtl1.no_hypervisor",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_IOMMU },
	  1,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: no IOMMU",
	  "some.check",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_IMAGE_REFUSED },
	  1,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: image refused",
	  "loader",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NOT_CONFIGURED },
	  0,
	  0,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Not enabled",
	  "settings.vbs",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NOT_CONFIGURED },
	  0,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: reboot required",
	  "settings.changed",
	  true,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_RAN, 2, OVBS_STATE_NOT_RUNNING, OVBS_REASON_OPTED_OUT },
	  0,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: reboot required",
	  "settings.changed",
	  true,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_ABSENT, 0, 0, 0 },
	  0,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: other (loader.not_started)",
	  "loader.not_started",
	  true,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_ABSENT, 0, 0, 0 }, 0, 0, false, STATE_PROOF_NO_HYPERVISOR, "Not enabled", "settings.vbs", false, STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_ABSENT, 0, 0, 0 },
	  0,
	  1,
	  true,
	  STATE_PROOF_NO_MODULE,
	  "Enabled but not running: other (status.missing)",
	  "status.missing",
	  false,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_UNREADABLE, 0, 0, 0 },
	  0,
	  1,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: other (status.unreadable)",
	  "status.unreadable",
	  false,
	  STATE_FROM_NEXT_BOOT },
	{ { STATE_LOADER_UNREADABLE, 0, 0, 0 },
	  0,
	  NO_NEXT,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Not enabled",
	  "settings.unreadable",
	  false,
	  STATE_FROM_NOW },
	{ { STATE_LOADER_UNREADABLE, 0, 0, 0 }, 0, NO_NEXT, true, STATE_PROOF_OK, "Running", "", false, STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 1, OVBS_STATE_RUNNING, 0 }, 0, NO_NEXT, true, STATE_PROOF_OK, "Running", "", false, STATE_FROM_NOW },
	{ { STATE_LOADER_RAN, 1, OVBS_STATE_NOT_RUNNING, OVBS_REASON_NO_VIRTUALIZATION },
	  0,
	  NO_NEXT,
	  false,
	  STATE_PROOF_NO_HYPERVISOR,
	  "Enabled but not running: CPU lacks virtualization",
	  "some.check",
	  false,
	  STATE_FROM_NOW },
};

static void test_rows(void **unused)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct ovbs_status status;
		struct state_facts f = { .loader = row->boot.loader,
					 .status = &status,
					 .cpuid = row->cpuid,
					 .proof = row->proof,
					 .boot_order = OVBS_FACT_YES };
		struct state s;

		f.change = (struct state_change){ true, 1000, 1700000000, "vbsctl disable" };
		make_status(&status, &row->boot, row->now, 0);
		if (row->next != NO_NEXT)
			make_next(&f, row->next, 0, OVBS_SOURCE_LOCAL);
		state_compute(&f, &s);
		if (strcmp(s.text, row->text) != 0 || strcmp(s.check, row->check) != 0 ||
		    s.pending_reboot != row->pending || s.from != row->from)
			fail_msg("row %u: \"%s\" %s pending %d from %d", i, s.text, s.check,
				 s.pending_reboot, s.from);
	}
}

static void test_off_names_who(void **unused)
{
	struct ovbs_status status;
	struct state_facts f = { .loader = STATE_LOADER_RAN, .status = &status };
	struct state s;

	make_status(&status, &boots[4], 0, 0);
	make_next(&f, 0, 0, OVBS_SOURCE_POLICY);
	state_compute(&f, &s);
	assert_string_equal(s.evidence, "EnableVirtualizationBasedSecurity=0 by policy");
	make_next(&f, 0, 0, OVBS_SOURCE_DEFAULT);
	state_compute(&f, &s);
	assert_string_equal(s.evidence, "EnableVirtualizationBasedSecurity is absent");
	make_next(&f, 0, 0, OVBS_SOURCE_OPT_OUT);
	state_compute(&f, &s);
	assert_int_equal(s.reason, OVBS_REASON_OPTED_OUT);
}

static void test_pending_names_values(void **unused)
{
	struct ovbs_status status;
	struct state_facts f = { .loader = STATE_LOADER_RAN, .status = &status, .proof = STATE_PROOF_OK };
	struct state s;

	make_status(&status, &boots[2], 1, 1);
	make_next(&f, 1, 3, OVBS_SOURCE_LOCAL);
	f.next.v[OVBS_SET_LSA_CFG].value = 0;
	state_compute(&f, &s);
	assert_string_equal(s.pending, "RequirePlatformSecurityFeatures 1 -> 3; LsaCfgFlags 2 -> 0");
	assert_int_equal(s.services_configured, STATE_BIT(STATE_MEMORY_INTEGRITY));
	assert_string_equal(s.service[0].why, "LsaCfgFlags=0");
	f.services_built = f.services_running = STATE_BIT(STATE_MEMORY_INTEGRITY);
	state_compute(&f, &s);
	assert_int_equal(s.services_running, STATE_BIT(STATE_MEMORY_INTEGRITY));
	f.services_running = 0;
	state_compute(&f, &s);
	assert_non_null(strstr(s.service[1].why, "VTL1 does not say that it runs: openvbs.ko was not told"));
}

/* One fact of the platform at a time, and what it makes available. */
static void test_available(void **unused)
{
	struct ovbs_status status;
	struct ovbs_platform p = { .size = sizeof(p) };
	struct state_facts f = { .loader = STATE_LOADER_RAN, .status = &status, .platform = &p };
	struct state s;

	make_status(&status, &boots[2], 1, 1);
	state_compute(&f, &s);
	assert_int_equal(s.available, 0);
	p.iommu_kind = OVBS_IOMMU_AMD;
	p.iommu = p.mor = OVBS_FACT_YES;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 3);
	p.iommu = OVBS_FACT_UNREADABLE;
	state_compute(&f, &s);
	assert_int_equal(s.available, 0);
	p.secure_boot = p.mor_lock = p.mat = p.wsmt = OVBS_FACT_YES;
	p.wsmt_flags = 3;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 2 | 1 << 4 | 1 << 5);
	p.shim_off = OVBS_FACT_YES;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 4 | 1 << 5);
	p.shim_off = OVBS_FACT_ABSENT;
	p.setup_mode = OVBS_FACT_YES;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 4 | 1 << 5);
	p.setup_mode = OVBS_FACT_NO;
	p.wsmt_flags = 7;
	p.cpu = platform.cpu;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6);
	p.cpu.svm_edx |= 1u << 13 | 1u << 17;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 1 | 1 << 2 | 0x1F0);
	memset(&p.cpu, 0, sizeof(p.cpu));
	p.cpu.vmx[VMX_PROCBASED2] = 1ull << 54 | 1ull << 40;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 2 | 0xF0);
	p.cpu.vmx[VMX_PROCBASED2] |= 1ull << 41;
	state_compute(&f, &s);
	assert_int_equal(s.available, 1 << 2 | 0x1F0);
}

/* "On" takes proof that it runs, and the loader's word of this boot; an IOMMU that failed is not available. */
static void test_dma_protection(void **unused)
{
	struct ovbs_platform p = { .size = sizeof(p), .iommu_kind = OVBS_IOMMU_INTEL, .iommu = OVBS_FACT_YES };
	struct ovbs_status status;
	struct state_facts f = { .loader = STATE_LOADER_RAN, .status = &status, .platform = &p };
	struct state s;

	make_status(&status, &boots[2], 1, 3);
	for (unsigned int i = 0; i < 16; i++) {
		bool runs = (i & 1) != 0, by_loader = (i & 2) != 0;

		f.proof = runs ? STATE_PROOF_OK : STATE_PROOF_FAILED;
		p.by_loader = by_loader;
		p.dma = (uint8_t)(i >> 2); /* 3: of a later version */
		state_compute(&f, &s);
		assert_int_equal(s.required, 0xE);
		assert_int_equal(s.dma_protection, runs && by_loader && p.dma == 2);
		assert_int_equal(s.available >> STATE_DMA_PROTECTION & 1, p.dma != 1);
	}
	assert_non_null(strstr(state_check_advice("iommu.enable", OVBS_REASON_NO_IOMMU), "firmware"));
	assert_non_null(strstr(state_advice(OVBS_REASON_NO_IOMMU), "--level 1"));
}

static void test_time(void **unused)
{
	static const struct {
		uint64_t when;
		const char *text;
	} times[] = {
		{ 0, "unknown time" },
		{ 1, "1970-01-01 00:00 UTC" },
		{ 951782399, "2000-02-28 23:59 UTC" },
		{ 951782400, "2000-02-29 00:00 UTC" },
		{ 951868800, "2000-03-01 00:00 UTC" },
		{ 1798761599, "2026-12-31 23:59 UTC" },
		{ 4107542400, "2100-03-01 00:00 UTC" },
		{ 253402300799, "9999-12-31 23:59 UTC" },
		{ 253402300800, "unknown time" },
		{ UINT64_MAX, "unknown time" },
	};
	char text[STATE_TIME_SIZE];

	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		state_time(times[i].when, text);
		assert_string_equal(text, times[i].text);
	}
}

static void test_names(void **unused)
{
	for (int id = -1; id < 40; id++) {
		assert_non_null(state_setting_name((enum ovbs_setting)id));
		assert_non_null(state_property_name((enum state_property)id));
		assert_non_null(state_service_name((enum state_service_id)id));
		assert_non_null(state_advice((enum ovbs_reason)id));
		assert_ptr_equal(state_check_advice("cpuid.svm", (enum ovbs_reason)id),
				 state_advice((enum ovbs_reason)id));
	}
	assert_non_null(strstr(state_check_advice("level.shim", OVBS_REASON_NO_SECURE_BOOT), "mokutil"));
	assert_string_equal(state_setting_name(OVBS_SETTINGS), "unknown");
	assert_string_equal(state_property_name((enum state_property)0), "unknown");
}

static int setup(void **unused)
{
	platform.size = sizeof(platform);
	platform.by_loader = 1;
	platform.cpu = (struct ovbs_cpu_facts){ .signature = 0x00A20F10,
						.ext_ecx = CPUID_EXT_ECX_SVM,
						.ext_edx = CPUID_EXT_EDX_NX | CPUID_EXT_EDX_LM,
						.svm_ebx = 16,
						.svm_edx = CPUID_SVM_EDX_NP,
						.vendor = "AuthenticAMD" };
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_off_names_who),
		cmocka_unit_test(test_pending_names_values),
		cmocka_unit_test(test_available),
		cmocka_unit_test(test_dma_protection),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
