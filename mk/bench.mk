# SPDX-License-Identifier: GPL-2.0-only
# `make bench`: figures with and without openvbs on the same machine (bench/bench.py, docs in its heads).

BENCH        ?=
BENCHOUT     := $(BUILD)/bench
BENCH_CC     ?= gcc
BENCH_CFLAGS := $(CSTD) $(WARN) -O2
BENCH_FILES  := $(BENCHOUT)/loops $(BENCHOUT)/insncount.so $(MODOUT)/openvbs.ko $(MODOUT)/icr_open.ko

.PHONY: bench bench-files
export BENCH_STRICT

bench: setup ## measure everything, 20 to 40 minutes (BENCH=prefix: a part; BENCH_STRICT=1: fail on a missed target)
	@$(MAKE) --no-print-directory FLAVOR=release images
	@$(MAKE) --no-print-directory FLAVOR=debug images
	@$(MAKE) --no-print-directory bench-files guest-programs emulators
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
