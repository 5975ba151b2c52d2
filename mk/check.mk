# SPDX-License-Identifier: GPL-2.0-only
# `make check`: everything that gates a change, in steps, with a summary at the end.
#
# A step is a make target; all run even after one failed, so that one run tells
# everything. Boot tests are pytest files below tests/ (test_*.py); what they
# need built goes into BOOT_TEST_NEEDS, which other mk files may add to.

CHECK_STEPS     := setup all check-compilers modules check-style check-unit boot-test-needs check-boot
BOOT_TEST_NEEDS += all guest-programs modules emulators image-tiny image-debian
PYTEST          := /usr/bin/python3 -m pytest -p no:cacheprovider -v --durations=15

.PHONY: check check-long check-compilers check-boot boot-test-needs

check: ## all tests that gate a change: compilers, unit tests, boots of tiny and full images
	@MAKE='$(MAKE)' tools/machine/check.sh $(CHECK_STEPS)

check-long: boot-test-needs ## the boot tests that take minutes
	$(PYTEST) tests -m long

CLANG_IMAGES := hypervisor-svm.elf hypervisor-vmx.elf securekernel.elf

check-compilers: ## hypervisor and secure kernel compile with clang too, without a warning
	$(MAKE) FLAVOR=release HV_CC=clang OUT=$(BUILD)/clang-release $(addprefix $(BUILD)/clang-release/,$(CLANG_IMAGES))
	$(MAKE) FLAVOR=debug HV_CC=clang OUT=$(BUILD)/clang-debug $(addprefix $(BUILD)/clang-debug/,$(CLANG_IMAGES))

boot-test-needs:
	$(MAKE) $(sort $(BOOT_TEST_NEEDS))

check-boot: ## boot tests, about 5 s to 1 min each (T="-k name": some of them)
	$(PYTEST) tests -m 'not long' $(T)
