/* links: securekernel/message.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/services.c: a message is what it was when it came,
 * whatever VTL0 writes into its page meanwhile; a trustlet sees the parameters
 * that are its own and nothing of another call's; VTL0's page gets the outputs
 * and no byte beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "../../securekernel/layout.h"
#undef SK_CPU_VA
#define SK_CPU_VA 0x520000000000

#include "../../securekernel/services.c"

#define SESSION 0x10101ULL

struct trustlet trustlets[OVBS_TRUSTLETS_MAX];
unsigned int trustlet_count = 3;
static struct trustlet *t = &trustlets[1];
static struct ovbs_tl_request request, seen;
static enum ovbs_result acquired, ran, with;
static unsigned int runs, releases, closed, protects, resets;
static bool scribble;
static uint64_t sizes;

enum ovbs_result trustlet_acquire_new(const uint8_t uuid[16], struct trustlet **out)
{
	*out = t;
	t->session = SESSION;
	return acquired;
}

enum ovbs_result trustlet_acquire(uint64_t session, bool resume, struct trustlet **out)
{
	*out = t;
	t->session = session;
	return acquired;
}

/* A trustlet that keeps what it saw, fills its whole page with 0xDD, and answers @with. */
enum ovbs_result trustlet_run(struct trustlet *who)
{
	runs++;
	if (who->pending)
		seen = *who->request;
	who->pending = false;
	if (scribble)
		memset(sk_message, 0xEE, PAGE_SIZE); /* VTL0, on another CPU */
	if (ran)
		return ran;
	memset(who->request, 0xDD, sizeof(*who->request));
	who->request->result = with;
	for (unsigned int i = 0; i < OVBS_PARAMS; i++)
		who->request->param[i] = (struct ovbs_param){ 0xD0 + i, sizes };
	return OVBS_OK;
}

void trustlet_release(struct trustlet *who, bool close)
{
	releases++;
	closed += close; /* the page keeps what it has: the next request must not show it */
}

void trustlets_reset(void)
{
	resets++;
}

bool trustlet_info(uint32_t index, struct ovbs_trustlet_info *out)
{
	memset(out, (int)index + 1, sizeof(*out));
	return index <= trustlet_count;
}

static unsigned int freezes, lockdowns, pieces;

enum ovbs_result protect_freeze(uint64_t gpa, uint64_t pages, uint64_t how)
{
	freezes++;
	return OVBS_OK;
}

enum ovbs_result protect_lockdown(void)
{
	lockdowns++;
	return OVBS_OK;
}

enum ovbs_result integrity_add(uint64_t kind, uint64_t va, uint64_t bytes)
{
	pieces++;
	return OVBS_OK;
}

static unsigned int gifts;

enum ovbs_result protect_give(uint64_t gpa, uint64_t n)
{
	gifts++;
	return gpa == 0x200000 && n == 3 ? OVBS_OK : OVBS_E_BAD_PARAMETERS;
}

struct integrity_counts integrity_count(void)
{
	return (struct integrity_counts){ .patches = 11, .refused = 12, .modules = 13, .modules_ever = 14 };
}

static bool locked;

bool protect_locked(void)
{
	return locked;
}

struct protect_counts protect_count(void)
{
	return (struct protect_counts){ .executions = 15, .writes = 16, .frozen_pages = 17 };
}

uint64_t memory_given_bytes(void)
{
	return 18;
}

enum ovbs_result protect_pages(uint64_t gpa, uint64_t pages)
{
	protects++;
	return OVBS_OK;
}

enum ovbs_result protect_register(uint64_t gpa)
{
	return gpa == 0x5000 ? OVBS_OK : OVBS_E_BAD_PARAMETERS;
}

enum ovbs_result protect_unregister(void)
{
	return OVBS_E_BAD_STATE;
}

static int map_cpu(void **state)
{
	void *at = mmap((void *)SK_CPU_VA, 32 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)SK_CPU_VA ? 0 : -1;
}

static int begin(void **state)
{
	memset((void *)SK_CPU_VA, 0, 32 * PAGE_SIZE);
	memset(trustlets, 0, sizeof(trustlets));
	memset(&seen, 0, sizeof(seen));
	sk_this_cpu->message_gpa = 0x5000;
	t->request = &request;
	acquired = ran = with = OVBS_OK;
	runs = releases = closed = protects = resets = 0;
	scribble = false;
	sizes = 0;
	return 0;
}

static struct ovbs_msg *msg(uint32_t op, uint32_t types)
{
	struct ovbs_msg *m = (struct ovbs_msg *)(void *)sk_message;

	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		sk_message[i] = (uint8_t)(i * 7 + i / 256);
	*m = (struct ovbs_msg){
		.abi = OVBS_MSG_ABI, .op = op, .types = types, .session = SESSION, .uid = 1000, .command = 42
	};
	return m;
}

static enum ovbs_result call(uint64_t op)
{
	const struct vtl0_regs r = { .rdx = op, .r8 = 0x5000 };

	return services_call(&r);
}

static void test_operations(void **state)
{
	static const uint32_t bad[] = { 0, OVBS_MSG_INTEGRITY + 1, 16, 16 + OVBS_MSG_VERSION, 0x7FFFFFFF, ~0u };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ovbs_msg *m = msg(bad[i], 0);

		assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_E_NOT_SUPPORTED);
		assert_int_equal(m->result, OVBS_E_NOT_SUPPORTED);
		assert_int_equal(m->origin, OVBS_ORIGIN_VTL1);
	}
	assert_int_equal(call(0), OVBS_E_NOT_SUPPORTED);
	assert_int_equal(call(OVBS_VTL_RESET + 1), OVBS_E_NOT_SUPPORTED);
	assert_int_equal(resets, 0);
	assert_int_equal(call(OVBS_VTL_RESET), OVBS_OK);
	assert_int_equal(resets, 1);
	assert_int_equal(call(1ULL << 32 | OVBS_VTL_MESSAGE), OVBS_E_NOT_SUPPORTED);
	assert_int_equal(call(OVBS_VTL_REGISTER), OVBS_OK);
	assert_int_equal(call(OVBS_VTL_UNREGISTER), OVBS_E_BAD_STATE);
	sk_this_cpu->message_gpa = 0;
	msg(OVBS_MSG_VERSION, 0);
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_E_BAD_STATE);
	assert_int_equal(runs, 0);
}

/* Which services run is what was locked, not what anybody says. */
static void test_version_tells_what_runs(void **state)
{
	static const struct ovbs_sk_info info = { .security_version = 7 };

	services_prepare(&info);
	for (unsigned int i = 0; i < 2; i++) {
		struct ovbs_msg *m = msg(OVBS_MSG_VERSION, 0);

		locked = i;
		assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
		assert_true(m->param[0].a == OVBS_MSG_ABI && m->param[0].b == 7);
		assert_int_equal(m->param[2].a, i ? OVBS_SERVICE_MEMORY_INTEGRITY : 0);
		assert_int_equal(m->param[2].b, 0);
	}
	locked = false;
}

static void put_all_types(struct ovbs_msg *m)
{
	m->param[0] = (struct ovbs_param){ 0x100, 0x20 };
	m->param[1] = (struct ovbs_param){ 0x200, 0x30 };
	m->param[2] = (struct ovbs_param){ 0x7777, 0x8888 };
	m->param[3] = (struct ovbs_param){ 0x300, 0x40 };
}

#define ALL_TYPES                                                                                  \
	OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, OVBS_PARAM_VALUE_OUT,        \
			 OVBS_PARAM_BUFFER_INOUT)

/* The request: inputs at the places they have, everything else 0. */
static void test_what_a_trustlet_sees(void **state)
{
	const uint8_t *page = (const uint8_t *)&seen;

	put_all_types(msg(OVBS_MSG_INVOKE, ALL_TYPES));
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	assert_true(seen.kind == OVBS_TL_INVOKE && seen.command == 42 && seen.uid == 1000);
	assert_true(seen.session == SESSION && seen.types == ALL_TYPES);
	assert_int_equal(seen.param[2].a | seen.param[2].b, 0);
	for (unsigned int i = OVBS_DATA_OFF; i < PAGE_SIZE; i++) {
		bool in = (i >= 0x100 && i < 0x120) || (i >= 0x300 && i < 0x340);

		assert_int_equal(page[i], in ? (uint8_t)(i * 7 + i / 256) : 0);
	}
}

/* The answer: outputs in the size the trustlet says, and not a byte beside them. */
static void test_what_vtl0_gets(void **state)
{
	struct ovbs_msg *m = msg(OVBS_MSG_INVOKE, ALL_TYPES);

	put_all_types(m);
	sizes = 0x10;
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	assert_int_equal(m->origin, OVBS_ORIGIN_TRUSTLET);
	assert_true(m->param[0].a == 0x100 && m->param[0].b == 0x20);
	assert_true(m->param[1].a == 0x200 && m->param[1].b == 0x10);
	assert_true(m->param[2].a == 0xD2 && m->param[2].b == 0x10);
	assert_true(m->param[3].a == 0x300 && m->param[3].b == 0x10);
	for (unsigned int i = OVBS_DATA_OFF; i < PAGE_SIZE; i++) {
		bool out = (i >= 0x200 && i < 0x210) || (i >= 0x300 && i < 0x310);

		assert_int_equal(sk_message[i], out ? 0xDD : (uint8_t)(i * 7 + i / 256));
	}
	assert_true(releases == 1 && closed == 0);
}

/* Sizes that are larger than given copy nothing, whatever the result. */
static void test_nothing_is_copied_beyond(void **state)
{
	static const enum ovbs_result results[] = { OVBS_OK, OVBS_E_SHORT_BUFFER, OVBS_E_SECURITY };

	for (size_t n = 0; n < ARRAY_SIZE(results); n++) {
		put_all_types(msg(OVBS_MSG_INVOKE, ALL_TYPES));
		with = results[n];
		sizes = n == 2 ? ~0ULL : 0x41;
		assert_int_equal(call(OVBS_VTL_MESSAGE), with == OVBS_E_SHORT_BUFFER ? with : OVBS_E_GENERIC);
		for (unsigned int i = OVBS_DATA_OFF; i < PAGE_SIZE; i++)
			assert_int_equal(sk_message[i], (uint8_t)(i * 7 + i / 256));
	}
}

/* VTL0 rewrites its page while the trustlet runs: the answer goes where the message said when it came. */
static void test_page_changes_meanwhile(void **state)
{
	struct ovbs_msg *m = msg(OVBS_MSG_INVOKE, ALL_TYPES);

	put_all_types(m);
	sizes = 0x10;
	scribble = true;
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	assert_true(m->abi == OVBS_MSG_ABI && m->op == OVBS_MSG_INVOKE && m->types == ALL_TYPES);
	assert_true(m->param[1].a == 0x200 && m->param[1].b == 0x10);
	for (unsigned int i = OVBS_DATA_OFF; i < PAGE_SIZE; i++) {
		bool out = (i >= 0x200 && i < 0x210) || (i >= 0x300 && i < 0x310);

		assert_int_equal(sk_message[i], out ? 0xDD : 0xEE);
	}
}

/* One caller's numbers never come back in another's message. */
static void test_no_numbers_of_an_earlier_call(void **state)
{
	struct ovbs_msg *m =
		msg(OVBS_MSG_INVOKE, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0));

	m->param[0] = (struct ovbs_param){ 0x5EC2E7, 0x5EC2E7 };
	m->param[1] = m->param[0];
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	m = msg(OVBS_MSG_INVOKE, 0);
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		assert_int_equal(seen.param[i].a | seen.param[i].b, 0);
		assert_int_equal(m->param[i].a | m->param[i].b, 0);
	}
}

static void test_sessions_end(void **state)
{
	static const struct {
		uint32_t op;
		enum ovbs_result with;
		bool closes;
	} rows[] = {
		{ OVBS_MSG_OPEN, OVBS_OK, false },   { OVBS_MSG_OPEN, OVBS_E_ACCESS_DENIED, true },
		{ OVBS_MSG_INVOKE, OVBS_OK, false }, { OVBS_MSG_INVOKE, OVBS_E_SECURITY, false },
		{ OVBS_MSG_CLOSE, OVBS_OK, true },   { OVBS_MSG_CLOSE, OVBS_E_SECURITY, true }
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		releases = closed = 0;
		with = rows[i].with;
		msg(rows[i].op, 0);
		assert_int_equal(call(OVBS_VTL_MESSAGE), with);
		assert_int_equal(releases, 1);
		assert_int_equal(closed, rows[i].closes);
	}
	msg(OVBS_MSG_CLOSE, OVBS_PARAM_VALUE_IN);
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_E_BAD_FORMAT);
	acquired = OVBS_E_BUSY;
	runs = releases = 0;
	for (uint32_t op = OVBS_MSG_OPEN; op <= OVBS_MSG_RESUME; op++) {
		msg(op, 0);
		assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_E_BUSY);
	}
	assert_int_equal(runs + releases, 0);
}

/* Interrupted, then gone on with: types and places are those of the first message. */
static void test_resume(void **state)
{
	struct ovbs_msg *m = msg(OVBS_MSG_INVOKE, ALL_TYPES);

	put_all_types(m);
	ran = OVBS_INTERRUPTED;
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_INTERRUPTED);
	assert_true(m->session == SESSION && m->origin == OVBS_ORIGIN_VTL1 && releases == 0);
	ran = OVBS_OK;
	sizes = 4;
	m = msg(OVBS_MSG_RESUME, OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_OUT, 0, 0, 0));
	m->param[0] = (struct ovbs_param){ 0x800, 0x100 };
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	assert_int_equal(m->types, ALL_TYPES);
	assert_true(m->param[1].a == 0x200 && m->param[1].b == 4);
	assert_int_equal(sk_message[0x203], 0xDD);
	assert_int_not_equal(sk_message[0x204], 0xDD);
	assert_int_not_equal(sk_message[0x800], 0xDD);
}

static void test_list(void **state)
{
	static const uint64_t first[] = { 0, 3, 4, 1ULL << 32, ~0ULL, ~0ULL - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct ovbs_msg *m = msg(OVBS_MSG_TRUSTLETS, 0);
		uint64_t want = first[i] <= 3 ? 4 - first[i] : 0;

		m->param[0].a = first[i];
		assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
		assert_int_equal(m->param[0].b, want);
		if (want)
			assert_int_equal(sk_message[OVBS_DATA_OFF], first[i] + 1);
	}
}

static void test_protect_wants_its_types(void **state)
{
	for (uint32_t types = 0; types < 0x20; types++) {
		protects = 0;
		msg(OVBS_MSG_PROTECT, types);
		(void)call(OVBS_VTL_MESSAGE);
		assert_int_equal(protects, types == OVBS_PARAM_VALUE_IN);
	}
}

static void test_integrity_wants_its_types(void **state)
{
	const uint32_t two = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0);

	for (uint32_t types = 0; types < 0x120; types++) {
		freezes = lockdowns = pieces = 0;
		msg(OVBS_MSG_FREEZE, types);
		(void)call(OVBS_VTL_MESSAGE);
		msg(OVBS_MSG_SITES, types);
		(void)call(OVBS_VTL_MESSAGE);
		msg(OVBS_MSG_LOCKDOWN, types);
		(void)call(OVBS_VTL_MESSAGE);
		assert_int_equal(freezes, types == two);
		assert_int_equal(pieces, types == two);
		assert_int_equal(lockdowns, !types);
	}
	msg(OVBS_MSG_FREEZE, two)->param[1].b = 1;
	freezes = 0;
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(freezes, 0);
}

static void test_gifts_and_counters(void **state)
{
	const uint32_t one = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0), out = 0x2222;
	struct ovbs_msg *m;

	for (uint32_t types = 0; types <= 0x3333; types++) {
		gifts = 0;
		msg(OVBS_MSG_GIVE, types);
		(void)call(OVBS_VTL_MESSAGE);
		assert_int_equal(gifts, types == one);
		m = msg(OVBS_MSG_INTEGRITY, types);
		assert_int_equal(call(OVBS_VTL_MESSAGE), types == out ? OVBS_OK : OVBS_E_BAD_FORMAT);
		assert_int_equal(m->param[2].a, types == out ? 13 : 0);
	}
	m = msg(OVBS_MSG_GIVE, one);
	m->param[0] = (struct ovbs_param){ 0x200000, 3 };
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	m = msg(OVBS_MSG_INTEGRITY, out);
	assert_int_equal(call(OVBS_VTL_MESSAGE), OVBS_OK);
	assert_int_equal(m->param[0].a, 11);
	assert_int_equal(m->param[0].b, 12);
	assert_int_equal(m->param[1].a, 15);
	assert_int_equal(m->param[1].b, 16);
	assert_int_equal(m->param[2].b, 17);
	assert_int_equal(m->param[3].a, 14);
	assert_int_equal(m->param[3].b, 18);
}

#define IN_PAGE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PAGE(test_operations),
		IN_PAGE(test_version_tells_what_runs),
		IN_PAGE(test_what_a_trustlet_sees),
		IN_PAGE(test_what_vtl0_gets),
		IN_PAGE(test_nothing_is_copied_beyond),
		IN_PAGE(test_page_changes_meanwhile),
		IN_PAGE(test_no_numbers_of_an_earlier_call),
		IN_PAGE(test_sessions_end),
		IN_PAGE(test_resume),
		IN_PAGE(test_list),
		IN_PAGE(test_protect_wants_its_types),
		IN_PAGE(test_integrity_wants_its_types),
		IN_PAGE(test_gifts_and_counters),
	};

	return cmocka_run_group_tests(tests, map_cpu, NULL);
}
