/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of HvCallGetVpRegisters and HvCallSetVpRegisters
 * (hypervisor/core/registers.c), as hypercalls: VTL0 reads its own and changes
 * none, VTL1 reaches both VTLs' on its own CPU, the state that is touched is
 * the current one, and of VTL0's events it makes #GP and #UD alone.
 */
#include "hypercall_model.h"

static void test_register_header(void **state)
{
	static const struct {
		uint64_t partition;
		uint32_t index;
		uint8_t input, reserved;
		enum hv_status want[2]; /* from VTL0, from VTL1 */
	} rows[] = {
		{ ~0ULL, HV_VP_INDEX_SELF, 0, 0, { HV_STATUS_SUCCESS, HV_STATUS_SUCCESS } },
		{ ~0ULL, 2, 0, 0, { HV_STATUS_SUCCESS, HV_STATUS_SUCCESS } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x10, 0, { HV_STATUS_SUCCESS, HV_STATUS_SUCCESS } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x11, 0, { HV_STATUS_ACCESS_DENIED, HV_STATUS_SUCCESS } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x12, 0, { HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARAMETER } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x1F, 0, { HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARAMETER } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x20, 0, { HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARAMETER } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0x80, 0, { HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARAMETER } },
		{ ~0ULL, HV_VP_INDEX_SELF, 0, 1, { HV_STATUS_INVALID_PARAMETER, HV_STATUS_INVALID_PARAMETER } },
		{ ~0ULL, 4, 0, 0, { HV_STATUS_INVALID_VP_INDEX, HV_STATUS_INVALID_VP_INDEX } },
		{ ~0ULL, ~0u, 0, 0, { HV_STATUS_INVALID_VP_INDEX, HV_STATUS_INVALID_VP_INDEX } },
		{ ~0ULL, 3, 0, 0, { HV_STATUS_OPERATION_DENIED, HV_STATUS_OPERATION_DENIED } },
		{ 1, HV_VP_INDEX_SELF, 0, 0, { HV_STATUS_INVALID_PARTITION_ID, HV_STATUS_INVALID_PARTITION_ID } },
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		unsigned int vtl = i & 1;
		uint64_t want = rows[i / 2].want[vtl];
		struct hv_input_vp_registers *h;

		begin(vtl);
		put_names(vtl, 1)[0] = REG_GOOD;
		h = put_header(vtl);
		h->partition = rows[i / 2].partition;
		h->vp_index = rows[i / 2].index;
		h->input_vtl = rows[i / 2].input;
		h->reserved[i % 3] = rows[i / 2].reserved;
		want |= want ? 0 : 1ULL << 32;
		assert_true(call(CODE(GET_VP_REGISTERS) | REPS(1), (vtl ? OWN_AT : RAM_AT) + 0x100,
				 vtl ? VTL1_OUT : OUT) == want);
	}
}

static uint64_t get(unsigned int vtl, uint8_t input, uint32_t name, uint64_t *value)
{
	uint64_t rax;

	put_names(vtl, 1)[0] = name;
	put_header(vtl)->input_vtl = input;
	rax = call(CODE(GET_VP_REGISTERS) | REPS(1), (vtl ? OWN_AT : RAM_AT) + 0x100, vtl ? VTL1_OUT : OUT);
	*value = out_value(vtl, 0);
	return rax;
}

static void test_get(void **state)
{
	static const struct {
		uint32_t name;
		uint64_t vtl0, vtl1;
	} rows[] = {
		{ HV_REGISTER_VP_INDEX, 2, 2 },
		{ HV_REGISTER_VSM_CODE_PAGE_OFFSETS, 0x80040, 0x80040 },
		{ HV_REGISTER_VSM_PARTITION_STATUS, 0x10003, 0x10003 },
		{ HV_REGISTER_VSM_CAPABILITIES, 0, 0 },
		{ HV_REGISTER_VSM_PARTITION_CONFIG, 0x1F, 0x1F },
		{ HV_REGISTER_VSM_VP_STATUS, 0x30000, 0x30001 },
		{ HV_REGISTER_VP_ASSIST_PAGE, 0, 0x5001 },
		{ HV_REGISTER_VSM_VINA, 0, 0x120 },
		{ REG_GOOD, 0x1000, 0x1001 },
		{ HV_X64_REGISTER_RAX + 15, 0xB0B0 + 15, 0xB0B0 + 15 },
	};
	uint64_t value;

	rip_of[0] = 0x1000;
	rip_of[1] = 0x1001;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int vtl = 0; vtl < 2; vtl++) {
			begin(vtl);
			this_cpu->assist_gpa = 0x5000;
			this_cpu->vina = 0x20;
			assert_true(get(vtl, 0, rows[i].name, &value) == DONE(1, SUCCESS));
			assert_int_equal(value, vtl ? rows[i].vtl1 : rows[i].vtl0);
		}
	}
	/* VTL0's by VTL1: made current for that, and back. */
	begin(1);
	this_cpu->assist_gpa = 0x5000;
	assert_true(get(1, 0x10, REG_GOOD, &value) == DONE(1, SUCCESS));
	assert_int_equal(value, 0x1000);
	assert_int_equal(switches, 2);
	assert_true(get(1, 0x10, HV_REGISTER_VP_ASSIST_PAGE, &value) == DONE(1, SUCCESS));
	assert_int_equal(value, 0);
	assert_true(get(1, 0x10, HV_REGISTER_VSM_VP_STATUS, &value) == DONE(1, SUCCESS));
	assert_int_equal(value, 0x30001);
	assert_true(get(1, 0, REG_NONE, &value) == DONE(0, INVALID_PARAMETER));
}

static void test_execute_rights_apart_are_a_capability(void **state)
{
	uint64_t value;

	begin(1);
	exec_apart = true;
	assert_true(get(1, 0, HV_REGISTER_VSM_CAPABILITIES, &value) == DONE(1, SUCCESS));
	assert_int_equal(value, 2); /* VTL0's bit */
}

static uint64_t set(unsigned int vtl, uint8_t input, uint32_t name, uint64_t value)
{
	struct hv_input_vp_registers *h = put_header(vtl);

	h->input_vtl = input;
	*(struct hv_register_assoc *)(h + 1) =
		(struct hv_register_assoc){ .name = name, .value.low = value };
	return call(CODE(SET_VP_REGISTERS) | REPS(1), (vtl ? OWN_AT : RAM_AT) + 0x100, 0);
}

static void test_set_is_vtl1s(void **state)
{
	static const uint32_t names[] = { REG_GOOD, HV_REGISTER_VSM_VINA, HV_REGISTER_VP_ASSIST_PAGE,
					  HV_REGISTER_PENDING_EVENT0, HV_X64_REGISTER_RAX };

	begin(0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(set(0, 0, names[i], 0) == DONE(0, ACCESS_DENIED));
	assert_true(set(0, 0x11, REG_GOOD, 0) == DONE(0, ACCESS_DENIED));
	assert_no_effect();
}

static void test_set(void **state)
{
	struct hv_register_assoc *a = (void *)(own + 0x110);

	begin(1);
	assert_true(set(1, 0, REG_GOOD, 0x77) == DONE(1, SUCCESS));
	assert_int_equal(rip_of[1], 0x77);
	assert_true(set(1, 0x10, REG_GOOD, 0x78) == DONE(1, SUCCESS));
	assert_int_equal(rip_of[0], 0x78);
	assert_int_equal(rip_of[1], 0x77);
	assert_int_equal(switches, 2);
	assert_true(set(1, 0, REG_REFUSED, 1) == DONE(0, INVALID_REGISTER_VALUE));
	assert_true(set(1, 0, REG_NONE, 1) == DONE(0, INVALID_PARAMETER));
	/* Fields that must be 0. */
	for (unsigned int i = 0; i < 3; i++) {
		put_header(1);
		*a = (struct hv_register_assoc){
			.name = REG_GOOD, .reserved32 = i == 0, .reserved64 = i == 1, .value.high = i == 2
		};
		assert_true(call(CODE(SET_VP_REGISTERS) | REPS(1), OWN_AT + 0x100, 0) ==
			    DONE(0, INVALID_PARAMETER));
	}
	/* In order, until one fails. */
	put_header(1);
	for (unsigned int i = 0; i < 4; i++)
		a[i] = (struct hv_register_assoc){ .name = i == 2 ? REG_REFUSED : REG_GOOD,
						   .value.low = i };
	assert_true(call(CODE(SET_VP_REGISTERS) | REPS(4), OWN_AT + 0x100, 0) ==
		    DONE(2, INVALID_REGISTER_VALUE));
	assert_int_equal(rip_of[1], 1);
}

static void test_set_own(void **state)
{
	begin(1);
	for (unsigned int vector = 0; vector < 256; vector++)
		assert_true(set(1, 0, HV_REGISTER_VSM_VINA, 0x100 | vector) ==
			    (vector < 32 ? DONE(0, INVALID_REGISTER_VALUE) : DONE(1, SUCCESS)));
	assert_int_equal(this_cpu->vina, 255);
	for (unsigned int bit = 9; bit < 64; bit++)
		assert_true(set(1, 0, HV_REGISTER_VSM_VINA, 0x140 | 1ULL << bit) ==
			    DONE(0, INVALID_REGISTER_VALUE));
	assert_true(set(1, 0, HV_REGISTER_VSM_VINA, 0) == DONE(1, SUCCESS));
	assert_int_equal(this_cpu->vina, 0);
	assert_true(set(1, 0, HV_REGISTER_VP_ASSIST_PAGE, 0x7001) == DONE(1, SUCCESS));
	assert_int_equal(this_cpu->assist_gpa, 0x7000);
	for (unsigned int bit = 1; bit < 12; bit++)
		assert_true(set(1, 0, HV_REGISTER_VP_ASSIST_PAGE, 0x8001 | 1ULL << bit) ==
			    DONE(0, INVALID_REGISTER_VALUE));
	assert_true(set(1, 0, HV_REGISTER_VP_ASSIST_PAGE, 0x8000) == DONE(1, SUCCESS)); /* not enabled: none */
	assert_int_equal(this_cpu->assist_gpa, 0);
	assert_true(set(1, 0x10, HV_REGISTER_VSM_VINA, 0x140) == DONE(0, INVALID_PARAMETER));
	assert_true(set(1, 0x10, HV_REGISTER_VP_ASSIST_PAGE, 0x7001) == DONE(0, INVALID_PARAMETER));
}

/* VTL1 gives VTL0 #GP or #UD, no other vector, and none to itself. */
static void test_pending_event(void **state)
{
	for (unsigned int vector = 0; vector < 0x200; vector++) {
		bool may = vector == VEC_GP || vector == VEC_UD;

		begin(1);
		assert_true(set(1, 0x10, HV_REGISTER_PENDING_EVENT0, 0x101 | (uint64_t)vector << 16) ==
			    (may ? DONE(1, SUCCESS) : DONE(0, INVALID_REGISTER_VALUE)));
		assert_int_equal(injected, may);
		if (may) {
			assert_int_equal(injected_vector, vector);
			assert_ptr_equal(injected_into, &this_cpu->vtl[0]);
			assert_int_equal(switches, 2);
		}
	}
	begin(1);
	assert_true(set(1, 0, HV_REGISTER_PENDING_EVENT0, 0x1 | VEC_GP << 16) ==
		    DONE(0, INVALID_REGISTER_VALUE));
	assert_true(set(1, 0x10, HV_REGISTER_PENDING_EVENT0, VEC_GP << 16) ==
		    DONE(0, INVALID_REGISTER_VALUE));
	for (unsigned int type = 1; type < 8; type++)
		assert_true(set(1, 0x10, HV_REGISTER_PENDING_EVENT0, 1 | type << 1 | VEC_GP << 16) ==
			    DONE(0, INVALID_REGISTER_VALUE));
	assert_int_equal(injected, 0);
}

/* What VTL1 takes from every page: execution only, by name, and every CPU forgets what it had. */
static void test_default_rights(void **state)
{
	for (uint64_t value = 0; value < 64; value++) {
		uint64_t now;
		bool good = (value & 1) && (value & 6) == 6 && value < 32;

		begin(1);
		assert_true(set(1, 0, HV_REGISTER_VSM_PARTITION_CONFIG, value) ==
			    (good ? DONE(1, SUCCESS) : DONE(0, INVALID_REGISTER_VALUE)));
		assert_int_equal(normal_set, good);
		assert_int_equal(flushes, good);
		assert_true(get(1, 0, HV_REGISTER_VSM_PARTITION_CONFIG, &now) == DONE(1, SUCCESS));
		assert_int_equal(now, good ? value : 0x1F);
	}
	begin(1);
	assert_true(set(1, 0, HV_REGISTER_VSM_PARTITION_CONFIG, 1ULL << 40 | 0x17) ==
		    DONE(0, INVALID_REGISTER_VALUE));
	assert_true(set(1, 0x10, HV_REGISTER_VSM_PARTITION_CONFIG, 0x17) == DONE(0, INVALID_PARAMETER));
	begin(0);
	assert_true(set(0, 0, HV_REGISTER_VSM_PARTITION_CONFIG, 0x17) == DONE(0, ACCESS_DENIED));
	assert_int_equal(normal_set, 0);
}

/* VTL1's own, with VTL0's state current; VTL0 does not even see them. */
static void test_pins(void **state)
{
	static const uint32_t names[] = { 0x000E0000, 0x000E0001, 0x000E0002 };
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin(1);
		assert_true(set(1, 0, names[i], 0x1234 + i) == DONE(1, SUCCESS));
		assert_int_equal(pins_of[i], 0x1234 + i);
		assert_int_equal(switches, 2);
		assert_true(set(1, 0, names[i], ~0ULL) == DONE(0, INVALID_REGISTER_VALUE));
		assert_true(set(1, 0x10, names[i], 1) == DONE(0, INVALID_PARAMETER));
		assert_true(get(1, 0, names[i], &value) == DONE(1, SUCCESS));
		assert_int_equal(value, 0x1234 + i);
		begin(0);
		assert_true(set(0, 0, names[i], 1) == DONE(0, ACCESS_DENIED));
		assert_true(set(0, 0x11, names[i], 1) == DONE(0, ACCESS_DENIED));
		assert_true(get(0, 0x11, names[i], &value) == DONE(0, ACCESS_DENIED));
		assert_int_equal(pins_set, 0);
	}
}

/* The pin follows what VTL1 writes to VTL0's registers, and only then. */
static void test_written_by_vtl1(void **state)
{
	begin(1);
	rip_of[0] = 0x10;
	rip_of[1] = 0x20;
	assert_true(set(1, 0x10, REG_GOOD, 0x11) == DONE(1, SUCCESS));
	assert_int_equal(moved, REG_GOOD);
	assert_int_equal(moved_from, 0x10);
	assert_int_equal(moved_to, 0x11);
	moved = 0;
	assert_true(set(1, 0, REG_GOOD, 0x21) == DONE(1, SUCCESS));
	assert_true(set(1, 0x10, REG_REFUSED, 0x11) == DONE(0, INVALID_REGISTER_VALUE));
	assert_int_equal(moved, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register_header),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_execute_rights_apart_are_a_capability),
		cmocka_unit_test(test_default_rights),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_written_by_vtl1),
		cmocka_unit_test(test_set_is_vtl1s),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_own),
		cmocka_unit_test(test_pending_event),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
