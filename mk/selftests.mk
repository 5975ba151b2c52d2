# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own tests, out of Debian's source package for the kernel of the tiny image (linux-source, mk/packages.txt):
# LKDTM, which Debian's kernel does not have built, and of tools/testing/selftests ftrace and livepatch.
# Nothing of them is kept here: what is used is unpacked below $(BUILD).

KSOURCE  := /usr/src/linux-source-$(word 1,$(subst ., ,$(KRELEASE))).$(word 2,$(subst ., ,$(KRELEASE))).tar.xz
KSRCDIR  := $(BUILD)/linux/source
KSRCPART := drivers/misc/lkdtm lib/livepatch tools/testing/selftests/ftrace tools/testing/selftests/livepatch

.PHONY: selftest-modules selftests
BOOT_TEST_NEEDS += selftest-modules
selftest-modules: $(MODOUT)/lkdtm.ko $(MODOUT)/livepatch/.done

selftests: boot-test-needs ## run the kernel's own selftests (ftrace, livepatch, static keys, BPF), with and without openvbs
	$(PYTEST) tests/boot/test_selftests.py -m long $(T)

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

$(MODOUT)/livepatch/.done: $(KSRCDIR)/.done
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $(KSRCDIR)/lib/livepatch/* $(@D)
	$(MAKE) -C $(KHEADERS) M=$(abspath $(@D)) $(KBUILDARGS) CONFIG_TEST_LIVEPATCH=m modules
	PYTHONPATH=tools /usr/bin/python3 -c 'import sys; from machine import keys; [keys.sign_module(m, m) for m in sys.argv[1:]]' \
		$(@D)/test_klp_*.ko
	install -D -t $(@D)/tree/lib/modules/$(KRELEASE)/extra $(@D)/test_klp_*.ko
	depmod -b $(@D)/tree $(KRELEASE)
	touch $@
