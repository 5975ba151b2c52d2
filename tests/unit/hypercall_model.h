/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine around the hypercall interface (hypervisor/core/hypercall.c and
 * registers.c), for unit tests: memory of both VTLs, what a
 * register holds, and counts of what was done. Included once, by a test.
 */
#ifndef OVBS_TESTS_HYPERCALL_MODEL_H
#define OVBS_TESTS_HYPERCALL_MODEL_H

#include "private_window.h"

#include "../../hypervisor/core/hypercall.c"
#include "../../hypervisor/core/registers.c"

#define RAM_AT   0x100000ULL
#define OWN_AT   0x8000000ULL
#define AREA     (4 * PAGE_SIZE)
#define IN       (RAM_AT + 0x100)
#define OUT      (RAM_AT + 2 * PAGE_SIZE)
#define VTL1_OUT (OWN_AT + 2 * PAGE_SIZE)
#define CODE(c)  ((uint64_t)HV_CALL_##c)
#define REPS(n)  HV_CALL_REPS(n)
#define FROM(n)  ((uint64_t)(n) << 48)

enum { REG_GOOD = HV_X64_REGISTER_RIP, REG_REFUSED = HV_X64_REGISTER_CR4, REG_NONE = 0x12345 };

struct slat vtl0_slat, vtl1_slat;
struct cpu_shared *cpus;
uint32_t cpu_count = 4;
bool hv_prepared = true;

static uint8_t ram[AREA], own[AREA];
static unsigned int reads, writes, skips, flushes, injected, switches, assists;
static bool write_fails, scribble;
static enum x86_vector injected_vector;
static const struct vcpu *injected_into;
static struct {
	uint64_t page;
	unsigned int rights;
} changed[16];
static unsigned int changes, changes_max, device_changes, device_flushes;
static bool devices_full;
static char logged[256];
static uint64_t rip_of[VTL_COUNT];
static bool call_there, return_there;
static struct hv_initial_vp_context enabled_with;
static uint32_t enabled_index;

static uint8_t *guest(const struct vcpu *v, uint64_t g, size_t n)
{
	uint64_t base = v->vtl ? OWN_AT : RAM_AT;

	if (g < base || n > AREA || g - base > AREA - n || n > PAGE_SIZE - (g & ~PAGE_MASK))
		return NULL;
	return (v->vtl ? own : ram) + (g - base);
}

int host_read_guest(void *ctx, uint64_t g, void *buf, size_t n)
{
	uint8_t *at = guest(ctx, g, n);

	reads++;
	if (!at)
		return -EFAULT;
	memcpy(buf, at, n);
	if (scribble)
		memset(at, 0xFF, n); /* another CPU of the caller's */
	return 0;
}

int host_write_guest(struct vcpu *v, uint64_t g, const void *buf, size_t n)
{
	uint8_t *at = guest(v, g, n);

	writes++;
	if (!at || write_fails)
		return -EFAULT;
	memcpy(at, buf, n);
	return 0;
}

bool vtl1_owns(uint64_t g, uint64_t n)
{
	return g >= OWN_AT && n <= AREA && g - OWN_AT <= AREA - n;
}

bool vtl0_ram(uint64_t g, uint64_t n)
{
	return g >= RAM_AT && n <= AREA && g - RAM_AT <= AREA - n;
}

int slat_protect(struct slat *s, struct gpa g, unsigned int rights)
{
	assert_ptr_equal(s, &vtl0_slat);
	if (changes == changes_max)
		return -ENOMEM;
	changed[changes].page = g.v;
	changed[changes++].rights = rights;
	return 0;
}

static unsigned int normal_set; /* how often the default rights were changed */
static bool exec_apart;

void slat_set_normal(struct slat *s, unsigned int rights)
{
	assert_ptr_equal(s, &vtl0_slat);
	s->normal = rights;
	normal_set++;
}

bool arch_slat_user_apart(void)
{
	return exec_apart;
}

void hv_panic(const char *fmt, ...)
{
	fail();
	__builtin_unreachable();
}

static unsigned int rights_before = SLAT_RWX;

unsigned int slat_rights(const struct slat *s, struct gpa g)
{
	return rights_before;
}

/* Devices follow each change of the CPUs' rights, the same page with the same rights. */
int iommu_protect(struct gpa g, unsigned int rights)
{
	if (devices_full)
		return -ENOMEM;
	assert_true(changes > 0);
	assert_int_equal(changed[changes - 1].page, g.v);
	assert_int_equal(changed[changes - 1].rights, rights);
	device_changes++;
	return 0;
}

void iommu_flush(void)
{
	device_flushes++;
}

void cpus_flush(void)
{
	flushes++;
}

void arch_skip_hypercall(struct vcpu *v)
{
	skips++;
}

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	assert_ptr_equal(this_cpu->active, v);
	injected++;
	injected_vector = vector;
	injected_into = v;
}

void arch_switch_vtl(struct vcpu *to)
{
	assert_ptr_equal(this_cpu->active, to);
	switches++;
}

int arch_register(struct vcpu *v, uint32_t name, uint64_t *value, bool write)
{
	assert_ptr_equal(this_cpu->active, v); /* its state is the current one */
	if (name == REG_NONE)
		return -ENOENT;
	if (name == REG_REFUSED && write)
		return -EINVAL;
	if (write)
		rip_of[v->vtl] = *value;
	else
		*value = rip_of[v->vtl];
	return 0;
}

/* Pinned registers (hypervisor/core/pin.c). */
static uint64_t pins_of[3], moved_from, moved_to;
static uint32_t moved;
static unsigned int pins_set;

bool pin_is_register(uint32_t name)
{
	return name >> 2 == HV_X64_REGISTER_CR_INTERCEPT_CONTROL >> 2 && (name & 3) < 3;
}

uint64_t pin_get(uint32_t name)
{
	return pins_of[name & 3];
}

enum hv_status pin_set(uint32_t name, uint64_t value)
{
	assert_ptr_equal(this_cpu->active, &this_cpu->vtl[0]); /* its state is the current one */
	if (value == ~0ULL)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	pins_set++;
	pins_of[name & 3] = value;
	return HV_STATUS_SUCCESS;
}

void pin_moved(uint32_t name, uint64_t from, uint64_t to)
{
	assert_ptr_equal(this_cpu->active, &this_cpu->vtl[0]);
	moved = name;
	moved_from = from;
	moved_to = to;
}

bool vtl_call(struct vcpu *v)
{
	return call_there;
}

bool vtl_return(struct vcpu *v)
{
	return return_there;
}

bool vtl_vp_enabled(uint32_t index)
{
	return index == 2;
}

enum hv_status vtl_enable_vp(uint32_t index, const struct hv_initial_vp_context *c)
{
	enabled_index = index;
	enabled_with = *c;
	return HV_STATUS_INVALID_VTL_STATE; /* any word of its own */
}

enum hv_status vtl_map_assist(uint64_t gpa)
{
	assists++;
	this_cpu->assist_gpa = gpa;
	return HV_STATUS_SUCCESS;
}

uint64_t vtl_code_page_offsets(void)
{
	return 0x80040;
}

void hv_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
}

static void begin(unsigned int vtl)
{
	window_begin(2, vtl);
	memset(ram, 0, sizeof(ram));
	memset(own, 0, sizeof(own));
	reads = writes = skips = flushes = injected = switches = assists = changes = 0;
	device_changes = device_flushes = normal_set = pins_set = 0;
	moved = 0;
	memset(pins_of, 0, sizeof(pins_of));
	vtl0_slat.normal = SLAT_RWX;
	exec_apart = false;
	devices_full = false;
	changes_max = ARRAY_SIZE(changed);
	write_fails = scribble = call_there = return_there = false;
	enabled_index = ~0u;
	logged[0] = 0;
}

/* As the VTL that runs; returns RAX. */
static uint64_t call(uint64_t control, uint64_t rdx, uint64_t r8)
{
	struct vcpu *v = this_cpu->active;
	uint64_t before[GPR_COUNT];

	for (unsigned int i = 0; i < GPR_COUNT; i++)
		v->gpr[i] = 0xB0B0 + i;
	v->gpr[GPR_RCX] = control;
	v->gpr[GPR_RDX] = rdx;
	v->gpr[GPR_R8] = r8;
	memcpy(before, v->gpr, sizeof(before));
	skips = 0;
	hypercall(v);
	assert_int_equal(skips, 1);
	assert_ptr_equal(this_cpu->active, v);
	before[GPR_RAX] = v->gpr[GPR_RAX];
	assert_memory_equal(before, v->gpr, sizeof(before));
	return v->gpr[GPR_RAX];
}

#define DONE(n, status) ((uint64_t)(n) << 32 | HV_STATUS_##status)

static void assert_no_effect(void)
{
	assert_int_equal(writes + flushes + injected + switches + assists + changes, 0);
	assert_int_equal(enabled_index, ~0u);
}

static struct hv_input_vp_registers *put_header(unsigned int vtl)
{
	struct hv_input_vp_registers *h = (void *)((vtl ? own : ram) + 0x100);

	*h = (struct hv_input_vp_registers){ .partition = HV_PARTITION_ID_SELF,
					     .vp_index = HV_VP_INDEX_SELF };
	return h;
}

static uint32_t *put_names(unsigned int vtl, unsigned int n)
{
	uint32_t *name = (uint32_t *)(put_header(vtl) + 1);

	for (unsigned int i = 0; i < n; i++)
		name[i] = HV_REGISTER_VP_INDEX;
	return name;
}

static uint64_t out_value(unsigned int vtl, unsigned int n)
{
	const struct hv_register_value *v = (void *)((vtl ? own : ram) + 2 * PAGE_SIZE);

	assert_int_equal(v[n].high, 0);
	return v[n].low;
}

#endif
