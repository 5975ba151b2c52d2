# SPDX-License-Identifier: GPL-2.0-only
# openvbs.efi: the loader, with the hypervisor inside; and EFI programs for tests.

SECURITY_VERSION := 1

BOOT_SRC := $(sort $(wildcard boot/*.c boot/*.S)) lib/elf.c lib/format.c lib/string.c
BOOT_OBJ := $(patsubst %,$(OUT)/efi/%.obj,$(basename $(BOOT_SRC)))

$(OUT)/efi/%.obj: %.c mk/flags.mk mk/boot.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $<"
	@$(EFI_CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/efi/%.obj: %.S mk/flags.mk mk/boot.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $<"
	@$(EFI_CC) -c -o $@ $<

# The sections .hv, .ovbsman and .sbat, for any hypervisor: X.elf -> X.sections.obj
$(OUT)/%.sections.obj: $(OUT)/%.elf boot/manifest.py mk/flags.mk mk/boot.mk
	python3 boot/manifest.py --hv $< --version $(VERSION) --security-version $(SECURITY_VERSION) \
		--output $(@:.obj=.S)
	$(EFI_CC) -c -o $@ $(@:.obj=.S)

$(OUT)/openvbs.efi: $(BOOT_OBJ) $(OUT)/hypervisor.sections.obj
	lld-link $(EFI_LDFLAGS) -out:$@ $^

-include $(BOOT_OBJ:.obj=.d)

# The loader with a hypervisor that only comes back: tests of the loader alone.
$(OUT)/fakehv.elf: tests/guest/fakehv/fakehv.S tests/guest/fakehv/fakehv.lds
	@mkdir -p $(@D)
	$(HV_CC) -c -o $(OUT)/fakehv.o $<
	ld.lld -nostdlib -static -z max-page-size=4096 -z noexecstack -T tests/guest/fakehv/fakehv.lds \
		-o $@ $(OUT)/fakehv.o

$(OUT)/openvbs-fakehv.efi: $(BOOT_OBJ) $(OUT)/fakehv.sections.obj
	lld-link $(EFI_LDFLAGS) -out:$@ $^
