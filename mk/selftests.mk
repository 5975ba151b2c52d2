# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own tests, out of Debian's source package for the kernel of the tiny image (linux-source, mk/packages.txt).
# Nothing of them is kept here: what is used is unpacked below $(BUILD).

KSOURCE  := /usr/src/linux-source-$(word 1,$(subst ., ,$(KRELEASE))).$(word 2,$(subst ., ,$(KRELEASE))).tar.xz
KSRCDIR  := $(BUILD)/linux/source
KSRCPART := drivers/misc/lkdtm

.PHONY: selftest-modules
BOOT_TEST_NEEDS += selftest-modules
selftest-modules: $(MODOUT)/lkdtm.ko

$(KSOURCE):
	@echo "$@ is missing: it belongs to the package linux-source; run make setup" >&2; exit 1

$(KSRCDIR)/.done: $(KSOURCE) mk/selftests.mk
	rm -rf $(@D)
	mkdir -p $(@D)
	tar -C $(@D) --strip-components=1 -xJf $< $(addprefix $(basename $(basename $(notdir $<)))/,$(KSRCPART))
	touch $@

$(BUILD)/linux/lkdtm/.done: $(KSRCDIR)/.done $(wildcard tests/lkdtm/*)
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $(KSRCDIR)/drivers/misc/lkdtm/* tests/lkdtm/* $(@D)
	touch $@

$(MODOUT)/lkdtm.ko: $(BUILD)/linux/lkdtm/.done
	$(call build_module,$(BUILD)/linux/lkdtm,lkdtm)
