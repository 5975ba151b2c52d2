/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise of vtl_context_ok() (hypervisor/core/vtl.c): VTL1 starts in 64-bit
 * mode at CPL 0, with translation and W^X in force, on tables in its own
 * memory, and in no state that the CPU can't be in. What the secure kernel asks
 * for (securekernel/cpu.c) and what the loader's entry becomes are accepted;
 * each with one field wrong is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define cpuid    hardware_cpuid
#define read_cr3 hardware_read_cr3
#include "../../lib/x86.h"
#undef cpuid
#undef read_cr3
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
static uint64_t read_cr3(void);

#include "private_window.h"

#include "../../hypervisor/core/vtl.c"
#include "../../securekernel/cpu.c"

#define BLOCK_SPA 0x40000000ULL
#define VTL1_OFF  0x200000ULL
#define OWN       (BLOCK_SPA + VTL1_OFF)
#define OWN_SIZE  0x400000ULL
#define CPUS      4u
#define SK_PAGES  128u

struct slat vtl0_slat, vtl1_slat;
struct cpu_shared *cpus;
uint32_t cpu_count = CPUS;
bool hv_prepared;
const uint8_t arch_hypercall_insn[3] = { 0x0F, 0x01, 0xD9 };
const char sk_exception_entries[SK_VECTORS * SK_EXCEPTION_STRIDE], sk_ap_start[1];

static struct ovbs_boot_info info;
static struct ovbs_sk_info sk_info = { .cpu_count = CPUS };
static uint8_t pool[8][PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t sk_pages[SK_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static unsigned int pool_used, sk_used;
static struct cpuid_regs leaf7;
static unsigned int shown_rights;
static const struct hv_initial_vp_context *started;
static unsigned int to_vtl0, to_vtl1, skipped, notified, ended, notified_vector;

void sk_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static struct cpuid_regs cpuid(uint32_t n, uint32_t subleaf)
{
	return n == 7 ? leaf7 : (struct cpuid_regs){ 0 };
}

/* As host.c: of what CPUID shows, the host has it all on. */
uint64_t host_vtl1_cr4(void)
{
	return CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT |
	       (leaf7.ebx & (1u << 7) ? CR4_SMEP : 0) | (leaf7.ebx & (1u << 20) ? CR4_SMAP : 0) |
	       (leaf7.ecx & (1u << 2) ? CR4_UMIP : 0);
}

const struct ovbs_boot_info *hv_boot_info(void)
{
	return &info;
}

void *pool_pages(unsigned int n)
{
	void *p = pool[pool_used];

	pool_used += n;
	return pool_used <= ARRAY_SIZE(pool) ? p : NULL;
}

struct spa shared_spa(const void *va)
{
	return spa(BLOCK_SPA + (uint64_t)((const uint8_t *)va - pool[0]));
}

int slat_show(struct slat *s, struct gpa g, unsigned int pages, unsigned int rights)
{
	assert_true(s == &vtl0_slat && pages == 1);
	shown_rights = rights;
	return 0;
}

int slat_prepare_vtl1(struct slat *s, const struct ovbs_boot_info *i, struct spa code)
{
	return 0;
}

void *memory_boot_pages(unsigned int n)
{
	void *p = sk_pages[sk_used];

	sk_used += n;
	assert_true(sk_used <= SK_PAGES);
	return p;
}

uint64_t memory_gpa(const void *at)
{
	return OWN + (uint64_t)((const uint8_t *)at - sk_pages[0]);
}

void *memory_at(uint64_t gpa)
{
	return sk_pages[0] + (gpa - OWN);
}

static uint64_t read_cr3(void)
{
	return OWN; /* the first of sk_pages: the loader's root */
}

/* What else vtl.c calls. */
void arch_vtl1_init(struct vcpu *v, const struct hv_initial_vp_context *c)
{
	started = c;
}

void arch_switch_vtl(struct vcpu *to)
{
}

void arch_skip_hypercall(struct vcpu *v)
{
	skipped++;
}

void arch_notify(struct vcpu *v, uint8_t vector)
{
	assert_int_equal(v->vtl, 1);
	notified++;
	notified_vector = vector;
}

void arch_notify_end(struct vcpu *v)
{
	assert_int_equal(v->vtl, 1);
	ended++;
}

void arch_slat_flush(struct vcpu *v)
{
}

enum cpu_mode arch_walk(const struct vcpu *v, struct gwalk *w, uint64_t *linear_rip)
{
	fail();
	return CPU_MODE_64;
}

uint64_t arch_rip(const struct vcpu *v)
{
	return 0;
}

unsigned int slat_rights(const struct slat *s, struct gpa g)
{
	return 0;
}

void host_map_assist(struct spa page)
{
}

void speculation_to_vtl1(void)
{
	to_vtl1++;
}

bool icr_trapped(void)
{
	return false;
}

void speculation_to_vtl0(void)
{
	to_vtl0++;
}

void hv_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static int prepare_all(void **state)
{
	memset(pool, 0, sizeof(pool));
	memset(sk_pages, 0, sizeof(sk_pages));
	pool_used = 0;
	sk_used = 2; /* the loader's root and PDPT */
	*(uint64_t *)&sk_pages[0][511 * 8] = memory_gpa(sk_pages[1]) | PTE_P;
	leaf7 = (struct cpuid_regs){ 0 };
	info.block_spa = BLOCK_SPA;
	info.vtl1_off = VTL1_OFF;
	info.vtl1_size = OWN_SIZE;
	info.cpu_count = CPUS;
	info.boot_cpu = 1;
	info.vtl1 = (struct ovbs_vtl1_entry){ SK_VA_BASE + 0x10, SK_VA_BASE + 0x20000, OWN + 0x3000,
					      SK_VA_BASE };
	cpus_prepare(&sk_info);
	window_begin(0, 0);
	skipped = to_vtl0 = to_vtl1 = notified = ended = 0;
	return vtl_prepare(&info);
}

/* Whatever this kind of CPU has of SMEP, SMAP and UMIP. */
static void test_secure_kernels_contexts(void **state)
{
	for (unsigned int i = 0; i < 8; i++) {
		leaf7.ebx = (i & 1 ? 1u << 7 : 0) | (i & 2 ? 1u << 20 : 0);
		leaf7.ecx = i & 4 ? 1u << 2 : 0;
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			const struct hv_initial_vp_context c = cpu_context(cpu);

			assert_true(vtl_context_ok(&c));
			assert_int_equal(c.cr3, cpu_root(cpu));
		}
	}
}

static struct hv_initial_vp_context good(void)
{
	const struct hv_initial_vp_context c = cpu_context(2);

	assert_true(vtl_context_ok(&c));
	return c;
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		struct hv_initial_vp_context c = good();                                           \
		change;                                                                            \
		if (vtl_context_ok(&c))                                                            \
			fail_msg("accepted: %s", #change);                                         \
	} while (0)

static void test_addresses(void **state)
{
	REFUSED(c.rip = 0x0000800000000000);
	REFUSED(c.rip ^= 1ULL << 63);
	REFUSED(c.rsp = 0xFFFF7FFFFFFFFFFF);
	REFUSED(c.idtr.base = 1ULL << 47);
	REFUSED(c.gdtr.base ^= 1ULL << 48);
	REFUSED(c.cr3 = OWN - PAGE_SIZE); /* the hypervisor's */
	REFUSED(c.cr3 = OWN + OWN_SIZE);
	REFUSED(c.cr3 = 0x1000); /* VTL0's */
	REFUSED(c.cr3 = 0);
	for (unsigned int bit = 0; bit < 64; bit++)
		if (bit < 12 || bit > 21)
			REFUSED(c.cr3 ^= 1ULL << bit);
}

static void test_each_bit_of_the_control_registers(void **state)
{
	const uint64_t may0 = CR0_MP | CR0_ET | CR0_AM, may4 = host_vtl1_cr4() & ~CR4_PAE;

	for (unsigned int bit = 0; bit < 64; bit++) {
		const uint64_t b = 1ULL << bit;

		if (!(b & may0))
			REFUSED(c.cr0 ^= b);
		if (!(b & may4))
			REFUSED(c.cr4 ^= b);
		if (b != EFER_SCE)
			REFUSED(c.efer ^= b);
		REFUSED(c.rflags ^= b);
	}
	/* What the CPU has not. */
	REFUSED(c.cr4 |= CR4_SMEP);
	REFUSED(c.cr4 |= CR4_SMAP);
	REFUSED(c.cr4 |= CR4_UMIP);
	REFUSED(c.cr4 |= CR4_OSXSAVE); /* VTL0's vector registers would be in reach */
}

static void test_pat(void **state)
{
	for (unsigned int n = 0; n < 8; n++) {
		for (uint64_t type = 0; type < 256; type++) {
			struct hv_initial_vp_context c = good();

			c.msr_cr_pat = (c.msr_cr_pat & ~(0xFFULL << 8 * n)) | type << 8 * n;
			assert_int_equal(vtl_context_ok(&c), type <= 7 && type != 2 && type != 3);
		}
	}
}

static void test_code_stack_and_task(void **state)
{
	for (unsigned int bit = 0; bit < 16; bit++) {
		REFUSED(c.cs.attributes ^= 1u << bit); /* DPL, L, D, present, type */
		REFUSED(c.ss.attributes ^= 1u << bit);
		REFUSED(c.tr.attributes ^= 1u << bit);
	}
	for (unsigned int bit = 0; bit < 3; bit++) { /* RPL, and the LDT */
		REFUSED(c.cs.selector ^= 1u << bit);
		REFUSED(c.tr.selector ^= 1u << bit);
	}
}

/* SDM 3, 27.3.1.2 (checks on guest segment registers) and 27.3.1.3: VM entry would fail, and that is a panic. */
static void test_segments_that_no_cpu_has(void **state)
{
	REFUSED(c.tr.base = 1ULL << 47);
	REFUSED(c.fs.base = 1ULL << 47);
	REFUSED(c.gs.base = 1ULL << 63);
	REFUSED(c.cs.base = 1ULL << 32);
	REFUSED(c.ds.base = 1ULL << 32);
	REFUSED(c.cs.limit = 0);       /* granular, and its low 12 bits not set */
	REFUSED(c.ds.limit = 0x10000); /* the same */
	REFUSED(c.tr.limit = 1u << 20);
	REFUSED(c.ds.attributes = 0xC013); /* usable, but not present */
	REFUSED(c.es.attributes = 0xC083); /* a system segment */
	REFUSED(c.ldtr.attributes = 0x8B); /* a TSS */
	REFUSED(c.ldtr.base = 1ULL << 47);
}

/* VTL1 of each CPU is enabled once, and only by a context that is good. */
static void test_enable(void **state)
{
	struct hv_initial_vp_context c = good();

	assert_true(vtl1_enabled());
	assert_true(vtl_vp_enabled(1)); /* the boot CPU's, by the loader's entry */
	assert_false(vtl_vp_enabled(2));
	c.cr0 &= ~CR0_WP;
	assert_int_equal(vtl_enable_vp(2, &c), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_false(vtl_vp_enabled(2));
	c.cr0 |= CR0_WP;
	assert_int_equal(vtl_enable_vp(2, &c), HV_STATUS_SUCCESS);
	c.rip++;
	assert_int_equal(vtl_enable_vp(2, &c), HV_STATUS_VTL_ALREADY_ENABLED);
	assert_int_equal(vtl_enable_vp(1, &c), HV_STATUS_VTL_ALREADY_ENABLED);
	assert_false(vtl_vp_enabled(3));
	this_cpu->index = 2;
	assert_true(vtl_call(&this_cpu->vtl[0]));
	assert_int_equal(started->rip, c.rip - 1); /* the first one's */
}

static void test_loader_entry_is_checked(void **state)
{
	const struct ovbs_vtl1_entry bad[] = { { 1ULL << 47, SK_VA_BASE, OWN, 0 },
					       { SK_VA_BASE, 1ULL << 47, OWN, 0 },
					       { SK_VA_BASE, SK_VA_BASE, OWN - PAGE_SIZE, 0 },
					       { SK_VA_BASE, SK_VA_BASE, OWN + 1, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(pool, 0, sizeof(pool));
		pool_used = 0;
		info.vtl1 = bad[i];
		assert_int_equal(vtl_prepare(&info), -EINVAL);
	}
}

static void test_owns(void **state)
{
	assert_true(vtl1_owns(OWN, OWN_SIZE));
	assert_true(vtl1_owns(OWN + OWN_SIZE, 0));
	assert_false(vtl1_owns(OWN, OWN_SIZE + 1));
	assert_false(vtl1_owns(OWN - 1, 2));
	assert_false(vtl1_owns(OWN + 1, OWN_SIZE));
	assert_false(vtl1_owns(OWN, ~0ULL));
	assert_false(vtl1_owns(~0ULL, 2));
	assert_int_equal(vtl_map_assist(OWN + PAGE_SIZE), HV_STATUS_SUCCESS);
	assert_int_equal(vtl_map_assist(OWN + 8), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(vtl_map_assist(OWN + OWN_SIZE), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(vtl_map_assist(OWN - PAGE_SIZE), HV_STATUS_INVALID_REGISTER_VALUE);
	assert_int_equal(this_cpu->assist_gpa, OWN + PAGE_SIZE);
	assert_int_equal(vtl_map_assist(0), HV_STATUS_SUCCESS);
}

static void test_vtl0_ram(void **state)
{
	info.ram_count = 2;
	info.ram[0] = (struct ovbs_range){ 0x1000, 0xA0000 };
	info.ram[1] = (struct ovbs_range){ 0x100000, BLOCK_SPA };
	assert_true(vtl0_ram(0x1000, 0x9F000));
	assert_false(vtl0_ram(0x1000, 0x9F001));
	assert_false(vtl0_ram(0xFFF, 2));
	assert_false(vtl0_ram(0xA0000, 1));
	assert_false(vtl0_ram(0x1000, ~0ULL));
	assert_false(vtl0_ram(~0ULL, 2));
	assert_true(vtl0_ram(BLOCK_SPA - 1, 1));
	assert_false(vtl0_ram(BLOCK_SPA, 1));
	info.ram_count = 0;
}

/* The hypercall page: what is called there is what it says, and the CPU may land there by an indirect branch. */
static void test_hypercall_page(void **state)
{
	static const uint8_t endbr64[] = { 0xF3, 0x0F, 0x1E, 0xFA };
	const uint8_t hypercall[] = { 0x0F, 0x01, 0xD9, 0xC3 };
	const uint8_t call[] = { 0x48, 0x89, 0xC8, 0xB9, 0x11, 0, 0, 0, 0x0F, 0x01, 0xD9, 0xC3 };
	const uint64_t offsets = vtl_code_page_offsets();
	const unsigned int at_call = offsets & 0xFFF, at_return = offsets >> 12 & 0xFFF;

	assert_int_equal(shown_rights, SLAT_R | SLAT_X);
	assert_int_equal(offsets >> 24, 0);
	assert_memory_equal(code_page, endbr64, 4);
	assert_memory_equal(code_page + 4, hypercall, sizeof(hypercall));
	assert_memory_equal(code_page + at_call, endbr64, 4);
	assert_memory_equal(code_page + at_call + 4, call, sizeof(call));
	assert_memory_equal(code_page + at_return, endbr64, 4);
	assert_int_equal(code_page[at_return + 4 + 4], 0x12);
}

static void test_switches(void **state)
{
	struct vcpu *vtl0 = &this_cpu->vtl[0], *vtl1 = &this_cpu->vtl[1];

	assert_false(vtl_return(vtl0));
	assert_false(vtl_call(vtl1));
	this_cpu->index = 3; /* not enabled */
	assert_false(vtl_call(vtl0));
	assert_ptr_equal(this_cpu->active, vtl0);
	assert_int_equal(skipped + to_vtl0 + to_vtl1, 0);
	this_cpu->index = 1;
	assert_true(vtl_call(vtl0));
	assert_ptr_equal(this_cpu->active, vtl1);
	assert_true(vtl_return(vtl1));
	assert_ptr_equal(this_cpu->active, vtl0);
	assert_true(skipped == 2 && to_vtl0 == 1 && to_vtl1 == 1); /* the CPU forgets on the way, each way */
}

/* VTL1 hears that something of VTL0's waits, which counts once, and its stay ends with the next return. */
static void test_notification(void **state)
{
	struct vcpu *vtl0 = &this_cpu->vtl[0], *vtl1 = &this_cpu->vtl[1];

	this_cpu->index = 1;
	this_cpu->vina = 0x20;
	for (unsigned int i = 1; i < 4; i++) {
		assert_true(vtl_call(vtl0));
		for (unsigned int n = 0; n < 3; n++)
			vtl_call_back(vtl1);
		assert_true(notified == 3 * i && notified_vector == 0x20 && ended == i - 1);
		assert_int_equal(window_stats[OVBS_STAT_VTL_INTERRUPT], i);
		assert_true(vtl_return(vtl1));
		assert_int_equal(ended, i);
	}
	assert_true(vtl_call(vtl0));
	assert_true(vtl_return(vtl1));
	assert_true(notified == 9 && ended == 3);
	assert_int_equal(window_stats[OVBS_STAT_VTL_INTERRUPT], 3);
}

/* The lower VTL's RAX and RCX: as VTL1 left them in the assist page, unless it asks to keep what is there. */
static void test_return_registers(void **state)
{
	struct vcpu *vtl0 = &this_cpu->vtl[0], *vtl1 = &this_cpu->vtl[1];

	this_cpu->index = 1;
	for (unsigned int i = 0; i < 4; i++) {
		bool fast = i & 1, page = i & 2;

		assert_int_equal(vtl_map_assist(page ? OWN : 0), HV_STATUS_SUCCESS);
		assert_true(vtl_call(vtl0));
		if (page)
			assert_int_equal(vtl_assist->vtl_entry_reason, HV_VTL_ENTRY_VTL_CALL);
		vtl_assist->vtl_return_rax = 0x1111;
		vtl_assist->vtl_return_rcx = 0x2222;
		this_cpu->gpr[GPR_RAX] = 0x4440 | fast;
		this_cpu->gpr[GPR_RCX] = 0x5555;
		assert_true(vtl_return(vtl1));
		assert_int_equal(this_cpu->gpr[GPR_RAX], page && !fast ? 0x1111 : 0x4440 | fast);
		assert_int_equal(this_cpu->gpr[GPR_RCX], page && !fast ? 0x2222 : 0x5555);
	}
}

#define PREPARED(test) cmocka_unit_test_setup(test, prepare_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PREPARED(test_secure_kernels_contexts),
		PREPARED(test_addresses),
		PREPARED(test_each_bit_of_the_control_registers),
		PREPARED(test_pat),
		PREPARED(test_code_stack_and_task),
		PREPARED(test_segments_that_no_cpu_has),
		PREPARED(test_enable),
		PREPARED(test_loader_entry_is_checked),
		PREPARED(test_owns),
		PREPARED(test_vtl0_ram),
		PREPARED(test_hypercall_page),
		PREPARED(test_switches),
		PREPARED(test_notification),
		PREPARED(test_return_registers),
	};

	return cmocka_run_group_tests(tests, map_window, NULL);
}
