# SPDX-License-Identifier: GPL-2.0-only
# The attack suite: tests/attack. `make attack` runs it against the images of
# FLAVOR (release by default) and prints the table; build/attack.json has it too.

ATTACK_EFI := $(BUILD)/attack/attack.efi
ATTACK_OBJ := $(addprefix $(BUILD)/attack/,attack.obj features.obj catch.obj format.obj string.obj)
DMA_EFI    := $(BUILD)/attack/dma.efi
DMA_OBJ    := $(addprefix $(BUILD)/attack/,dma.obj dma_vapic.obj print.obj format.obj string.obj)
SAY_H      := boot/print.h boot/efi_api.h
ATTACKARGS ?=

$(BUILD)/attack/attack.obj: tests/attack/efi/attack.c tests/attack/efi/attack.h tests/attack/catch.h $(ABI)
$(BUILD)/attack/features.obj: tests/attack/efi/features.c tests/attack/efi/attack.h
$(BUILD)/attack/dma.obj: tests/attack/efi/dma.c tests/attack/efi/dma.h $(SAY_H) $(ABI) $(wildcard lib/*.h)
$(BUILD)/attack/dma_vapic.obj: tests/attack/efi/dma_vapic.c tests/attack/efi/dma.h $(SAY_H) $(wildcard lib/*.h)
$(BUILD)/attack/catch.obj: tests/attack/catch.S
$(BUILD)/attack/print.obj: boot/print.c $(SAY_H) $(wildcard lib/*.h)
$(BUILD)/attack/format.obj: lib/format.c $(wildcard lib/*.h)
$(BUILD)/attack/string.obj: lib/string.c $(wildcard lib/*.h)

$(sort $(ATTACK_OBJ) $(DMA_OBJ)): mk/flags.mk mk/attack.mk
	@mkdir -p $(@D)
	@echo "  EFICC   $(firstword $(filter %.c %.S,$^))"
	@$(EFI_CC) $(EFI_CFLAGS) -Wno-unused-command-line-argument -c -o $@ $(firstword $(filter %.c %.S,$^))

$(ATTACK_EFI): $(ATTACK_OBJ)
$(DMA_EFI): $(DMA_OBJ)

$(ATTACK_EFI) $(DMA_EFI):
	@echo "  EFILD   $@"
	@lld-link $(EFI_LDFLAGS) -out:$@ $^

$(BUILD)/attack/attack_user: tests/attack/user.c mk/attack.mk
	@mkdir -p $(@D)
	@echo "  CC      $@"
	@$(CC) $(CSTD) $(WARN) -O1 -static -o $@ $<

.PHONY: attack attack-programs
BOOT_TEST_NEEDS += attack-programs
attack-programs: $(ATTACK_EFI) $(DMA_EFI) $(BUILD)/attack/attack_user modules

attack: all attack-programs ## run the attack suite in the test machine and print its table
	/usr/bin/python3 tests/attack/run.py --flavor $(FLAVOR) $(ATTACKARGS)
	/usr/bin/python3 tests/attack/settings.py --flavor $(FLAVOR)
	/usr/bin/python3 tests/attack/dma.py --flavor $(FLAVOR)
	/usr/bin/python3 tests/attack/run.py --without $(ATTACKARGS)
	/usr/bin/python3 tests/attack/settings.py --flavor $(FLAVOR) --unlocked
	/usr/bin/python3 tests/attack/dma.py --flavor $(FLAVOR) --without
