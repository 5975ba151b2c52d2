// SPDX-License-Identifier: GPL-2.0-only
/*
 * HvCallGetVpRegisters and HvCallSetVpRegisters (TLFS, Virtual Processors).
 *
 * A VTL sees the registers of its own and, if it is VTL1, those of VTL0, on its
 * own CPU. Synthetic registers of VSM are read by both; VTL1 sets its own.
 */
#include <ovbs_errno.h>

#include "arch/contract.h"
#include "core/hypercall.h"
#include "core/pin.h"
#include "core/vtl.h"

static enum hv_status check_header(const struct hc_input *in, unsigned int *vtl)
{
	const struct hv_input_vp_registers *h = in->header;

	if (h->partition != HV_PARTITION_ID_SELF)
		return HV_STATUS_INVALID_PARTITION_ID;
	if (h->reserved[0] || h->reserved[1] || h->reserved[2] ||
	    (h->input_vtl & ~(HV_INPUT_VTL_USE | HV_INPUT_VTL_NUMBER)))
		return HV_STATUS_INVALID_PARAMETER;
	if (h->vp_index != HV_VP_INDEX_SELF && h->vp_index >= cpu_count)
		return HV_STATUS_INVALID_VP_INDEX;
	if (h->vp_index != HV_VP_INDEX_SELF && h->vp_index != this_cpu->index)
		return HV_STATUS_OPERATION_DENIED; /* another CPU's can't be reached from here */
	*vtl = h->input_vtl & HV_INPUT_VTL_USE ? h->input_vtl & HV_INPUT_VTL_NUMBER : in->v->vtl;
	if (*vtl >= VTL_COUNT)
		return HV_STATUS_INVALID_PARAMETER;
	return *vtl > in->v->vtl ? HV_STATUS_ACCESS_DENIED : HV_STATUS_SUCCESS;
}

/* What both VTLs may read of VSM. */
static bool vsm_register(uint32_t name, unsigned int vtl, uint64_t *value)
{
	switch (name) {
	case HV_REGISTER_VP_INDEX:
		*value = this_cpu->index;
		return true;
	case HV_REGISTER_VSM_CODE_PAGE_OFFSETS:
		*value = vtl_code_page_offsets();
		return true;
	case HV_REGISTER_VSM_VP_STATUS:
		*value = this_cpu->active->vtl | (1u | (uint64_t)vtl_vp_enabled(this_cpu->index) << 1)
							 << HV_VSM_VP_ENABLED_SHIFT;
		return true;
	case HV_REGISTER_VSM_PARTITION_STATUS:
		*value = 3u | 1u << HV_VSM_PARTITION_MAXIMUM_SHIFT;
		return true;
	case HV_REGISTER_VSM_CAPABILITIES:
		*value = arch_slat_user_apart() ? HV_VSM_CAPABILITY_MBEC(0) : 0;
		return true;
	case HV_REGISTER_VSM_PARTITION_CONFIG:
		*value = HV_VSM_CONFIG_ENABLE_PROTECTION | HV_VSM_CONFIG_DEFAULT(hc_flags_of_rights(vtl0_slat.normal));
		return true;
	case HV_REGISTER_VP_ASSIST_PAGE:
		*value = vtl && this_cpu->assist_gpa ? this_cpu->assist_gpa | HV_VP_ASSIST_ENABLE : 0;
		return true;
	case HV_REGISTER_VSM_VINA:
		*value = vtl && this_cpu->vina ? this_cpu->vina | HV_VINA_ENABLED : 0;
		return true;
	default:
		return false;
	}
}

static bool is_gpr(uint32_t name)
{
	return name >= HV_X64_REGISTER_RAX && name <= HV_X64_REGISTER_R15;
}

/* Makes the state of @v the current one. */
static void go_to(struct vcpu *v)
{
	if (this_cpu->active == v)
		return;
	this_cpu->active = v;
	arch_switch_vtl(v);
}

static int write_register(struct vcpu *v, uint32_t name, uint64_t value)
{
	uint64_t before;
	int err = arch_register(v, name, &before, false);

	if (!err)
		err = arch_register(v, name, &value, true);
	if (!err && !v->vtl)
		pin_moved(name, before, value);
	return err;
}

/* The registers of @vtl, made current for as long as that takes. */
static int private_register(unsigned int vtl, uint32_t name, uint64_t *value, bool write)
{
	struct vcpu *own = this_cpu->active, *v = &this_cpu->vtl[vtl];
	int err = 0;

	go_to(v);
	if (is_gpr(name) && write)
		v->gpr[name - HV_X64_REGISTER_RAX] = *value;
	else if (is_gpr(name))
		*value = v->gpr[name - HV_X64_REGISTER_RAX];
	else if (write)
		err = write_register(v, name, *value);
	else
		err = arch_register(v, name, value, false);
	go_to(own);
	return err;
}

enum hv_status hc_get_vp_register(const struct hc_input *in)
{
	uint32_t name = *(const uint32_t *)in->element;
	struct hv_register_value *out = in->out;
	unsigned int vtl;
	enum hv_status status = check_header(in, &vtl);

	if (status)
		return status;
	*out = (struct hv_register_value){ 0 };
	if (vsm_register(name, vtl, &out->low))
		return HV_STATUS_SUCCESS;
	if (vtl && pin_is_register(name)) {
		out->low = pin_get(name);
		return HV_STATUS_SUCCESS;
	}
	return private_register(vtl, name, &out->low, false) ? HV_STATUS_INVALID_PARAMETER :
							       HV_STATUS_SUCCESS;
}

static enum hv_status set_pending_event(unsigned int vtl, uint64_t event)
{
	uint32_t vector = HV_PENDING_VECTOR(event);

	if (vtl || !(event & HV_PENDING_EXCEPTION) || HV_PENDING_EVENT_TYPE(event) ||
	    (vector != VEC_GP && vector != VEC_UD))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	go_to(&this_cpu->vtl[0]);
	arch_inject(this_cpu->active, (enum x86_vector)vector, event & HV_PENDING_HAS_ERROR,
		    HV_PENDING_ERROR(event));
	go_to(&this_cpu->vtl[1]);
	return HV_STATUS_SUCCESS;
}

static bool name_is_own(uint32_t name)
{
	return name == HV_REGISTER_VSM_VINA || name == HV_REGISTER_VP_ASSIST_PAGE ||
	       name == HV_REGISTER_VSM_PARTITION_CONFIG || pin_is_register(name);
}

/* Of the default rights only those to execute can be taken: VTL0 could not go on without the others. */
static enum hv_status set_partition_config(uint64_t value)
{
	const uint32_t must = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE;
	uint32_t flags = HV_VSM_CONFIG_DEFAULT_OF(value);

	if ((value & ~HV_VSM_CONFIG_KNOWN) || !(value & HV_VSM_CONFIG_ENABLE_PROTECTION) || (flags & must) != must)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	slat_set_normal(&vtl0_slat, hc_rights_of_flags(flags));
	cpus_flush();
	return HV_STATUS_SUCCESS;
}

static enum hv_status set_pin(uint32_t name, uint64_t value)
{
	enum hv_status status;

	go_to(&this_cpu->vtl[0]);
	status = pin_set(name, value);
	go_to(&this_cpu->vtl[1]);
	return status;
}

static enum hv_status set_own(uint32_t name, uint64_t value)
{
	if (pin_is_register(name))
		return set_pin(name, value);
	if (name == HV_REGISTER_VSM_PARTITION_CONFIG)
		return set_partition_config(value);
	if (name == HV_REGISTER_VSM_VINA) {
		if ((value & ~(HV_VINA_ENABLED | 0xFFu)) ||
		    ((value & HV_VINA_ENABLED) && (value & 0xFF) < 32))
			return HV_STATUS_INVALID_REGISTER_VALUE;
		this_cpu->vina = value & HV_VINA_ENABLED ? (uint8_t)value : 0;
		return HV_STATUS_SUCCESS;
	}
	if (value & ~PAGE_MASK & ~HV_VP_ASSIST_ENABLE)
		return HV_STATUS_INVALID_REGISTER_VALUE;
	return vtl_map_assist(value & HV_VP_ASSIST_ENABLE ? value & PAGE_MASK : 0);
}

enum hv_status hc_set_vp_register(const struct hc_input *in)
{
	const struct hv_register_assoc *a = in->element;
	uint64_t value = a->value.low;
	unsigned int vtl;
	enum hv_status status = check_header(in, &vtl);
	int err;

	if (status)
		return status;
	if (!in->v->vtl)
		return HV_STATUS_ACCESS_DENIED; /* VTL0 has instructions for its own */
	if (a->reserved32 || a->reserved64 || a->value.high)
		return HV_STATUS_INVALID_PARAMETER;
	if (name_is_own(a->name))
		return vtl ? set_own(a->name, value) : HV_STATUS_INVALID_PARAMETER;
	if (a->name == HV_REGISTER_PENDING_EVENT0)
		return set_pending_event(vtl, value);
	err = private_register(vtl, a->name, &value, true);
	return err == -ENOENT ? HV_STATUS_INVALID_PARAMETER :
	       err            ? HV_STATUS_INVALID_REGISTER_VALUE :
				HV_STATUS_SUCCESS;
}
