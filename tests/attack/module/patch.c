// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to the kernel's frozen text, as its own patching makes them and as it
 * does not. openvbs.ko has locked the kernel down before (run.py). The place is
 * the first instruction of a function that nobody calls meanwhile: a site of
 * ftrace's.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <linux/string.h>
#include <asm/io.h>

#include "attack.h"

#define SITE_BYTES 5

static const u8 nop[SITE_BYTES] = { 0x0F, 0x1F, 0x44, 0x00, 0x00 };

struct patch {
	u8 *to; /* by tables of our own, writable */
	const u8 *from;
	u64 bytes;
};

static void by_movsb(void *arg)
{
	struct patch p = *(struct patch *)arg;

	asm volatile("rep movsb" : "+D"(p.to), "+S"(p.from), "+c"(p.bytes) : : "memory");
}

static void by_movsb_down(void *arg)
{
	struct patch p = *(struct patch *)arg;

	asm volatile("std; rep movsb; cld" : "+D"(p.to), "+S"(p.from), "+c"(p.bytes) : : "memory");
}

static void by_stosb(void *arg)
{
	struct patch p = *(struct patch *)arg;

	asm volatile("rep stosb" : "+D"(p.to), "+c"(p.bytes) : "a"(*p.from) : "memory");
}

static void by_mov(void *arg)
{
	const struct patch *p = arg;

	WRITE_ONCE(*p->to, *p->from);
}

/* ---- Linux's memcpy for CPUs without fast strings ----------------------- */

static const u8 copy_begins[] = { 0x48, 0x89, 0xF8, 0x48, 0x83, 0xFA, 0x20 }; /* mov %rdi, %rax; cmp $32, %rdx */
static const u8 copy_ends[] = { 0x44, 0x88, 0x0C, 0x17, 0x88, 0x0F }; /* mov %r9b, (%rdi, %rdx); mov %cl, (%rdi) */
static const u8 *copy, *last_store;

static const u8 *find(const u8 *from, size_t n, const u8 *what, size_t bytes)
{
	for (; n >= bytes; from++, n--)
		if (!memcmp(from, what, bytes))
			return from;
	return NULL;
}

/* It lies behind memcpy, whichever that is on this CPU. */
static bool find_copy(void)
{
	copy = find((const u8 *)(unsigned long)memcpy, 1024, copy_begins, sizeof(copy_begins));
	last_store = copy ? find(copy, 512, copy_ends, sizeof(copy_ends)) : NULL;
	if (!last_store)
		return false;
	last_store += 4;
	return true;
}

static void by_copy(void *arg)
{
	const struct patch *p = arg;
	void *(*fn)(void *to, const void *from, size_t n) = (void *)copy;

	fn(p->to, p->from, p->bytes);
}

/* Its last store, MOV %CL, (%RDI), with what RDX is not when it is the first. */
static void by_copys_last_store(void *arg)
{
	const struct patch *p = arg;
	void (*fn)(void *to, const void *from, u64 rdx, u64 rcx) = (void *)last_store;

	fn(p->to, p->from, 1, *p->from);
}

/* The same instruction and registers, elsewhere. */
static void by_copys_store_elsewhere(void *arg)
{
	const struct patch *p = arg;

	asm volatile("movb %%cl, (%%rdi)" : : "c"(*p->from), "D"(p->to), "S"(p->from), "d"(0) : "memory");
}

/* ---- the rows ------------------------------------------------------------ */

static const u8 *site;
static struct space space;

static const char *write_at(try_fn fn, int off, const void *bytes, u64 n)
{
	struct patch p = { (u8 *)SPACE_4K(1) + offset_in_page(site) + off, bytes, n };
	struct caught c;

	return try_here(&c, fn, &p, space.cr3);
}

static void call_form(u8 form[SITE_BYTES], const void *target)
{
	s32 distance = (s32)((long)target - (long)site - SITE_BYTES);

	form[0] = 0xE8;
	memcpy(form + 1, &distance, sizeof(distance));
}

static const u8 int3[64] = { 0xCC };

static void run_copies(struct report *r, const u8 call[SITE_BYTES])
{
	if (!find_copy()) {
		row(r, "patch_copy_arm", "norun", "no memcpy_orig behind memcpy");
		return;
	}
	row(r, "patch_copy_beside", write_at(by_copy, SITE_BYTES + 2, int3, 1), "int3 beside a site, by memcpy_orig");
	row(r, "patch_copy_whole", write_at(by_copy, 0, call, SITE_BYTES), "a form at once");
	row(r, "patch_copy_long", write_at(by_copy, 0, int3, 17), "17 bytes");
	row(r, "patch_copy_elsewhere", write_at(by_copys_store_elsewhere, 0, int3, 1), "its store of a byte, elsewhere");
	row(r, "patch_copy_last", write_at(by_copys_last_store, 0, int3, 1), "its store of a byte as that of two writes it");
	row(r, "patch_copy_arm", write_at(by_copy, 0, int3, 1), "int3 at a site");
	row(r, "patch_copy_target", write_at(by_copy, 1, call + 1, 4), "a call of what does not trace");
	row(r, "patch_copy_tail", write_at(by_copy, 1, nop + 1, 4), "the rest of a form");
	row(r, "patch_copy_undo", write_at(by_copy, 0, nop, 1), "its first byte");
}

static void run_patch(struct report *r)
{
	u8 call[SITE_BYTES];

	site = (const u8 *)(unsigned long)kernel_halt;
	if (memcmp(site, nop, SITE_BYTES) || offset_in_page(site) > PAGE_SIZE - 64 || space_make(&space)) {
		row(r, "patch_arm", "norun", "%*ph", SITE_BYTES, site);
		return;
	}
	space.table[0][1] = (slow_virt_to_phys((void *)site) & PAGE_MASK) | PTE_RW | PTE_NX;
	call_form(call, (const void *)(unsigned long)kernel_power_off);
	row(r, "patch_arm", write_at(by_movsb, 0, int3, 1), "int3 at a site, as Linux writes it");
	row(r, "patch_arm_twice", write_at(by_movsb, 0, int3, 1), "and again");
	row(r, "patch_target", write_at(by_movsb, 1, call + 1, 4), "a call of what does not trace");
	row(r, "patch_finish_other", write_at(by_movsb, 0, call, 1), "the first byte of another form");
	row(r, "patch_undo", write_at(by_movsb, 0, nop, 1), "the old first byte");
	row(r, "patch_mov", write_at(by_mov, 0, int3, 1), "int3 at a site, by a plain store");
	row(r, "patch_stosb", write_at(by_stosb, 0, int3, 1), "by REP STOSB");
	row(r, "patch_down", write_at(by_movsb_down, 0, int3, 1), "downwards");
	row(r, "patch_inside", write_at(by_movsb, 1, int3, 1), "int3 inside of a site");
	row(r, "patch_beside", write_at(by_movsb, SITE_BYTES + 2, int3, 1), "int3 beside a site");
	row(r, "patch_tail", write_at(by_movsb, 1, nop + 1, 4), "the rest of a form without int3 before");
	row(r, "patch_whole", write_at(by_movsb, 0, nop, SITE_BYTES), "a form at once");
	row(r, "patch_long", write_at(by_movsb, 0, int3, sizeof(int3)), "64 bytes");
	run_copies(r, call);
	space.table[0][2] = PTE_P | PTE_A | PTE_NX;
	row(r, "patch_from_0", write_at(by_movsb, 0, SPACE_4K(2), 1), "what lies at physical address 0");
	row(r, "patch_content", memcmp(site, nop, SITE_BYTES) ? "written" : "kept", "%*ph", SITE_BYTES, site);
	space_free(&space);
}

const struct attack patch_attacks[] = { { "patch", run_patch }, {} };
