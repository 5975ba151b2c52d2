# SPDX-License-Identifier: GPL-2.0-only
# `make bench`: figures with and without openvbs on the same machine (bench/bench.py, docs in its heads).

BENCH        ?=
BENCHOUT     := $(BUILD)/bench
BENCH_CC     ?= gcc
BENCH_CFLAGS := $(CSTD) $(WARN) -O2
BENCH_FILES  := $(BENCHOUT)/loops $(BENCHOUT)/calls $(BENCHOUT)/sign $(BENCHOUT)/insncount.so \
                $(MODOUT)/openvbs.ko $(MODOUT)/icr_open.ko $(MODOUT)/vtlcall.ko

.PHONY: bench bench-files
export BENCH_STRICT

bench: setup ## measure everything, 25 to 50 minutes (BENCH=prefix: a part; BENCH_STRICT=1: fail on a missed target)
	@$(MAKE) --no-print-directory FLAVOR=release images
	@$(MAKE) --no-print-directory FLAVOR=debug images
	@$(MAKE) --no-print-directory bench-files guest-programs emulators clients
	@/usr/bin/python3 bench/bench.py $(BENCH)

bench-files: $(BENCH_FILES)

$(BENCHOUT)/loops: bench/loops.c bench/mark.h mk/bench.mk mk/flags.mk
	@mkdir -p $(@D)
	$(BENCH_CC) $(BENCH_CFLAGS) -static -o $@ $<

$(BENCHOUT)/insncount.so: bench/insncount.c mk/bench.mk mk/flags.mk
	@mkdir -p $(@D)
	$(BENCH_CC) $(BENCH_CFLAGS) -shared -fPIC -fvisibility=hidden -o $@ $<

$(MODOUT)/icr_open.ko: bench/icr_open/icr_open.c bench/icr_open/Kbuild mk/bench.mk
	$(call build_module,bench/icr_open,icr_open)

# With openvbs.ko's own way into VTL1.
VTLCALL_SRC := bench/vtlcall/main.c bench/vtlcall/Kbuild bench/mark.h linux/hypercall.c linux/hypercall.h

$(BUILD)/linux/vtlcall/.done: $(VTLCALL_SRC) $(ABI) $(wildcard linux/compat/*.h) mk/bench.mk
	rm -rf $(@D)
	mkdir -p $(@D)/compat $(@D)/include/openvbs
	cp $(VTLCALL_SRC) $(@D)
	cp linux/compat/*.h $(@D)/compat
	cp $(ABI) $(@D)/include/openvbs
	touch $@

$(MODOUT)/vtlcall.ko: $(BUILD)/linux/vtlcall/.done
	$(call build_module,$(BUILD)/linux/vtlcall,vtlcall)

# (clients.mk comes later: its variables have no value yet. What belongs to `sign` is in trustlets.mk.)
$(BENCHOUT)/calls: bench/calls.c bench/sign.h bench/mark.h trustlets/hello/hello.h trustlets/selftest/selftest.h \
		$(BUILD)/clients/libopenvbs.a mk/bench.mk mk/flags.mk
	@mkdir -p $(@D)
	$(BENCH_CC) $(BENCH_CFLAGS) -Iinclude -Iclients/libopenvbs -static -o $@ $< $(BUILD)/clients/libopenvbs.a -lpthread
