# SPDX-License-Identifier: GPL-2.0-only
# Kernel modules. Sources are laid out under $(BUILD)/linux and built there,
# once for each kernel whose headers are given, so that the work tree stays
# clean and every build goes through the very tree that DKMS would get.

KRELEASE ?= $(shell dpkg-query -W -f '$${Depends}' linux-headers-amd64 2>/dev/null | sed -n 's/^linux-headers-\([^ ]*\).*/\1/p')
KHEADERS ?= /usr/src/linux-headers-$(KRELEASE)
KBUILDARGS ?=

MODVER    := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' linux/dkms.conf)
MODOUT    := $(BUILD)/linux/$(KRELEASE)
DKMSTREE  := $(BUILD)/linux/dkms/openvbs-$(MODVER)
MODSRC    := $(wildcard linux/*.c linux/*.h linux/compat/*.h) linux/Kbuild linux/dkms.conf
# What Kbuild lists of lib/, with its headers.
MODLIB    := $(foreach n,checks crc32 format level settings state status verdict,lib/$(n).c lib/$(n).h) \
             lib/ovbs_compiler.h lib/ovbs_errno.h lib/ovbs_string.h
ATTACKSRC := $(wildcard tests/attack/module/*.c tests/attack/module/*.h tests/attack/module/*.S tests/attack/*.S tests/attack/*.h) \
             tests/attack/module/Kbuild trustlets/selftest/selftest.h
ABI       := $(wildcard include/openvbs/*.h)

.PHONY: modules dkms-source ring-test

modules: $(MODOUT)/openvbs.ko $(MODOUT)/openvbs_attack.ko $(MODOUT)/openvbs_tamper.ko ## build the kernel modules, signed with the test db key

dkms-source: $(DKMSTREE)/.done ## lay out the DKMS source tree of openvbs.ko

$(DKMSTREE)/.done: $(MODSRC) $(MODLIB) $(ABI) mk/flags.mk mk/linux.mk
	@test '$(MODVER)' = '$(VERSION)' || { echo "linux/dkms.conf says $(MODVER), mk/flags.mk $(VERSION)"; exit 1; }
	rm -rf $(@D)
	mkdir -p $(@D)/compat $(@D)/lib $(@D)/include/openvbs
	cp $(filter linux/%.c linux/%.h linux/Kbuild linux/dkms.conf,$(filter-out linux/compat/%,$(MODSRC))) $(@D)
	cp linux/compat/*.h $(@D)/compat
	cp $(MODLIB) $(@D)/lib
	cp $(ABI) $(@D)/include/openvbs
	touch $@

$(BUILD)/linux/attack/.done: $(ATTACKSRC) $(ABI) $(wildcard linux/compat/*.h) mk/linux.mk
	rm -rf $(@D)
	mkdir -p $(@D)/compat $(@D)/include/openvbs
	cp $(ATTACKSRC) $(@D)
	cp linux/compat/*.h $(@D)/compat
	cp $(ABI) $(@D)/include/openvbs
	touch $@

$(BUILD)/linux/tamper/.done: $(wildcard tests/integrity/tamper/*) mk/linux.mk
	rm -rf $(@D)
	mkdir -p $(@D)
	cp $(wildcard tests/integrity/tamper/*) $(@D)
	touch $@

# $(1) source tree, $(2) module
define build_module
	rm -rf $(MODOUT)/$(2)
	mkdir -p $(MODOUT)/$(2)
	cp -r $(1)/. $(MODOUT)/$(2)
	$(MAKE) -C $(KHEADERS) M=$(abspath $(MODOUT)/$(2)) $(KBUILDARGS) W=1 modules
	PYTHONPATH=tools /usr/bin/python3 -c 'import sys; from machine import keys; keys.sign_module(*sys.argv[1:])' \
		$(MODOUT)/$(2)/$(2).ko $(MODOUT)/$(2).ko
endef

$(MODOUT)/openvbs.ko: $(DKMSTREE)/.done
	$(call build_module,$(DKMSTREE),openvbs)

$(MODOUT)/openvbs_attack.ko: $(BUILD)/linux/attack/.done
	$(call build_module,$(BUILD)/linux/attack,openvbs_attack)

$(MODOUT)/openvbs_tamper.ko: $(BUILD)/linux/tamper/.done
	$(call build_module,$(BUILD)/linux/tamper,openvbs_tamper)

# The log reader on the host, against a live writer.
$(BUILD)/linux/ring_test: tests/linux/ring_test.c tests/linux/ring_host.h linux/logfile.c linux/openvbs.h $(ABI) mk/linux.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(CSTD) $(WARN) -O2 -g -DOVBS_HOST=1 -Itests/linux/host -Itests/linux -Iinclude -Ilinux -o $@ $< -lpthread

ring-test: $(BUILD)/linux/ring_test ## test the log reader of openvbs.ko on the host
	$<

MODULEARGS ?=
.PHONY: module-test
module-test: all modules ring-test ## test openvbs.ko in the test machine
	/usr/bin/python3 tests/linux/module.py --flavor $(FLAVOR) $(MODULEARGS)

# For a package, or a person: the DKMS tree and what goes with it. `dkms install openvbs/VERSION` builds it then.
.PHONY: install-module
install-module: dkms-source ## install the DKMS tree, initramfs hook, udev rule and group (DESTDIR=...)
	install -d $(DESTDIR)/usr/src $(DESTDIR)/usr/share/initramfs-tools/hooks $(DESTDIR)/usr/share/initramfs-tools/modules.d \
		$(DESTDIR)/usr/lib/udev/rules.d $(DESTDIR)/usr/lib/sysusers.d
	cp -r $(DKMSTREE) $(DESTDIR)/usr/src/
	rm -f $(DESTDIR)/usr/src/$(notdir $(DKMSTREE))/.done
	install -m 755 linux/initramfs/hooks/openvbs $(DESTDIR)/usr/share/initramfs-tools/hooks/openvbs
	install -m 644 linux/initramfs/modules.d/openvbs $(DESTDIR)/usr/share/initramfs-tools/modules.d/openvbs
	install -m 644 linux/60-openvbs.rules $(DESTDIR)/usr/lib/udev/rules.d/60-openvbs.rules
	install -m 644 linux/openvbs.sysusers $(DESTDIR)/usr/lib/sysusers.d/openvbs.conf
