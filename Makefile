# SPDX-License-Identifier: GPL-2.0-only
# openvbs: one make for everything. `make help` lists what a person can ask for.
#
# Every image has its own flag profile (mk/flags.mk); nothing is shared between
# the worlds but include/ and lib/. Two flavours are built from the same
# sources: release, and debug (log on the serial port, test-only options).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

BUILD  ?= build
FLAVOR ?= release
OUT    := $(BUILD)/$(FLAVOR)

include mk/flags.mk
include mk/hypervisor.mk
include mk/securekernel.mk
include $(wildcard mk/boot.mk mk/unit.mk mk/linux.mk mk/machine.mk mk/attack.mk mk/bench.mk mk/check.mk mk/guest.mk mk/demo.mk mk/clients.mk mk/trustlets.mk mk/selftests.mk)

.PHONY: all images help clean
all: setup-build ## build release and debug images
	$(MAKE) FLAVOR=release images
	$(MAKE) FLAVOR=debug images

images: $(OUT)/openvbs.efi

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

clean: ## remove what was compiled; keep emulators, disk images and keys
	rm -rf $(BUILD)/release $(BUILD)/debug $(BUILD)/unit $(BUILD)/clang-release $(BUILD)/clang-debug $(BUILD)/trustlets $(BUILD)/clients
