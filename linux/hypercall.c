// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall page. The hypervisor shows it in memory of its own, which
 * Linux knows as a hole: it has to be mapped executable, and checked before it
 * is called, since a level below that merely copies CPUID leaves must not make
 * the kernel run whatever lies there. The hypervisor alone writes the page; a
 * mapping is read-execute, never writable.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/ibt.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/pgtable.h>
#include <asm/processor.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <openvbs/tlfs.h>
#include <openvbs/vtl_abi.h>

#include "hypercall.h"

#define VTL_CALL_OFFSET(offsets)                                                                   \
	((u32)(offsets)&0xFFF) /* HvRegisterVsmCodePageOffsets, bits 11:0 */

/* HvCallGetVpRegisters with a list of one name. */
struct get_vp_register {
	struct hv_input_vp_registers head;
	u32 name;
};
static_assert(offsetof(struct get_vp_register, name) == 16);

static void *hypercall_page;
static void *vtl_call_entry;

static bool vtl1_announced(void)
{
	u32 eax, ebx, ecx, edx;

	cpuid(HV_CPUID_FEATURES, &eax, &ebx, &ecx, &edx);
	return (eax & HV_EAX_HYPERCALL_MSRS) && (ebx & HV_EBX_ACCESS_VSM) &&
	       (ebx & HV_EBX_ACCESS_VP_REGISTERS);
}

/* The page's address, if it can be what it should be: enabled, not 0, within the CPU's reach, not Linux's own memory. */
static int page_address_of(u64 *gpa)
{
	u64 msr;

	if (rdmsrl_safe(HV_X64_MSR_HYPERCALL, &msr)) {
		pr_err("no VTL1: MSR %#x, where the hypercall page should be, can't be read\n",
		       HV_X64_MSR_HYPERCALL);
		return -EPROTO;
	}
	*gpa = msr & PAGE_MASK;
	if (!(msr & HV_HYPERCALL_ENABLE) || !*gpa || *gpa >> boot_cpu_data.x86_phys_bits ||
	    region_intersects(*gpa, PAGE_SIZE, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("no VTL1: MSR %#x names the hypercall page as %#llx: makes no sense\n",
		       HV_X64_MSR_HYPERCALL, msr);
		return -EPROTO;
	}
	return 0;
}

/*
 * vmap() and vmap_pfn() take any protection but set the no-execute bit over
 * it, and set_memory_x() is not for modules. The mapping is ours alone and was
 * not used yet, so its entry may simply be changed: a translation that a CPU
 * took early is stricter than the entry, which Linux's fault handler accepts.
 */
static int make_executable(void *map)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)map, &level);

	if (!pte || level != PG_LEVEL_4K)
		return -EOPNOTSUPP;
	set_pte(pte, pte_mkexec(*pte));
	return 0;
}

static int map_page(u64 gpa)
{
	unsigned long pfn = gpa >> PAGE_SHIFT;
	int err;

	if (pfn_valid(pfn)) {
		struct page *page = pfn_to_page(pfn);

		hypercall_page = vmap(&page, 1, VM_MAP, PAGE_KERNEL_ROX);
	} else if (IS_ENABLED(CONFIG_VMAP_PFN)) {
		hypercall_page = vmap_pfn(&pfn, 1, PAGE_KERNEL_ROX);
	} else {
		pr_err("no VTL1: this kernel can't map the hypercall page at %#llx (CONFIG_VMAP_PFN)\n", gpa);
		return -EOPNOTSUPP;
	}
	err = hypercall_page ? make_executable(hypercall_page) : -ENOMEM;
	if (err)
		pr_err("no VTL1: the hypercall page at %#llx can't be mapped: %d\n", gpa, err);
	return err;
}

/* With indirect branch tracking the kernel can only call what begins with ENDBR64. */
static int check_entry(const void *entry, const char *what)
{
	static const u8 endbr64[4] = { 0xF3, 0x0F, 0x1E, 0xFA };

	if (!cpu_feature_enabled(X86_FEATURE_IBT) || !memcmp(entry, endbr64, sizeof(endbr64)))
		return 0;
	pr_err("no VTL1: %s does not begin with ENDBR64 and this kernel has IBT on\n", what);
	return -EOPNOTSUPP;
}

static u64 hypercall(u64 control, u64 input, u64 output)
{
	register u64 r8 asm("r8") = output;
	u64 result;

	/* Registers that the interface may change: RAX, RCX, RDX, R8 to R11. */
	asm volatile(CALL_NOSPEC
		     : "=a"(result), "+c"(control), "+d"(input), "+r"(r8), ASM_CALL_CONSTRAINT
		     : THUNK_TARGET(hypercall_page)
		     : "cc", "memory", "r9", "r10", "r11");
	return result;
}

static int find_vtl_call(void)
{
	struct get_vp_register *in = (void *)get_zeroed_page(GFP_KERNEL);
	u64 *out, result, value;

	if (!in)
		return -ENOMEM;
	out = (void *)in + PAGE_SIZE / 2; /* both within one page, as the interface wants it */
	in->head.partition = HV_PARTITION_ID_SELF;
	in->head.vp_index = HV_VP_INDEX_SELF;
	in->name = HV_REGISTER_VSM_CODE_PAGE_OFFSETS;
	result = hypercall(HV_CALL_GET_VP_REGISTERS | HV_CALL_REPS(1), virt_to_phys(in),
			   virt_to_phys(out));
	value = READ_ONCE(out[0]);
	free_page((unsigned long)in);
	if (HV_RESULT_STATUS(result) || HV_RESULT_REPS(result) != 1 || !VTL_CALL_OFFSET(value)) {
		pr_err("no VTL1: HvCallGetVpRegisters gives %#llx, offsets %#llx\n", result, value);
		return -EPROTO;
	}
	vtl_call_entry = hypercall_page + VTL_CALL_OFFSET(value);
	return 0;
}

int openvbs_hypercall_start(void)
{
	u64 gpa;
	int err;

	if (!vtl1_announced()) {
		pr_info("no VTL1: the hypervisor does not announce it (CPUID %xh), so there are no trustlets\n",
			HV_CPUID_FEATURES);
		return -ENODEV;
	}
	err = page_address_of(&gpa);
	if (err)
		return err;
	err = map_page(gpa)                                             ?:
		      check_entry(hypercall_page, "the hypercall page") ?:
		      find_vtl_call()                                   ?:
		      check_entry(vtl_call_entry, "the VTL call");
	if (err)
		openvbs_hypercall_stop();
	return err;
}

void openvbs_hypercall_stop(void)
{
	if (hypercall_page)
		vunmap(hypercall_page);
	hypercall_page = NULL;
	vtl_call_entry = NULL;
}

u32 openvbs_vtl_call(u32 op, u64 gpa)
{
	register u64 r8 asm("r8") = gpa;
	u64 result, control = 0;

	asm volatile(CALL_NOSPEC
		     : "=a"(result), "+c"(control), ASM_CALL_CONSTRAINT
		     : "d"((u64)op), "r"(r8), THUNK_TARGET(vtl_call_entry)
		     : "cc", "memory");
	return (u32)result;
}
