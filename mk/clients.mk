# SPDX-License-Identifier: GPL-2.0-only
# Programs of VTL0 that talk to trustlets: libopenvbs (shared for packages,
# static for programs that bring it along), ovbs-ps and ovbs-call. The latter
# are linked twice: against the shared library, and as *.static for images that
# hold nothing else. And vbsctl, which brings libopenvbs and the parts of lib/
# that decide along, so that it judges as the loader of its own version does.

CLIENT_OUT  := $(BUILD)/clients
CLIENT_CC   ?= gcc
CLIENT_AR   ?= ar
PREFIX      ?= /usr
LIBDIR      ?= $(PREFIX)/lib/x86_64-linux-gnu
CLIENT_CFLAGS  := $(CSTD) $(WARN) -DOVBS_VERSION='"$(VERSION)"' -O2 -g -fstack-protector-strong \
                  -D_FORTIFY_SOURCE=2 -fcf-protection=full -Iinclude -Iclients/libopenvbs
CLIENT_LDFLAGS := -Wl,-z,relro,-z,now

LIBVBS      := libopenvbs.so
LIBVBS_SO   := $(LIBVBS).$(word 1,$(VERSION_PARTS))
LIBVBS_FILE := $(LIBVBS).$(VERSION)

LIBVBS_SRCS := $(wildcard clients/libopenvbs/*.c)
LIBVBS_OBJS := $(LIBVBS_SRCS:%.c=$(CLIENT_OUT)/obj/%.o)
PS_OBJS     := $(patsubst %.c,$(CLIENT_OUT)/obj/%.o,$(wildcard clients/ovbs-ps/*.c))
CALL_OBJS   := $(patsubst %.c,$(CLIENT_OUT)/obj/%.o,$(wildcard clients/ovbs-call/*.c))
CLIENT_BINS := $(CLIENT_OUT)/ovbs-ps $(CLIENT_OUT)/ovbs-call
CLIENT_MAN1 := clients/man/ovbs-ps.1 clients/man/ovbs-call.1
CLIENT_MAN3 := clients/man/libopenvbs.3

VBSCTL_LIB  := acpi_tables checks crc32 efi_mat format level readiness settings state status verdict
# How the trustlet "integrity" reads signatures.
VBSCTL_CI   := cms der modsig reason
VBSCTL_SRCS := $(wildcard clients/vbsctl/*.c) $(wildcard $(VBSCTL_LIB:%=lib/%.c)) \
               $(VBSCTL_CI:%=trustlets/integrity/%.c)
VBSCTL_OBJS := $(VBSCTL_SRCS:%.c=$(CLIENT_OUT)/obj/%.o)
VBSCTL_LIBS := -llzma -ljansson -lefiboot -lefivar -lsystemd
VBSCTL_MAN8 := $(wildcard clients/man/vbsctl.8)
VBSCTL_COMPLETION := $(wildcard clients/vbsctl/vbsctl.bash-completion)
SYSTEMD_UNITS := $(wildcard clients/systemd/openvbs-*)
UNITDIR     ?= $(PREFIX)/lib/systemd/system

.PHONY: clients install-clients message-test
BOOT_TEST_NEEDS += clients

# Host tests of the module's freestanding parts belong to the unit tests.
check-unit: message-test ring-test

clients: $(CLIENT_OUT)/$(LIBVBS) $(CLIENT_OUT)/libopenvbs.a $(CLIENT_OUT)/libopenvbs.pc \
	$(CLIENT_BINS) $(CLIENT_BINS:=.static) $(CLIENT_OUT)/vbsctl ## build libopenvbs and the programs that use it

# One set of objects for both libraries: position independent code costs next to nothing here.
$(CLIENT_OUT)/obj/%.o: %.c mk/flags.mk mk/clients.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CLIENT_CC) $(CLIENT_CFLAGS) -fPIC -MMD -MP -c $< -o $@

-include $(wildcard $(CLIENT_OUT)/obj/clients/*/*.d $(CLIENT_OUT)/obj/lib/*.d $(CLIENT_OUT)/obj/trustlets/*/*.d)

$(VBSCTL_OBJS): CLIENT_CFLAGS += -Ilib -isystem /usr/include/efivar

$(CLIENT_OUT)/$(LIBVBS_FILE): $(LIBVBS_OBJS) clients/libopenvbs/libopenvbs.map
	@echo "  LD      $@"
	@$(CLIENT_CC) $(CLIENT_CFLAGS) $(CLIENT_LDFLAGS) -shared -Wl,-soname,$(LIBVBS_SO) -Wl,-z,defs \
		-Wl,--version-script,clients/libopenvbs/libopenvbs.map $(LIBVBS_OBJS) -o $@

$(CLIENT_OUT)/$(LIBVBS): $(CLIENT_OUT)/$(LIBVBS_FILE)
	ln -sf $(LIBVBS_FILE) $(CLIENT_OUT)/$(LIBVBS_SO)
	ln -sf $(LIBVBS_SO) $@

$(CLIENT_OUT)/libopenvbs.a: $(LIBVBS_OBJS)
	rm -f $@
	$(CLIENT_AR) rcsD $@ $^

$(CLIENT_OUT)/libopenvbs.pc: clients/libopenvbs/libopenvbs.pc.in mk/flags.mk mk/clients.mk
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' $< > $@

$(CLIENT_OUT)/ovbs-ps $(CLIENT_OUT)/ovbs-ps.static: $(PS_OBJS)
$(CLIENT_OUT)/ovbs-call $(CLIENT_OUT)/ovbs-call.static: $(CALL_OBJS)

$(CLIENT_BINS): $(CLIENT_OUT)/$(LIBVBS)
	@echo "  LD      $@"
	@$(CLIENT_CC) $(CLIENT_CFLAGS) $(CLIENT_LDFLAGS) -pie $(filter %.o,$^) -L$(CLIENT_OUT) -lopenvbs -lpthread -o $@

$(CLIENT_BINS:=.static): $(CLIENT_OUT)/libopenvbs.a
	@echo "  LD      $@"
	@$(CLIENT_CC) $(CLIENT_CFLAGS) $(CLIENT_LDFLAGS) -static $(filter %.o,$^) $(CLIENT_OUT)/libopenvbs.a -lpthread -o $@

$(CLIENT_OUT)/vbsctl: $(VBSCTL_OBJS) $(CLIENT_OUT)/libopenvbs.a
	@echo "  LD      $@"
	@$(CLIENT_CC) $(CLIENT_CFLAGS) $(CLIENT_LDFLAGS) -pie $^ $(VBSCTL_LIBS) -lpthread -o $@

install-clients: clients ## install them below DESTDIR, PREFIX (default /usr)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/openvbs \
		$(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 755 $(CLIENT_BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(CLIENT_OUT)/$(LIBVBS_FILE) $(CLIENT_OUT)/libopenvbs.a $(DESTDIR)$(LIBDIR)
	ln -sf $(LIBVBS_FILE) $(DESTDIR)$(LIBDIR)/$(LIBVBS_SO)
	ln -sf $(LIBVBS_SO) $(DESTDIR)$(LIBDIR)/$(LIBVBS)
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
		clients/libopenvbs/libopenvbs.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/libopenvbs.pc
	install -m 644 clients/libopenvbs/openvbs.h $(DESTDIR)$(PREFIX)/include
	install -m 644 include/openvbs/ioctl.h include/openvbs/vtl_abi.h include/openvbs/trustlet_abi.h \
		$(DESTDIR)$(PREFIX)/include/openvbs
	install -m 644 $(CLIENT_MAN1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(CLIENT_MAN3) $(DESTDIR)$(PREFIX)/share/man/man3
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(UNITDIR)
	install -m 755 $(CLIENT_OUT)/vbsctl $(DESTDIR)$(PREFIX)/sbin
	install -m 644 $(SYSTEMD_UNITS) $(DESTDIR)$(UNITDIR)
	$(if $(VBSCTL_MAN8),install -D -m 644 $(VBSCTL_MAN8) $(DESTDIR)$(PREFIX)/share/man/man8/vbsctl.8)
	$(if $(VBSCTL_COMPLETION),install -D -m 644 $(VBSCTL_COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vbsctl)

# How the kernel module lays out messages, on the host.
$(BUILD)/linux/message_test: tests/linux/message_test.c linux/message.c linux/message.h \
		include/openvbs/ioctl.h include/openvbs/vtl_abi.h mk/flags.mk mk/clients.mk
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -Ilinux $< linux/message.c -o $@

message-test: $(BUILD)/linux/message_test ## test the message layout of openvbs.ko on the host
	$<
