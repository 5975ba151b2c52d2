// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables of our own: a copy of the kernel's top level in which one slot
 * of the user half leads to four tables that an attack fills as it likes. They
 * are only ever loaded by try_here(), with interrupts off.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/io.h>
#include <asm/special_insns.h>

#include "attack.h"

#define CR4_LA57 (1UL << 12)
#define ADDRESS  0x000FFFFFFFFFF000ULL
#define TABLE    (PTE_P | PTE_W | PTE_A)

static u64 *page(void)
{
	return (u64 *)get_zeroed_page(GFP_KERNEL);
}

int space_make(struct space *s)
{
	bool five = native_read_cr4() & CR4_LA57;
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->root = page();
	for (i = 0; i < 4; i++)
		s->table[i] = page();
	if (!s->root || !s->table[0] || !s->table[1] || !s->table[2] || !s->table[3]) {
		space_free(s);
		return -ENOMEM;
	}
	memcpy(s->root, phys_to_virt(__read_cr3() & ADDRESS), PAGE_SIZE);
	s->table[1][0] = virt_to_phys(s->table[0]) | TABLE;
	s->table[2][0] = virt_to_phys(s->table[1]) | TABLE;
	s->pml4 = five ? s->table[3] : s->root;
	s->pml4[SPACE_SLOT] = virt_to_phys(s->table[2]) | TABLE;
	if (five)
		s->root[SPACE_VA >> 48] = virt_to_phys(s->table[3]) | TABLE;
	s->cr3 = virt_to_phys(s->root);
	return 0;
}

void space_free(struct space *s)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		free_page((unsigned long)s->table[i]);
	free_page((unsigned long)s->root);
}
