/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of the hypercall interface (hypervisor/core/hypercall.c), with
 * a model of the machine around it: what the table does not
 * allow is refused by the right status and without any effect; the input is
 * read once, so that the caller can't change it in between; and a rep hypercall
 * says exactly how much of it was done.
 */
#include "hypercall_model.h"

static void test_unknown_codes(void **state)
{
	static const uint16_t known[] = { 0x0C, 0x0D, 0x0F, 0x50, 0x51, 0x7F01 };

	for (unsigned int vtl = 0; vtl < VTL_COUNT; vtl++) {
		begin(vtl);
		for (uint32_t code = 0; code <= 0xFFFF; code++) {
			bool is_known = false;

			for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
				is_known |= known[i] == code;
			if (is_known)
				continue;
			/* 11h and 12h are VTL call and return if nothing else is set. */
			assert_true(call(code | 1ULL << 27, IN, OUT) == DONE(0, INVALID_HYPERCALL_CODE));
			assert_true(call(code | HV_CALL_FAST, IN, OUT) == DONE(0, INVALID_HYPERCALL_CODE));
		}
		assert_no_effect();
		assert_int_equal(reads, 0);
	}
}

/* The caller is checked before anything that it wrote. */
static void test_callers(void **state)
{
	static const uint64_t vtl1_only[] = { CODE(MODIFY_VTL_PROTECTION_MASK), CODE(ENABLE_VP_VTL),
					      CODE(OVBS_LOG) };

	begin(0);
	for (size_t i = 0; i < ARRAY_SIZE(vtl1_only); i++) {
		assert_true(call(vtl1_only[i], IN, OUT) == DONE(0, ACCESS_DENIED));
		assert_true(call(vtl1_only[i] | REPS(1), IN, OUT) == DONE(0, ACCESS_DENIED));
		assert_true(call(vtl1_only[i] | HV_CALL_FAST, IN, OUT) == DONE(0, ACCESS_DENIED));
		assert_true(call(vtl1_only[i] | 1ULL << 63, 3, OUT) == DONE(0, ACCESS_DENIED));
	}
	assert_no_effect();
	assert_int_equal(reads, 0);
}

static const struct {
	uint64_t control;
	bool rep, fast;
} all[] = {
	{ CODE(MODIFY_VTL_PROTECTION_MASK), true, false },
	{ CODE(ENABLE_PARTITION_VTL), false, false },
	{ CODE(ENABLE_VP_VTL), false, false },
	{ CODE(GET_VP_REGISTERS), true, false },
	{ CODE(SET_VP_REGISTERS), true, false },
	{ CODE(OVBS_LOG), false, true },
};

static void test_control_word(void **state)
{
	begin(1);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		uint64_t good = all[i].control | (all[i].fast ? HV_CALL_FAST : 0) |
				(all[i].rep ? REPS(1) : 0);

		/* Varhead, bits 26:17, and every reserved one; bit 16 is wrong for each. */
		for (unsigned int bit = 16; bit < 64; bit++) {
			if (bit >= 32 && bit < 60 && (bit & 15) < 12)
				continue; /* the count and the start */
			assert_true(call(good ^ 1ULL << bit, OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
		}
		if (all[i].rep) {
			assert_true(call(good & ~REPS(0xFFF), OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
			assert_true(call(good | FROM(1), OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
			assert_true(call(good | FROM(0xFFF), OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
		} else {
			assert_true(call(good | REPS(1), OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
			assert_true(call(good | FROM(1), OWN_AT, VTL1_OUT) ==
				    DONE(0, INVALID_HYPERCALL_INPUT));
		}
	}
	assert_no_effect();
	assert_int_equal(reads, 0);
}

static void test_input_address(void **state)
{
	static const struct {
		uint64_t at;
		enum hv_status want;
	} rows[] = {
		{ IN + 1, HV_STATUS_INVALID_ALIGNMENT },
		{ IN + 4, HV_STATUS_INVALID_ALIGNMENT },
		{ IN + 7, HV_STATUS_INVALID_ALIGNMENT },
		{ RAM_AT + PAGE_SIZE - 16, HV_STATUS_INVALID_ALIGNMENT }, /* 20 bytes */
		{ RAM_AT + PAGE_SIZE - 24, HV_STATUS_SUCCESS },
		{ 0, HV_STATUS_INVALID_PARAMETER },
		{ OWN_AT, HV_STATUS_INVALID_PARAMETER },
		{ RAM_AT + AREA, HV_STATUS_INVALID_PARAMETER },
		{ 0 - 8ULL, HV_STATUS_INVALID_ALIGNMENT },
		{ 0 - PAGE_SIZE, HV_STATUS_INVALID_PARAMETER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(0);
		put_names(0, 1);
		memcpy(ram + PAGE_SIZE - 24, ram + 0x100, 24);
		assert_int_equal(HV_RESULT_STATUS(call(CODE(GET_VP_REGISTERS) | REPS(1), rows[i].at, OUT)),
				 rows[i].want);
		assert_int_equal(reads, rows[i].want == HV_STATUS_SUCCESS); /* nothing but RAM is ever read */
		assert_int_equal(writes, rows[i].want == HV_STATUS_SUCCESS);
	}
	/* The whole list counts, not the part that is left to do. */
	begin(0);
	put_names(0, 32);
	assert_true(call(CODE(SET_VP_REGISTERS) | REPS(0xFFF) | FROM(0xFFE), IN, 0) ==
		    DONE(0, INVALID_ALIGNMENT));
	assert_true(call(CODE(SET_VP_REGISTERS) | REPS(128), RAM_AT, 0) == DONE(0, INVALID_ALIGNMENT)); /* 16 + 4096 */
	assert_int_equal(reads, 0);
}

static void test_output_address(void **state)
{
	static const struct {
		uint64_t at;
		enum hv_status want;
	} rows[] = {
		{ OUT + 4, HV_STATUS_INVALID_ALIGNMENT },
		{ OUT + PAGE_SIZE - 24, HV_STATUS_INVALID_ALIGNMENT },
		{ OUT + PAGE_SIZE - 32, HV_STATUS_SUCCESS },
		{ 0, HV_STATUS_INVALID_PARAMETER },
		{ OWN_AT, HV_STATUS_INVALID_PARAMETER },
		{ 0 - 8ULL, HV_STATUS_INVALID_ALIGNMENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t done = rows[i].want == HV_STATUS_SUCCESS ? 2 : 0;

		begin(0);
		put_names(0, 2);
		assert_true(call(CODE(GET_VP_REGISTERS) | REPS(2), IN, rows[i].at) ==
			    (done << 32 | rows[i].want));
	}
}

/* The output is gathered in 512 bytes: 32 registers, counted from where the call goes on. */
static void test_output_size(void **state)
{
	begin(0);
	put_names(0, 64);
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(32), IN, OUT) == DONE(32, SUCCESS));
	for (unsigned int i = 0; i < 32; i++)
		assert_int_equal(out_value(0, i), 2);
	assert_int_equal(out_value(0, 32), 0);
	writes = 0;
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(33), IN, OUT) == DONE(0, INVALID_ALIGNMENT));
	assert_int_equal(writes, 0);
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(40) | FROM(8), IN, OUT) == DONE(40, SUCCESS));
	assert_int_equal(out_value(0, 39), 2);
	assert_int_equal(out_value(0, 40), 0);
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(0xFFF) | FROM(0xFFE), IN, OUT) ==
		    DONE(0, INVALID_ALIGNMENT));
}

static void test_input_is_read_once(void **state)
{
	struct hv_input_modify_vtl_protection_mask *m = (void *)(own + 0x100);

	begin(0);
	put_names(0, 8);
	scribble = true;
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(8), IN, OUT) == DONE(8, SUCCESS));
	assert_int_equal(reads, 1);
	assert_int_equal(writes, 1);
	assert_int_equal(ram[0x100], 0xFF);
	begin(1);
	*m = (struct hv_input_modify_vtl_protection_mask){ .partition = HV_PARTITION_ID_SELF,
							   .map_flags = HV_MAP_GPA_READABLE,
							   .target_vtl = HV_INPUT_VTL_USE };
	((uint64_t *)(m + 1))[0] = RAM_AT >> 12;
	((uint64_t *)(m + 1))[1] = (RAM_AT >> 12) + 1;
	scribble = true;
	assert_true(call(CODE(MODIFY_VTL_PROTECTION_MASK) | REPS(2), OWN_AT + 0x100, 0) == DONE(2, SUCCESS));
	assert_int_equal(reads, 1);
	assert_int_equal(changed[1].page, RAM_AT + PAGE_SIZE);
}

/* Up to the one that fails: what came before is done, and told; what comes behind is not. */
static void test_partial_reps(void **state)
{
	for (unsigned int start = 0; start < 5; start++) {
		for (unsigned int bad = start; bad < 6; bad++) {
			uint64_t rax;

			begin(0);
			put_names(0, 5)[bad < 5 ? bad : 0] = bad < 5 ? REG_NONE : HV_REGISTER_VP_INDEX;
			memset(ram + 2 * PAGE_SIZE, 0xCC, PAGE_SIZE);
			rax = call(CODE(GET_VP_REGISTERS) | REPS(5) | FROM(start), IN, OUT);
			assert_true(rax == (bad < 5 ? DONE(bad, INVALID_PARAMETER) : DONE(5, SUCCESS)));
			for (unsigned int i = 0; i < 8; i++) {
				const uint64_t *o = (const uint64_t *)(ram + 2 * PAGE_SIZE + i * 16);
				bool done = i >= start && i < bad && i < 5;

				assert_true(o[0] == (done ? 2 : 0xCCCCCCCCCCCCCCCC));
				assert_true(o[1] == (done ? 0 : 0xCCCCCCCCCCCCCCCC));
			}
		}
	}
	begin(0);
	put_names(0, 5);
	write_fails = true;
	assert_true(call(CODE(GET_VP_REGISTERS) | REPS(5) | FROM(2), IN, OUT) == DONE(2, INVALID_PARAMETER));
}

static void test_vtl_switches(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		struct vcpu *v;

		begin(i & 1);
		v = this_cpu->active;
		call_there = return_there = i & 2;
		v->gpr[GPR_RAX] = 0x1234;
		v->gpr[GPR_RCX] = i & 1 ? HV_CALL_VTL_RETURN : HV_CALL_VTL_CALL;
		hypercall(v);
		assert_int_equal(v->gpr[GPR_RAX], 0x1234);
		assert_int_equal(skips, 0);
		assert_int_equal(injected, !(i & 2));
		if (injected)
			assert_int_equal(injected_vector, VEC_UD);
	}
}

static uint64_t protect(uint64_t page, uint32_t flags)
{
	struct hv_input_modify_vtl_protection_mask *m = (void *)(own + 0x100);

	*m = (struct hv_input_modify_vtl_protection_mask){
		HV_PARTITION_ID_SELF, flags, HV_INPUT_VTL_USE, { 0 }
	};
	*(uint64_t *)(m + 1) = page;
	return call(CODE(MODIFY_VTL_PROTECTION_MASK) | REPS(1), OWN_AT + 0x100, 0);
}

static void test_protect_rights(void **state)
{
	static const int want[16] = {
		[0] = 0,
		[1] = SLAT_R,
		[2] = -1,
		[3] = SLAT_R | SLAT_W,
		[4] = -1,
		[5] = SLAT_R | SLAT_X,
		[6] = -1,
		[7] = SLAT_R | SLAT_W | SLAT_X,
		[8] = -1,
		[9] = SLAT_R | SLAT_U,
		[10] = -1,
		[11] = SLAT_R | SLAT_W | SLAT_U,
		[12] = -1,
		[13] = SLAT_R | SLAT_X | SLAT_U,
		[14] = -1,
		[15] = SLAT_RWX,
	};

	for (unsigned int flags = 0; flags < 16; flags++) {
		begin(1);
		assert_true(protect(RAM_AT >> 12, flags) ==
			    (want[flags] < 0 ? DONE(0, INVALID_PARAMETER) : DONE(1, SUCCESS)));
		assert_int_equal(changes, want[flags] >= 0);
		assert_int_equal(flushes, changes); /* no CPU goes on with what it remembers, */
		assert_int_equal(device_changes, changes); /* and no device */
		assert_int_equal(device_flushes, changes);
		if (changes)
			assert_int_equal(changed[0].rights, want[flags]);
	}
	for (unsigned int bit = 4; bit < 32; bit++)
		assert_true(protect(RAM_AT >> 12, 1 | 1u << bit) == DONE(0, INVALID_PARAMETER));
}

/* Promise: no CPU executes by its old rights what is written by the new ones; so never from the one to the other. */
static void test_code_does_not_become_writable_in_one_step(void **state)
{
	begin(1);
	vtl0_slat.normal = SLAT_R | SLAT_W | SLAT_U; /* lockdown */
	rights_before = SLAT_R | SLAT_X | SLAT_U;
	assert_true(protect(RAM_AT >> 12, 3) == DONE(0, INVALID_PARAMETER));
	assert_true(protect(RAM_AT >> 12, 15) == DONE(0, INVALID_PARAMETER));
	assert_int_equal(changes, 0);
	assert_true(protect(RAM_AT >> 12, 9) == DONE(1, SUCCESS));
	rights_before = SLAT_R | SLAT_U;
	assert_true(protect(RAM_AT >> 12, 11) == DONE(1, SUCCESS));
	vtl0_slat.normal = SLAT_RWX; /* before lockdown the kernel executes what it writes */
	rights_before = SLAT_R | SLAT_X | SLAT_U;
	assert_true(protect(RAM_AT >> 12, 15) == DONE(1, SUCCESS));
	rights_before = SLAT_RWX;
}

static void test_protect_pages(void **state)
{
	static const uint64_t bad[] = {
		0,         OWN_AT >> 12, (RAM_AT + AREA) >> 12,     (RAM_AT >> 12) - 1,
		~0ULL,     1ULL << 40,   1ULL << 52 | RAM_AT >> 12, 1ULL << 40 | RAM_AT >> 12,
		1ULL << 63
	};

	begin(1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(protect(bad[i], HV_MAP_GPA_READABLE) == DONE(0, INVALID_PARAMETER));
	assert_no_effect();
	assert_true(protect((RAM_AT + AREA) / PAGE_SIZE - 1, HV_MAP_GPA_READABLE) == DONE(1, SUCCESS));
	changes_max = changes;
	flushes = 0;
	assert_true(protect(RAM_AT >> 12, HV_MAP_GPA_READABLE) == DONE(0, INSUFFICIENT_MEMORY));
	assert_int_equal(flushes, 0);
}

/* Half of a list is done: CPUs forget what they had of that half. */
static void test_protect_partial(void **state)
{
	struct hv_input_modify_vtl_protection_mask *m = (void *)(own + 0x100);

	begin(1);
	changes_max = 2;
	*m = (struct hv_input_modify_vtl_protection_mask){ HV_PARTITION_ID_SELF, 1, HV_INPUT_VTL_USE, { 0 } };
	for (unsigned int i = 0; i < 4; i++)
		((uint64_t *)(m + 1))[i] = (RAM_AT >> 12) + i;
	assert_true(call(CODE(MODIFY_VTL_PROTECTION_MASK) | REPS(4), OWN_AT + 0x100, 0) ==
		    DONE(2, INSUFFICIENT_MEMORY));
	assert_int_equal(flushes, 1);
}

/* CPUs and devices or neither: a CPU that has read the new rights forgets them. */
static void test_protect_where_devices_can_not_follow(void **state)
{
	begin(1);
	devices_full = true;
	assert_true(protect(RAM_AT >> 12, HV_MAP_GPA_READABLE) == DONE(0, INSUFFICIENT_MEMORY));
	assert_int_equal(changes, 2);
	assert_int_equal(changed[0].rights, SLAT_R);
	assert_int_equal(changed[1].rights, SLAT_RWX);
	assert_int_equal(flushes, 1);
	assert_int_equal(device_flushes, 0);
}

static void test_protect_header(void **state)
{
	struct hv_input_modify_vtl_protection_mask *m = (void *)(own + 0x100);

	begin(1);
	for (unsigned int i = 0; i < 8; i++) {
		*m = (struct hv_input_modify_vtl_protection_mask){
			HV_PARTITION_ID_SELF, 1, HV_INPUT_VTL_USE, { 0 }
		};
		*(uint64_t *)(m + 1) = RAM_AT >> 12;
		m->partition -= i == 0;
		m->target_vtl = i == 1 ? 0 : i == 2 ? 0x11 : i == 3 ? 0x30 : HV_INPUT_VTL_USE;
		if (i >= 4 && i < 7)
			m->reserved[i - 4] = 1;
		assert_true(call(CODE(MODIFY_VTL_PROTECTION_MASK) | REPS(1), OWN_AT + 0x100, 0) ==
			    (i == 0 ? DONE(0, INVALID_PARTITION_ID) :
			     i < 7  ? DONE(0, INVALID_PARAMETER) :
				      DONE(1, SUCCESS)));
		assert_int_equal(changes, i == 7);
	}
}

static void test_enable_partition(void **state)
{
	for (unsigned int i = 0; i < 7; i++) {
		struct hv_input_enable_partition_vtl p = { .partition = HV_PARTITION_ID_SELF,
							   .target_vtl = 1 };

		begin(i & 1);
		p.partition ^= i == 0;
		p.target_vtl += i == 1;
		p.flags = i == 2; /* MBEC */
		p.reserved16 = i == 3;
		p.reserved32 = i == 4;
		memcpy(i & 1 ? own : ram, &p, sizeof(p));
		assert_true(call(CODE(ENABLE_PARTITION_VTL), i & 1 ? OWN_AT : RAM_AT, 0) ==
			    (i == 0 ? DONE(0, INVALID_PARTITION_ID) :
			     i < 5  ? DONE(0, INVALID_PARAMETER) :
				      DONE(0, VTL_ALREADY_ENABLED)));
	}
	assert_no_effect();
}

static void test_enable_vp(void **state)
{
	static const struct {
		uint64_t partition;
		uint32_t index;
		uint8_t vtl, reserved;
		enum hv_status want;
		uint32_t on;
	} rows[] = {
		{ ~0ULL, 3, 1, 0, HV_STATUS_INVALID_VTL_STATE, 3 },
		{ ~0ULL, HV_VP_INDEX_SELF, 1, 0, HV_STATUS_INVALID_VTL_STATE, 2 },
		{ 0, 3, 1, 0, HV_STATUS_INVALID_PARTITION_ID, ~0u },
		{ ~0ULL, 4, 1, 0, HV_STATUS_INVALID_VP_INDEX, ~0u },
		{ ~0ULL, ~0u, 1, 0, HV_STATUS_INVALID_VP_INDEX, ~0u },
		{ ~0ULL, 3, 0, 0, HV_STATUS_INVALID_PARAMETER, ~0u },
		{ ~0ULL, 3, 2, 0, HV_STATUS_INVALID_PARAMETER, ~0u },
		{ ~0ULL, 3, 1, 1, HV_STATUS_INVALID_PARAMETER, ~0u },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hv_input_enable_vp_vtl *e = (void *)own;

		begin(1);
		e->partition = rows[i].partition;
		e->vp_index = rows[i].index;
		e->target_vtl = rows[i].vtl;
		e->reserved[i % 3] = rows[i].reserved;
		e->context.rip = 0x1234;
		e->context.msr_cr_pat = 0x5678;
		scribble = true;
		assert_true(call(CODE(ENABLE_VP_VTL), OWN_AT, 0) == (uint64_t)rows[i].want);
		assert_int_equal(enabled_index, rows[i].on);
		if (rows[i].on != ~0u)
			assert_true(enabled_with.rip == 0x1234 && enabled_with.msr_cr_pat == 0x5678);
	}
}

static void test_log(void **state)
{
	static const struct {
		uint64_t at, n;
	} bad[] = { { OWN_AT, 161 },
		    { OWN_AT, ~0ULL },
		    { RAM_AT, 5 },
		    { OWN_AT + AREA - 4, 5 },
		    { OWN_AT + PAGE_SIZE - 4, 5 },
		    { OWN_AT - 1, 2 },
		    { OWN_AT, 1ULL << 32 } };

	begin(1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(call(CODE(OVBS_LOG) | HV_CALL_FAST, bad[i].at, bad[i].n) ==
			    DONE(0, INVALID_PARAMETER));
	assert_string_equal(logged, "");
	memcpy(own, "a\n\x1B\0z~\x7F\xFF%s", 10);
	assert_true(call(CODE(OVBS_LOG) | HV_CALL_FAST, OWN_AT, 10) == DONE(0, SUCCESS));
	assert_string_equal(logged, "VTL1: a???z~??%s");
	memset(own, 'x', 160);
	assert_true(call(CODE(OVBS_LOG) | HV_CALL_FAST, OWN_AT, 160) == DONE(0, SUCCESS));
	assert_int_equal(strlen(logged), 6 + 160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_codes),
		cmocka_unit_test(test_callers),
		cmocka_unit_test(test_control_word),
		cmocka_unit_test(test_input_address),
		cmocka_unit_test(test_output_address),
		cmocka_unit_test(test_output_size),
		cmocka_unit_test(test_input_is_read_once),
		cmocka_unit_test(test_partial_reps),
		cmocka_unit_test(test_vtl_switches),
		cmocka_unit_test(test_protect_rights),
		cmocka_unit_test(test_code_does_not_become_writable_in_one_step),
		cmocka_unit_test(test_protect_pages),
		cmocka_unit_test(test_protect_partial),
		cmocka_unit_test(test_protect_where_devices_can_not_follow),
		cmocka_unit_test(test_protect_header),
		cmocka_unit_test(test_enable_partition),
		cmocka_unit_test(test_enable_vp),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
