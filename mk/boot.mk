# SPDX-License-Identifier: GPL-2.0-only
# openvbs.efi: the loader, with the hypervisor inside; and EFI programs for tests.

SECURITY_VERSION := 1

BOOT_SRC := $(sort $(wildcard boot/*.c boot/*.S)) $(addprefix lib/,acpi_tables.c checks.c crc32.c efi_mat.c elf.c format.c level.c settings.c string.c verdict.c)
BOOT_OBJ := $(patsubst %,$(OUT)/efi/%.obj,$(basename $(BOOT_SRC)))

$(OUT)/efi/%.obj: %.c mk/flags.mk mk/boot.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $<"
	@$(EFI_CC) $(EFI_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/efi/%.obj: %.S mk/flags.mk mk/boot.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $<"
	@$(EFI_CC) $(CPP_DEFS) -c -o $@ $<

# The sections .hvsvm, .hvvmx, .ovbssk, .ovbstl and .ovbsman. A fake hypervisor is both images.
$(OUT)/openvbs.sections.obj: $(OUT)/hypervisor-svm.elf $(OUT)/hypervisor-vmx.elf
$(OUT)/fakehv.sections.obj: $(OUT)/fakehv.elf
$(OUT)/failhv.sections.obj: $(OUT)/failhv.elf

$(OUT)/openvbs.sections.obj $(OUT)/fakehv.sections.obj $(OUT)/failhv.sections.obj: \
		boot/manifest.py $(OUT)/securekernel.elf $(OUT)/trustlets.bundle mk/flags.mk mk/boot.mk
	@echo "  GEN     $@"
	@python3 boot/manifest.py --svm $(firstword $(filter-out %/securekernel.elf,$(filter %.elf,$^))) --vmx $(lastword $(filter-out %/securekernel.elf,$(filter %.elf,$^))) \
		--sk $(OUT)/securekernel.elf --trustlets $(OUT)/trustlets.bundle \
		--version $(VERSION) --security-version $(SECURITY_VERSION) --output $(@:.obj=.S)
	@$(EFI_CC) -c -o $@ $(@:.obj=.S)

$(OUT)/openvbs.efi: $(BOOT_OBJ) $(OUT)/openvbs.sections.obj
	@echo "  EFILD   $@"
	@lld-link $(EFI_LDFLAGS) -out:$@ $^

# openvbs-optout.efi: the way past the UEFI lock.
OPTOUT_SRC := $(wildcard boot/optout/*.c) boot/file.c boot/print.c boot/records.c boot/sbat.S \
              $(addprefix lib/,crc32.c format.c level.c settings.c string.c verdict.c)
OPTOUT_OBJ := $(patsubst %,$(OUT)/efi/%.obj,$(basename $(OPTOUT_SRC)))

$(OPTOUT_OBJ): EFI_CFLAGS += -Iboot

$(OUT)/openvbs-optout.efi: $(OPTOUT_OBJ)
	@echo "  EFILD   $@"
	@lld-link $(EFI_LDFLAGS) -out:$@ $^

images: $(OUT)/openvbs-optout.efi

-include $(BOOT_OBJ:.obj=.d) $(OPTOUT_OBJ:.obj=.d)

# The loader with a hypervisor that only comes back (fakehv), or refuses (failhv):
# tests of the loader alone.
$(OUT)/fakehv.elf: FAKE_STATUS := 0
$(OUT)/failhv.elf: FAKE_STATUS := 2 # OVBS_HV_E_MEMORY

$(OUT)/fakehv_offsets.h: tests/guest/fakehv/offsets.c include/openvbs/boot_info.h mk/boot.mk
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	@$(HV_CC) $(HV_CFLAGS) -S -o $(@:.h=.s) $<
	@sed -n 's/^[[:space:]]*\(#define .*\)/\1/p' $(@:.h=.s) >$@

$(OUT)/fakehv.elf $(OUT)/failhv.elf: tests/guest/fakehv/fakehv.S tests/guest/fakehv/fakehv.lds \
		$(OUT)/fakehv_offsets.h mk/boot.mk
	@echo "  LD      $@"
	@$(HV_CC) -I$(OUT) -DPREPARE_STATUS=$(FAKE_STATUS) -c -o $(@:.elf=.o) $<
	@ld.lld -nostdlib -static -z max-page-size=4096 -z noexecstack -T tests/guest/fakehv/fakehv.lds \
		-o $@ $(@:.elf=.o)

$(OUT)/openvbs-fakehv.efi $(OUT)/openvbs-failhv.efi: $(OUT)/openvbs-%.efi: $(BOOT_OBJ) $(OUT)/%.sections.obj
	@echo "  EFILD   $@"
	@lld-link $(EFI_LDFLAGS) -out:$@ $^

# EFI test programs, the same for both flavours: build/guest/*.efi
GUEST_OUT  := $(BUILD)/guest
GUEST_EFI  := status start memhog chain nomp feature ticks
GUEST_BOOT := boot/file boot/print boot/next boot/cpu lib/checks lib/verdict boot/segments lib/format lib/string
GUEST_OBJ  := $(patsubst %,$(GUEST_OUT)/%.obj,$(GUEST_BOOT) tests/guest/guest $(addprefix tests/guest/,$(GUEST_EFI)))

$(GUEST_OUT)/%.obj: %.c mk/flags.mk mk/boot.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $<"
	@$(EFI_CC) $(EFI_CFLAGS) -Iboot -MMD -MP -c -o $@ $<

$(patsubst %,$(GUEST_OUT)/%.efi,$(GUEST_EFI)): $(GUEST_OUT)/%.efi: \
		$(GUEST_OUT)/tests/guest/%.obj $(patsubst %,$(GUEST_OUT)/%.obj,$(GUEST_BOOT) tests/guest/guest)
	@echo "  EFILD   $@"
	@lld-link $(EFI_LDFLAGS) -out:$@ $^

.PHONY: guest-programs fake-images
guest-programs: $(patsubst %,$(GUEST_OUT)/%.efi,$(GUEST_EFI))

# After `all`: two makes must not compile the same objects at the same time.
BOOT_TEST_NEEDS += fake-images
fake-images: all
	$(MAKE) FLAVOR=debug $(BUILD)/debug/openvbs-fakehv.efi $(BUILD)/debug/openvbs-failhv.efi

-include $(GUEST_OBJ:.obj=.d)
