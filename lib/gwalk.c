// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest page walk; see gwalk.h for what is checked and what is not.
 *
 * All paging modes are one loop over levels; a mode is a row of numbers, and
 * the rules that differ are in reserved_bits() and has_large_page(). Rights are
 * gathered on the way down and judged once at the leaf, as the CPU does:
 * not-present and reserved bits win over rights.
 */
#include "gwalk.h"

#include "x86.h"
#include "ovbs_errno.h"

#ifndef CR4_PSE
#define CR4_PSE (1ULL << 4)
#endif
#ifndef RFLAGS_AC
#define RFLAGS_AC (1ULL << 18)
#endif

#define GPAGE_SHIFT 12
#define GPAGE_SIZE  (1ULL << GPAGE_SHIFT)

/* Bits high..low of a 64-bit word. */
#define BITS(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

struct paging {
	unsigned int levels;
	unsigned int entry_bytes;
	unsigned int index_bits;
	bool long_mode;
	bool pae; /* the legacy mode of that name */
};

/* What all levels together allow. */
struct rights {
	bool user, write, no_exec;
};

static bool paging_on(const struct gwalk *w)
{
	return w->cr0 & CR0_PG;
}

static bool in_long_mode(const struct gwalk *w)
{
	return paging_on(w) && (w->efer & EFER_LMA);
}

static struct paging paging_mode(const struct gwalk *w)
{
	if (in_long_mode(w))
		return (struct paging){
			.levels = w->cr4 & CR4_LA57 ? 5 : 4,
			.entry_bytes = 8,
			.index_bits = 9,
			.long_mode = true,
		};
	if (w->cr4 & CR4_PAE)
		return (struct paging){ .levels = 3, .entry_bytes = 8, .index_bits = 9, .pae = true };
	return (struct paging){ .levels = 2, .entry_bytes = 4, .index_bits = 10 };
}

static bool canonical(uint64_t linear, unsigned int levels)
{
	unsigned int bits = GPAGE_SHIFT + 9 * levels;
	uint64_t high = linear >> (bits - 1);

	return high == 0 || high == ~0ULL >> (bits - 1);
}

/* Physical address of the top table; the low bits of CR3 are flags or a PCID. */
static uint64_t root_table(const struct gwalk *w, const struct paging *mode)
{
	if (mode->long_mode)
		return w->cr3 & BITS(51, 12);
	if (mode->pae)
		return w->cr3 & BITS(31, 5);
	return w->cr3 & BITS(31, 12);
}

/* Whether the PS bit means something at this level. */
static bool has_large_page(const struct gwalk *w, const struct paging *mode, unsigned int level)
{
	if (mode->entry_bytes == 4)
		return level == 2 && (w->cr4 & CR4_PSE);
	return level == 2 || (level == 3 && mode->long_mode);
}

/*
 * The bits that must be 0 in a present entry (APM vol 2, 5.2 and 5.3; SDM vol
 * 3A, tables 4-4 to 4-20). AMD reserves bit 8 in entries of level 3 and 4 that
 * map no page, Intel ignores it: it is ignored here.
 */
static uint64_t reserved_bits(const struct gwalk *w, const struct paging *mode, unsigned int level, bool leaf)
{
	uint64_t bits = 0;

	if (mode->entry_bytes == 4) {
		/* PSE-36: bits 20:13 are bits 39:32 of the address, as far as the CPU has them. */
		if (leaf && level == 2)
			return BITS(21, w->maxphyaddr < 40 ? w->maxphyaddr - 19 : 21);
		return 0;
	}

	if (w->maxphyaddr < 52)
		bits |= BITS(51, w->maxphyaddr);
	if (mode->pae)
		bits |= BITS(62, 52);
	if (!(w->efer & EFER_NXE))
		bits |= PTE_NX;
	if (mode->pae && level == 3)
		return bits | PTE_NX | BITS(8, 5) | BITS(2, 1);
	if (level >= 4)
		bits |= PTE_PS;
	if (leaf && level == 2)
		bits |= BITS(20, 13);
	if (leaf && level == 3)
		bits |= BITS(29, 13);
	return bits;
}

static int fail(struct gwalk_result *out, int status)
{
	out->status = status;
	return status;
}

static int page_fault(const struct gwalk *w, struct gwalk_result *out, uint32_t code)
{
	if (w->access == GWALK_WRITE)
		code |= GWALK_PF_W;
	if (w->cpl == 3)
		code |= GWALK_PF_U;
	/* The fetch bit is reported only where something could forbid a fetch. */
	if (w->access == GWALK_EXEC &&
	    ((w->cr4 & CR4_SMEP) || ((w->cr4 & CR4_PAE) && (w->efer & EFER_NXE))))
		code |= GWALK_PF_I;
	out->error_code = code;
	return fail(out, -EFAULT);
}

/* APM vol 2, 5.6; SDM vol 3A, 4.6. */
static bool allowed(const struct gwalk *w, const struct rights *r)
{
	bool user = w->cpl == 3;

	if (user && !r->user)
		return false;

	switch (w->access) {
	case GWALK_EXEC:
		if (!user && r->user && (w->cr4 & CR4_SMEP))
			return false;
		return !r->no_exec;
	case GWALK_WRITE:
		if (!r->write && (user || (w->cr0 & CR0_WP)))
			return false;
		break;
	case GWALK_READ:
		break;
	}
	if (!user && r->user && (w->cr4 & CR4_SMAP) && !(w->rflags & RFLAGS_AC))
		return false;
	return true;
}

/* One read of the entry; its address is below 1 << maxphyaddr because the table's is. */
static int read_entry(const struct gwalk *w, const struct paging *mode, uint64_t table,
		      uint64_t index, uint64_t *entry)
{
	uint64_t addr = table + index * mode->entry_bytes;
	uint32_t entry32 = 0;
	int ret;

	if (mode->entry_bytes == 8)
		return w->read_gpa(w->ctx, addr, entry, sizeof(*entry));
	ret = w->read_gpa(w->ctx, addr, &entry32, sizeof(entry32));
	*entry = entry32;
	return ret;
}

static void gather(struct rights *r, const struct paging *mode, unsigned int level, uint64_t entry)
{
	/* PDPTEs of PAE have no rights. */
	if (mode->pae && level == 3)
		return;
	r->user = r->user && (entry & PTE_US);
	r->write = r->write && (entry & PTE_RW);
	/* Bit 63 was found 0 if NX is off; entries of 4 bytes do not have it. */
	r->no_exec = r->no_exec || (entry & PTE_NX);
}

/* The page that a leaf maps, and the address in it. */
static void translate(const struct paging *mode, unsigned int shift, uint64_t entry,
		      uint64_t linear, struct gwalk_result *out)
{
	uint64_t base;

	if (mode->entry_bytes == 4 && shift == 22)
		base = (entry & BITS(31, 22)) | (entry >> 13 & 0xFF) << 32;
	else
		base = entry & BITS(51, 12) & ~0ULL << shift;
	out->page_size = 1ULL << shift;
	out->gpa = base | (linear & (out->page_size - 1));
}

static int walk(const struct gwalk *w, const struct paging *mode, struct gwalk_result *out)
{
	struct rights rights = { .user = true, .write = true };
	uint64_t table = root_table(w, mode);
	unsigned int level;

	/* No CPU lets such a value into CR3. */
	if (table >> w->maxphyaddr)
		return fail(out, -EINVAL);

	for (level = mode->levels; level > 0; level--) {
		unsigned int shift = GPAGE_SHIFT + (level - 1) * mode->index_bits;
		uint64_t index = out->linear >> shift & ((1ULL << mode->index_bits) - 1);
		uint64_t entry = 0;
		bool leaf;

		if (read_entry(w, mode, table, index, &entry))
			return fail(out, -EIO);
		if (!(entry & PTE_P))
			return page_fault(w, out, 0);
		leaf = level == 1 || ((entry & PTE_PS) && has_large_page(w, mode, level));
		if (entry & reserved_bits(w, mode, level, leaf))
			return page_fault(w, out, GWALK_PF_P | GWALK_PF_RSVD);
		gather(&rights, mode, level, entry);
		if (leaf) {
			if (!allowed(w, &rights))
				return page_fault(w, out, GWALK_PF_P);
			translate(mode, shift, entry, out->linear, out);
			return 0;
		}
		table = entry & BITS(51, 12);
	}
	return fail(out, -EINVAL); /* not reached: level 1 is always a leaf */
}

static bool state_valid(const struct gwalk *w)
{
	if (w->maxphyaddr < 32 || w->maxphyaddr > 52 || w->cpl > 3)
		return false;
	if (w->access != GWALK_READ && w->access != GWALK_WRITE && w->access != GWALK_EXEC)
		return false;
	return !in_long_mode(w) || (w->cr4 & CR4_PAE);
}

int gwalk_linear(const struct gwalk *w, uint64_t linear, struct gwalk_result *out)
{
	struct paging mode;

	*out = (struct gwalk_result){ .linear = linear };
	if (!state_valid(w))
		return fail(out, -EINVAL);
	if (!in_long_mode(w))
		out->linear = (uint32_t)linear;

	if (!paging_on(w)) {
		out->gpa = out->linear;
		out->page_size = GPAGE_SIZE;
		return 0;
	}

	mode = paging_mode(w);
	if (mode.long_mode && !canonical(linear, mode.levels))
		return fail(out, -ERANGE);
	return walk(w, &mode, out);
}

size_t gread_linear(const struct gwalk *w, uint64_t linear, void *buf, size_t n, struct gwalk_result *fault)
{
	const uint64_t last = in_long_mode(w) ? ~0ULL : 0xFFFFFFFFULL;
	struct gwalk_result local;
	struct gwalk_result *result = fault ? fault : &local;
	size_t done = 0;

	*result = (struct gwalk_result){ .linear = linear & last };
	linear &= last;
	while (done < n) {
		size_t chunk = GPAGE_SIZE - (linear & (GPAGE_SIZE - 1));

		if (chunk > n - done)
			chunk = n - done;
		/* Never more than 4 KiB at once, whatever the page's size: the level below may map each 4 KiB otherwise. */
		if (gwalk_linear(w, linear, result))
			break;
		if (w->read_gpa(w->ctx, result->gpa, (uint8_t *)buf + done, chunk)) {
			result->status = -EIO;
			break;
		}
		done += chunk;
		if (done < n && linear > last - chunk) {
			*result = (struct gwalk_result){ .status = -ERANGE, .linear = 0 };
			break;
		}
		linear += chunk;
	}
	return done;
}
