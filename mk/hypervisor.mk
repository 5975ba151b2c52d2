# SPDX-License-Identifier: GPL-2.0-only
# hypervisor.elf: core, x86 and the SVM backend, linked at HV_VA_BASE.

HV_ARCH := svm
HV_SRC  := $(sort $(wildcard hypervisor/core/*.c hypervisor/mm/*.c hypervisor/arch/x86/*.[cS] \
             hypervisor/arch/$(HV_ARCH)/*.[cS])) lib/format.c lib/string.c
HV_OBJ  := $(patsubst %,$(OUT)/hv/%.o,$(basename $(HV_SRC)))

$(OUT)/hv/%.o: %.c mk/flags.mk mk/hypervisor.mk
	@mkdir -p $(@D)
	$(HV_CC) $(HV_CFLAGS) -Ihypervisor/arch/$(HV_ARCH) -MMD -MP -c -o $@ $<

$(OUT)/hv/%.o: %.S mk/flags.mk mk/hypervisor.mk
	@mkdir -p $(@D)
	$(HV_CC) $(HV_CFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<

$(OUT)/hypervisor.elf: $(HV_OBJ) hypervisor/hypervisor.lds
	ld.lld -nostdlib -static -z max-page-size=4096 -z noexecstack -T hypervisor/hypervisor.lds -o $@.debug $(HV_OBJ)
	llvm-objcopy --strip-debug $@.debug $@

-include $(HV_OBJ:.o=.d)
