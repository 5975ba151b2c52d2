# SPDX-License-Identifier: GPL-2.0-only
# The test machine (tools/machine, docs/testing.md): packages, emulators, keys, images, `make run`.
# Everything but `setup` works without root; what is made is cached below $(BUILD).

export OPENVBS_BUILD := $(abspath $(BUILD))
MACHINE := PYTHONPATH=tools /usr/bin/python3 -m machine

.PHONY: setup setup-build emulators keys image-tiny image-debian run run-bochs sign

setup: ## install the packages that building and testing need (nothing if all are there)
	@tools/machine/setup.sh all

setup-build: ## install the packages that building needs
	@tools/machine/setup.sh build

emulators: setup ## fetch the emulators into build/emu
	@$(MACHINE) emulators

keys: setup ## make the Secure Boot and ssh keys of the test machine
	@$(MACHINE) keys

image-tiny: setup ## make the tiny test image (Debian kernel, busybox)
	@$(MACHINE) tiny

image-debian: setup ## make the full Debian disk image (2 to 4 minutes, cached)
	@$(MACHINE) debian

# Variables of `make run`, handed to tools/machine/interactive.py.
export TINY OPENVBS CPUS MEM MODEL QEMU SECURE_BOOT TPM IOMMU X2APIC CMDLINE

run: setup modules clients ## run Debian under openvbs here, console on this terminal (TINY=1: the tiny image)
	@$(MACHINE) run

run-bochs: setup modules clients ## run the tiny image under openvbs on Bochs, Intel VMX (MODEL=ryzen: AMD), console on this terminal
	@$(MACHINE) run-bochs

sign: $(OUT)/openvbs.signed.efi ## sign openvbs.efi with the test machine's db key

$(OUT)/openvbs.signed.efi: $(OUT)/openvbs.efi
	tools/machine/sign $< $@
