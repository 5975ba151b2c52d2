/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls that the secure kernel makes (TLFS). Context of all: ring 0 of
 * VTL1, on the CPU's own tables.
 */
#ifndef SK_HYPERCALL_H
#define SK_HYPERCALL_H

#include <stddef.h>

#include <openvbs/tlfs.h>

#include <ovbs_compiler.h>

/** hypercall_prepare - map the hypercall page and find the VTL return in it. Context: each CPU, first of all. */
void hypercall_prepare(void);

/** hv_set_register - HvCallSetVpRegisters, one register of @vtl on this CPU. */
enum hv_status hv_set_register(unsigned int vtl, uint32_t name, uint64_t value) __must_check;

/** hv_get_registers - HvCallGetVpRegisters, at most HV_REGISTERS_MAX at once; panics if the hypervisor does not know one. */
#define HV_REGISTERS_MAX 16u
void hv_get_registers(unsigned int vtl, const uint32_t *name, unsigned int n, uint64_t *value);

/** hv_get_register - one of them. */
uint64_t hv_get_register(unsigned int vtl, uint32_t name);

/** hv_refuse - VTL0, whose access brought us here, gets a #GP for it when it goes on. Context: an entry for an intercept. */
void hv_refuse(void);

/** hv_enable_vp - HvCallEnableVpVtl for CPU @index. */
enum hv_status hv_enable_vp(uint32_t index, const struct hv_initial_vp_context *c) __must_check;

/** hv_protect - HvCallModifyVtlProtectionMask: VTL0's rights (HV_MAP_GPA_*) on @pages pages from @gpa on; returns how many were done. */
uint64_t hv_protect(uint64_t gpa, uint64_t pages, uint32_t flags, enum hv_status *status);

/** hv_protect_each - the same for the @n pages at @gpa[]. */
uint64_t hv_protect_each(const uint64_t *gpa, uint64_t n, uint32_t flags, enum hv_status *status);

/** hv_log_line - @n bytes at @text, in VTL1's memory. */
void hv_log_line(const void *text, size_t n);

#endif
