# SPDX-License-Identifier: GPL-2.0-only
# securekernel.elf: VTL1 ring 0, linked at SK_VA_BASE.

SK_SRC := $(sort $(wildcard securekernel/*.[cS])) lib/format.c lib/string.c lib/elf.c lib/elf_pie.c lib/gwalk.c
SK_OBJ := $(patsubst %,$(OUT)/sk/%.o,$(basename $(SK_SRC)))

SK_CFLAGS := $(filter-out -Ihypervisor,$(HV_CFLAGS)) -Isecurekernel

$(OUT)/sk/%.o: %.c mk/flags.mk mk/securekernel.mk
	@mkdir -p $(@D)
	$(HV_CC) $(SK_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/sk/%.o: %.S mk/flags.mk mk/securekernel.mk
	@mkdir -p $(@D)
	$(HV_CC) $(SK_CFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<

$(OUT)/securekernel.elf: $(SK_OBJ) securekernel/securekernel.lds
	ld.lld -nostdlib -static -z max-page-size=4096 -z noexecstack -T securekernel/securekernel.lds -o $@.debug $(SK_OBJ)
	llvm-objcopy --strip-debug $@.debug $@

-include $(SK_OBJ:.o=.d)
