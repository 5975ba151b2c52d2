// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of commands to the trustlet integrity, of a VTL0 that is hostile
 * after lockdown: good files and bad ones, places anywhere, numbers and tokens
 * of before or none, memory changed between any two system calls, calls that
 * fail. The model of VTL0's memory (host_ci.h) ends the fuzzer where something
 * would be executable that was not compared; here it is looked at that a module
 * that was accepted has the bytes that its file leads to, that what was refused
 * leaves nothing behind, and that commands of before lockdown do nothing after.
 */
/* links: trustlets/integrity/main.c trustlets/integrity/kernel.c trustlets/integrity/symbols.c */
/* links: trustlets/integrity/guest.c trustlets/integrity/files.c trustlets/integrity/place.c */
/* links: trustlets/integrity/modules.c trustlets/integrity/answer.c trustlets/integrity/verify.c */
/* links: trustlets/integrity/keys.c trustlets/integrity/cms.c trustlets/integrity/der.c */
/* links: trustlets/integrity/reason.c trustlets/integrity/modsig.c trustlets/integrity/module_names.c */
/* links: trustlets/integrity/module_elf.c trustlets/integrity/module_layout.c trustlets/integrity/module_reloc.c */
/* links: trustlets/integrity/module_sites.c trustlets/integrity/module_patch.c trustlets/integrity/module_alt.c */
/* links: trustlets/integrity/module_insn.c trustlets/integrity/module_sort.c trustlets/integrity/module_compare.c */
/* links: trustlets/lib/trustlet.c trustlets/lib/backend_host.c trustlets/lib/backend_host_ci.c */
#include "fuzz.h"

/* What ci_world.h takes of cmocka. */
#define assert_true(cond)          FUZZ_CHECK(cond)
#define assert_int_equal(a, b)     FUZZ_CHECK((a) == (b))
#define assert_int_not_equal(a, b) FUZZ_CHECK((a) != (b))
#define fail_msg(...)              FUZZ_CHECK(!"see above")

#include "../unit/ci_world.h"

#define MODULES 3
#define KNOWN   8

static struct loaded module[MODULES]; /* [1] needs [0]'s symbol; [2]'s file has a signature of another key */
static uint8_t good_area[MODULES][MODULE_PARTS][5 * PAGE];
static uint64_t token[KNOWN];
static uint64_t number[KNOWN]; /* of each module, then some of before */

static void make_modules(void)
{
	module_make(&module[0], false, 0);
	module_make(&module[1], false, 0x1000000);
	rename_symbol(&module[1], "__SCK__x", "exported");
	rename_export(&module[1], "exporteB");
	module_make(&module[2], false, 0x2000000);
	rename_export(&module[2], "exporteC");
	module_map(&module[0], "rsa2048");
	module_map(&module[1], "rsa2048");
	module_map(&module[2], "p384");
	for (unsigned int i = 0; i < MODULES; i++)
		memcpy(good_area[i], module[i].area, sizeof(good_area[i]));
}

/* Once: the trustlet keeps its state from input to input, as it does from call to call. */
static void setup(void)
{
	static bool done;

	if (done)
		return;
	tl_host_policy(OVBS_POLICY_INTEGRITY); /* no log: a line each would be all that the fuzzer does */
	begin(false);
	make_modules();
	done = true;
}

static uint64_t any_of(struct fuzz_input *in, const uint64_t *list)
{
	uint8_t how = fuzz_u8(in);

	return how < 240 ? list[how % KNOWN] : fuzz_u64(in);
}

/* VTL0 writes where it can, while a command runs. */
struct meanwhile {
	struct fuzz_input *in;
	unsigned int writes;
};

static void write_some(enum ovbs_tl_call call, void *context)
{
	struct meanwhile *w = context;
	const struct loaded *m;
	uint8_t byte;
	uint64_t at;

	(void)call;
	if (w->writes == 0 || fuzz_u8(w->in) % 4 != 0)
		return;
	w->writes--;
	m = &module[fuzz_u8(w->in) % MODULES];
	byte = fuzz_u8(w->in);
	at = (fuzz_u8(w->in) % 2 ? m->place.area[MODULE_TEXT].base : m->place.area[MODULE_INIT_TEXT].base) +
	     (fuzz_u64(w->in) & 0x1FFF);
	(void)tl_host_ci_write(at, &byte, 1);
}

/* What is executable is what the file leads to. */
static void check_text(unsigned int i)
{
	const struct loaded *m = &module[i];

	if (!tl_host_ci_executable(m->w.text_va))
		return;
	FUZZ_CHECK(memcmp(m->area[MODULE_TEXT], good_area[i][MODULE_TEXT], 2 * PAGE) == 0);
	if (tl_host_ci_executable(m->w.init_va))
		FUZZ_CHECK(memcmp(m->area[MODULE_INIT_TEXT], good_area[i][MODULE_INIT_TEXT], PAGE) == 0);
}

/* The model's memory, good again where VTL0 can write. */
static void repair(void)
{
	for (unsigned int i = 0; i < MODULES; i++)
		for (unsigned int part = 0; part < MODULE_PARTS; part++)
			for (uint64_t at = 0; at < module[i].place.area[part].bytes; at += PAGE)
				(void)tl_host_ci_write(module[i].place.area[part].base + at,
						       good_area[i][part] + at, PAGE);
}

static void do_file(struct fuzz_input *in)
{
	unsigned int i = fuzz_u8(in) % MODULES;
	uint64_t shift = (module[i].w.text_va - CORE) * 16, a[4];
	uint8_t how = fuzz_u8(in);
	struct ci_answered answered;

	a[0] = FILE_AT + shift;
	a[1] = module[i].w.file.size;
	a[2] = SIGN_AT + shift;
	a[3] = module[i].signature.len;
	if (how >= 200)
		a[how % 4] = fuzz_u64(in);
	else if (how >= 170)
		a[how % 4] += (uint64_t)fuzz_u8(in) - 128;
	answered = ci_file(a[0], a[1], a[2], a[3]);
	FUZZ_CHECK(answered.result == OVBS_OK);
	FUZZ_CHECK((answered.number != 0) == (answered.answer.reason == CI_OK));
	FUZZ_CHECK(answered.answer.text[sizeof(answered.answer.text) - 1] == '\0');
	if (answered.number != 0) {
		FUZZ_CHECK(i != 2 && a[0] == FILE_AT + shift && a[1] == module[i].w.file.size);
		token[fuzz_u8(in) % KNOWN] = answered.number;
	}
}

static void change_place(struct fuzz_input *in, struct ovbs_ci_place *p)
{
	for (unsigned int n = fuzz_u8(in) % 3; n > 0; n--) {
		unsigned int area = fuzz_u8(in) % OVBS_CI_AREAS;
		uint64_t *field = fuzz_u8(in) % 2 ? &p->area[area].base : &p->area[area].bytes;

		*field = fuzz_u8(in) % 2 ? *field + ((uint64_t)fuzz_u8(in) - 128) * PAGE : fuzz_u64(in);
	}
}

static void do_place(struct fuzz_input *in)
{
	unsigned int i = fuzz_u8(in) % MODULES;
	struct ovbs_ci_place p = module[i].place;
	struct meanwhile w = { in, fuzz_u8(in) % 4 };
	uint64_t which = any_of(in, token);
	size_t pages = tl_host_ci_pages(), modules = tl_host_ci_modules();
	struct ci_answered a;

	if (fuzz_u8(in) % 4 == 0)
		change_place(in, &p);
	if (fuzz_u8(in) % 8 == 0)
		tl_host_ci_fail((enum ovbs_tl_call)(OVBS_TL_GUEST_FROZEN + fuzz_u8(in) % 8),
				fuzz_u8(in) % 8, -(long)(fuzz_u8(in) % 32));
	tl_host_ci_hook(write_some, &w);
	a = ci_place(which, &p);
	tl_host_ci_hook(NULL, NULL);
	tl_host_ci_fail(0, 0, 0);
	FUZZ_CHECK(a.result == OVBS_OK || a.result == OVBS_E_OUT_OF_MEMORY);
	FUZZ_CHECK(a.number == 0 || (a.answer.reason == CI_OK && i != 2));
	if (a.number == 0) {
		FUZZ_CHECK(tl_host_ci_pages() == pages && tl_host_ci_modules() == modules);
		return;
	}
	FUZZ_CHECK(tl_host_ci_executable(module[i].w.text_va) && tl_host_ci_sites(a.number) == 5);
	number[MODULES + number[i] % (KNOWN - MODULES)] = number[i];
	number[i] = a.number;
}

static void do_life(struct fuzz_input *in)
{
	uint32_t command = fuzz_u8(in) % 2 ? OVBS_CI_LIVE : OVBS_CI_GONE;
	uint64_t which = any_of(in, number);
	uint32_t result = ci_number(command, which);

	FUZZ_CHECK(result == OVBS_OK || result == OVBS_E_ITEM_NOT_FOUND || result == OVBS_E_BAD_STATE);
	/* The first module does not go while the second one uses it. */
	if (command == OVBS_CI_GONE && result == OVBS_OK && which == number[0])
		FUZZ_CHECK(!tl_host_ci_executable(module[1].w.text_va));
}

static void do_other(struct fuzz_input *in)
{
	uint8_t bytes[512], room = fuzz_u8(in);
	struct ovbs_ci_module listed[4];
	uint64_t all;

	for (size_t i = 0; i < sizeof(bytes); i += 8) {
		uint64_t v = fuzz_u64(in);

		memcpy(bytes + i, &v, 8);
	}
	switch (fuzz_u8(in) % 6) {
	case 0:
		FUZZ_CHECK(ci_number_bytes(OVBS_CI_KEY, 0, bytes, room) == OVBS_E_BAD_STATE);
		break;
	case 1:
		FUZZ_CHECK(ci_bytes(OVBS_CI_KERNEL, bytes, sizeof(struct ovbs_ci_kernel)) == OVBS_E_BAD_STATE);
		break;
	case 2:
		FUZZ_CHECK(ci_bytes(OVBS_CI_MODULE, bytes, sizeof(struct ovbs_ci_exports)) ==
			   OVBS_E_BAD_STATE);
		break;
	case 3:
		FUZZ_CHECK(ci_close() == OVBS_E_BAD_STATE);
		break;
	case 4: /* of kinds that don't fit the size: a real one would end all that comes after */
		FUZZ_CHECK(ci_number_bytes(OVBS_CI_REVOKE, room % 3, bytes, 31) == OVBS_E_BAD_PARAMETERS);
		break;
	default:
		FUZZ_CHECK(ci_list(fuzz_u64(in), listed, 4, &all) <= 4 && all <= MODULES);
	}
}

/* A request of any form: it must not fall over, and nothing becomes executable by it. */
static void do_raw(struct fuzz_input *in)
{
	struct ovbs_tl_request r;
	bool before[MODULES];

	for (unsigned int i = 0; i < MODULES; i++)
		before[i] = tl_host_ci_executable(module[i].w.text_va);
	rq_init(&r, OVBS_TL_INVOKE, 1, fuzz_u8(in) % 13);
	r.types = (uint32_t)fuzz_u64(in) & 0xFFFF;
	if (r.command == OVBS_CI_PLACE || r.command == OVBS_CI_REVOKE)
		return; /* done above, with what may come of it */
	for (unsigned int i = 0; i < OVBS_PARAMS; i++)
		r.param[i] = (struct ovbs_param){ fuzz_u64(in) & 0xFFF, fuzz_u64(in) & 0xFFF };
	(void)rq_call(&r);
	for (unsigned int i = 0; i < MODULES; i++)
		FUZZ_CHECK(before[i] || !tl_host_ci_executable(module[i].w.text_va));
}

/* So that inputs do not depend on each other: all modules go, all files are forgotten. */
static void clear(void)
{
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < KNOWN; i++)
			(void)ci_number(OVBS_CI_GONE, number[i]);
	for (unsigned int i = 0; i < KNOWN; i++)
		(void)ci_number(OVBS_CI_FORGET, token[i]);
	memset(token, 0, sizeof(token));
	memset(number, 0, sizeof(number));
	FUZZ_CHECK(tl_host_ci_pages() == 0 && tl_host_ci_modules() == 0);
	repair();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const actions[])(struct fuzz_input * in) = { do_file,  do_file,  do_place,
								   do_place, do_place, do_life,
								   do_life,  do_other, do_raw };
	struct fuzz_input in = { data, size };

	setup();
	for (unsigned int n = 0; n < 64 && in.size > 0; n++) {
		uint8_t what = fuzz_u8(&in);

		if (what >= 128)
			repair();
		actions[what % (sizeof(actions) / sizeof(actions[0]))](&in);
		for (unsigned int i = 0; i < MODULES; i++)
			check_text(i);
	}
	clear();
	return 0;
}
