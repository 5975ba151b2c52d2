/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sample module (module_sample.h) in memory: what the kernel's loader makes
 * of it, written down by hand for 6.1 and 6.12. Include it after cmocka.h.
 */
#ifndef OVBS_TESTS_MODULE_WORLD_H
#define OVBS_TESTS_MODULE_WORLD_H

#include "module_sample.h"

#include "../../trustlets/integrity/module_internal.h"

struct world {
	struct sample file;
	struct module_policy policy;
	struct module_place place;
	uint64_t text_va, ro_va, init_va;
	uint8_t text[PAGE], ro[PAGE], init[PAGE], tramp[8];
	struct module_result result;
};

static inline void branch(uint8_t *p, uint8_t op, uint64_t at, uint64_t target)
{
	p[0] = op;
	put32(p + 1, (uint32_t)(target - at - 5));
}

static inline void relative(struct world *w, unsigned int at, uint64_t target)
{
	put32(w->ro + at, (uint32_t)(target - w->ro_va - at));
}

static inline void fill_text(struct world *w)
{
	static const uint8_t fixed[0x33] = {
		0x0F, 0x1F,          0x44,          0,    0,    0x0F, 0x1F, 0x44,          0,
		0,    [0x0F] = 0x0F, 0x1F,          0x00, 0xF0, 0xFF, 0x07, [0x1F] = 0xCC, 0x31,
		0xC0, [0x27] = 0xCC, [0x2D] = 0x0F, 0xB9, 0xCC, 0x0F, 0x01, 0xCA
	};
	uint64_t t = w->text_va;

	memcpy(w->text, fixed, sizeof(fixed));
	branch(w->text + 0x0A, 0xE8, t + 0x0A, TRAMP);
	branch(w->text + 0x15, 0xE8, t + 0x15, THUNKS);
	branch(w->text + 0x1A, 0xE9, t + 0x1A, SRSO);
	branch(w->text + 0x22, 0xE9, t + 0x22, TRAMP);
	branch(w->text + 0x28, 0xE9, t + 0x28, SRSO);
	branch(w->init, 0xE9, w->init_va, SRSO);
	branch(w->tramp, 0xE9, TRAMP, FUNC);
	memcpy(w->tramp + 5, "\x0F\xB9\xCC", 3);
}

static inline void fill_rodata(struct world *w, bool new)
{
	uint64_t t = w->text_va;
	unsigned int at = new ? 30 : 28;

	put64(w->ro, t + 0x20);
	put32(w->ro + 8, (uint32_t)t + 1);
	relative(w, 12, t + 2 + 0);
	relative(w, 16, t + 0x0F);
	relative(w, 20, t + 0x30);
	w->ro[24] = 5;
	w->ro[at - 2] = w->ro[at - 1] = 3;
	relative(w, at, t + 0x1A);
	relative(w, at + 4, t + 0x28);
	relative(w, at + 8, w->init_va);
	relative(w, at + 12, t + 0x15);
	put64(w->ro + 48, t);
	relative(w, 56, t + 0x12);
	relative(w, 60, t + 0x10); /* sorted */
	relative(w, 64, t + 0x11);
	w->ro[68] = 2;
	relative(w, 72, t + 0x20);
	relative(w, 76, t + 0x21);
	w->ro[80] = 1;
	relative(w, 84, t);
	relative(w, 88, t + 0x20);
	w->ro[96] = 6;
	w->ro[97] = 1;
	w->ro[102] = 5;
	relative(w, 104, t + 0x20);
	put32(w->ro + 108, 8);
	memcpy(w->ro + 116, "exported", 8);
}

/* The sample as Linux places it; @new: 6.12; @shift: further up than sample_place() says. */
static inline void make_at(struct world *w, bool new, uint64_t shift)
{
	memset(w, 0, sizeof(*w));
	sample_make(&w->file, new);
	sample_policy(&w->policy, new);
	sample_place(&w->place, new);
	for (unsigned int i = 0; i < MODULE_PARTS; i++)
		if (w->place.area[i].size)
			w->place.area[i].base += shift;
	w->text_va = w->place.area[MODULE_TEXT].base;
	w->ro_va = new ? w->place.area[MODULE_RODATA].base : w->text_va + PAGE;
	w->init_va = w->place.area[MODULE_INIT_TEXT].base;
	fill_text(w);
	fill_rodata(w, new);
}

static inline void make(struct world *w, bool new)
{
	make_at(w, new, 0);
}

static inline int serve(void *context, uint64_t address, void *bytes, size_t size)
{
	struct world *w = context;
	const struct {
		uint64_t va;
		const uint8_t *bytes;
		size_t size;
	} known[] = { { w->text_va, w->text, PAGE },
		      { w->ro_va, w->ro, PAGE },
		      { w->init_va, w->init, PAGE },
		      { TRAMP, w->tramp, 8 } };

	for (size_t i = 0; i < 4; i++)
		if (address >= known[i].va && address - known[i].va < known[i].size) {
			assert_true(size <= known[i].size - (address - known[i].va));
			memcpy(bytes, known[i].bytes + (address - known[i].va), size);
			return 0;
		}
	return -EFAULT;
}

#endif
