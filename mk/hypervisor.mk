# SPDX-License-Identifier: GPL-2.0-only
# hypervisor-svm.elf, hypervisor-vmx.elf: core, x86 and one backend each, linked
# at HV_VA_BASE. Common code is compiled for each: struct cpu holds the backend's part.

HV_ARCHS := svm vmx
HV_COMMON_SRC := $(sort $(wildcard hypervisor/core/*.c hypervisor/iommu/*.c hypervisor/mm/*.c hypervisor/arch/x86/*.[cS])) \
                 lib/format.c lib/gwalk.c lib/string.c

define hv_rules
HV_SRC_$(1) := $$(HV_COMMON_SRC) $$(sort $$(wildcard hypervisor/arch/$(1)/*.[cS]))
HV_OBJ_$(1) := $$(patsubst %,$$(OUT)/hv-$(1)/%.o,$$(basename $$(HV_SRC_$(1))))

$$(OUT)/hv-$(1)/%.o: %.c mk/flags.mk mk/hypervisor.mk
	@mkdir -p $$(@D)
	$$(HV_CC) $$(HV_CFLAGS) -Ihypervisor/arch/$(1) -MMD -MP -c -o $$@ $$<

$$(OUT)/hv-$(1)/%.o: %.S mk/flags.mk mk/hypervisor.mk
	@mkdir -p $$(@D)
	$$(HV_CC) $$(HV_CFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $$@ $$<

$$(OUT)/hypervisor-$(1).elf: $$(HV_OBJ_$(1)) hypervisor/hypervisor.lds
	ld.lld -nostdlib -static -z max-page-size=4096 -z noexecstack -T hypervisor/hypervisor.lds -o $$@.debug $$(HV_OBJ_$(1))
	llvm-objcopy --strip-debug $$@.debug $$@

-include $$(HV_OBJ_$(1):.o=.d)
endef

$(foreach arch,$(HV_ARCHS),$(eval $(call hv_rules,$(arch))))
