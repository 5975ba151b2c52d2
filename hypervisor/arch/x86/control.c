// SPDX-License-Identifier: GPL-2.0-only
/* See control.h. */
#include "arch/x86/control.h"

#include "x86.h"

#define CR0_EXISTS                                                                                 \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define LMSW_BITS   0xFULL
#define CR3_PCID    0xFFFULL
#define FLUSHES_CR0 (CR0_PE | CR0_WP | CR0_PG | CR0_CD | CR0_NW)
#define FLUSHES_CR4                                                                                \
	(CR4_PSE | CR4_PAE | CR4_PGE | CR4_LA57 | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_CET)

static bool pae32(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA);
}

bool control_cr0_write(struct control *c, uint64_t value)
{
	bool on = (value & CR0_PG) && !(c->cr0 & CR0_PG), off = !(value & CR0_PG) && (c->cr0 & CR0_PG);
	uint64_t efer = c->efer;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
	    ((value & CR0_NW) && !(value & CR0_CD)) || (!(value & CR0_WP) && (c->cr4 & CR4_CET)))
		return false;
	if (on && (efer & EFER_LME)) {
		if (!(c->cr4 & CR4_PAE) || c->code64)
			return false;
		efer |= EFER_LMA;
	}
	if (off && (efer & EFER_LMA)) {
		if (c->code64 || (c->cr4 & CR4_PCIDE))
			return false;
		efer &= ~EFER_LMA;
	}
	if (pae32(value, c->cr4, efer))
		return false;
	c->cr0 = (value & CR0_EXISTS) | CR0_ET;
	c->efer = efer;
	return true;
}

bool control_cr4_write(struct control *c, uint64_t value, uint64_t exists)
{
	uint64_t changed = c->cr4 ^ value;

	if ((value & ~exists) || ((value & CR4_CET) && !(c->cr0 & CR0_WP)))
		return false;
	if ((c->efer & EFER_LMA) ? (changed & CR4_LA57) || !(value & CR4_PAE) : (value & CR4_PCIDE) != 0)
		return false;
	if ((changed & value & CR4_PCIDE) && (c->cr3 & CR3_PCID))
		return false;
	if (pae32(c->cr0, value, c->efer))
		return false;
	c->cr4 = value;
	return true;
}

bool control_flushes_cr0(uint64_t changed)
{
	return changed & FLUSHES_CR0;
}

bool control_flushes_cr4(uint64_t changed)
{
	return changed & FLUSHES_CR4;
}

uint64_t control_lmsw(uint64_t cr0, uint64_t source)
{
	return (cr0 & (~LMSW_BITS | CR0_PE)) | (source & LMSW_BITS);
}

bool control_canonical(uint64_t value, uint64_t cr4)
{
	unsigned int unused = cr4 & CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(value << unused) >> unused) == value;
}
