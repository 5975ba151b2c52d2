# SPDX-License-Identifier: GPL-2.0-only
# Unit tests and fuzzers on the host, and the look of the sources.
#
# A test or fuzzer is one C file: tests/unit/test_*.c, tests/fuzz/fuzz_*.c. It
# names what it is linked with in its first 20 lines:
#   /* links: lib/format.c hypervisor/arch/x86/insn.c */
# Both run under AddressSanitizer and UndefinedBehaviorSanitizer; what they
# link is compiled with the sanitizers too, not as it is in the images.

UNIT         := $(BUILD)/unit
UNIT_TIMEOUT ?= 60
FUZZ_SECONDS ?= 20
FUZZ_RUNS    ?= 20000
FUZZ_CC      ?= clang
FUZZ_CFLAGS  := $(HOST_CFLAGS) -fsanitize=fuzzer

UNIT_SRCS  := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TOOLS := tests/unit/insn_dump.c
FUZZ_SRCS  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
UNIT_BINS  := $(UNIT_SRCS:tests/unit/%.c=$(UNIT)/%)
FUZZ_BINS  := $(FUZZ_SRCS:tests/fuzz/%.c=$(UNIT)/%)

# "test|source" for each source that a `links:` line names.
UNIT_LINKS := $(shell awk 'FNR <= 20 && sub(/^.*links:/, "") { sub(/\*\/.*/, ""); \
	for (i = 1; i <= NF; i++) print FILENAME "|" $$i }' /dev/null $(UNIT_SRCS) $(UNIT_TOOLS) $(FUZZ_SRCS))
unit_links = $(patsubst $(1)|%,%,$(filter $(1)|%,$(UNIT_LINKS)))

define unit_rule
$(UNIT)/$(notdir $(1:.c=)): $(patsubst %.c,$(UNIT)/host/%.o,$(1) $(call unit_links,$(1)))
	@echo "  LD      $$@"
	@$(HOST_CC) $(HOST_CFLAGS) $$^ $$(UNIT_LIBS) -lcmocka -o $$@
endef
$(foreach t,$(UNIT_SRCS) $(UNIT_TOOLS),$(eval $(call unit_rule,$(t))))

define fuzz_rule
$(UNIT)/$(notdir $(1:.c=)): $(patsubst %.c,$(UNIT)/fuzz/%.o,$(1) $(call unit_links,$(1)))
	@echo "  LD      $$@"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) $$^ $$(UNIT_LIBS) -o $$@
endef
$(foreach t,$(FUZZ_SRCS),$(eval $(call fuzz_rule,$(t))))

$(UNIT)/host/%.o: %.c mk/flags.mk mk/unit.mk | unit-ready
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(UNIT)/fuzz/%.o: %.c mk/flags.mk mk/unit.mk | fuzz-ready
	@mkdir -p $(@D)
	@echo "  FUZZCC  $<"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(UNIT)/host/*/*.d $(UNIT)/host/*/*/*.d $(UNIT)/host/*/*/*/*.d)
-include $(wildcard $(UNIT)/fuzz/*/*.d $(UNIT)/fuzz/*/*/*.d $(UNIT)/fuzz/*/*/*/*.d)

.PHONY: unit-ready fuzz-ready
unit-ready:
	@echo '#include <stdarg.h>|#include <stddef.h>|#include <setjmp.h>|#include <cmocka.h>' | tr '|' '\n' | \
	$(HOST_CC) -x c -fsyntax-only - 2>/dev/null || \
	{ echo "unit tests need cmocka: install the package libcmocka-dev" >&2; exit 1; }

fuzz-ready:
	@mkdir -p $(UNIT)
	@echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(FUZZ_CC) -x c -fsanitize=fuzzer,address,undefined - -o $(UNIT)/.fuzzer-probe 2>/dev/null || \
	{ echo "fuzzers need clang and its run-time library: install the packages clang and libclang-rt-dev" \
	       "(Debian 12 without the latter: libclang-rt-14-dev)" >&2; exit 1; }

.PHONY: check-unit fuzz check-format format check-style
check-unit: $(UNIT_BINS) $(FUZZ_BINS) $(UNIT)/insn_dump ## unit tests, and a short run of each fuzzer
	@set -e; for t in $(UNIT_BINS); do \
		echo "== $${t##*/}"; \
		timeout -k 5 $(UNIT_TIMEOUT) $$t || { echo "$${t##*/}: failed, status $$? (124: time limit)" >&2; exit 1; }; \
	done
	@echo "== insn against objdump"; timeout -k 5 $(UNIT_TIMEOUT) \
		python3 tests/unit/insn_objdump.py $(UNIT)/insn_dump
	@set -e; for f in $(FUZZ_BINS); do \
		echo "== $${f##*/}, $(FUZZ_RUNS) runs"; \
		timeout -k 5 $(UNIT_TIMEOUT) $$f -runs=$(FUZZ_RUNS) -seed=1 -max_len=4096 \
			-artifact_prefix=$$f. >$$f.log 2>&1 || \
		{ s=$$?; tail -40 $$f.log; echo "$${f##*/}: failed, status $$s (124: time limit)" >&2; exit 1; }; \
	done

fuzz: $(FUZZ_BINS) ## run each fuzzer for FUZZ_SECONDS (default 20)
	@set -e; for f in $(FUZZ_BINS); do \
		echo "== $${f##*/}, $(FUZZ_SECONDS) s"; \
		mkdir -p $$f.corpus; \
		$$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 \
			-artifact_prefix=$$f. $$f.corpus >$$f.log 2>&1 || \
		{ tail -40 $$f.log; echo "$${f##*/}: failed; the input is $$f.crash-* or the like" >&2; exit 1; }; \
		grep -E 'number_of_executed_units|ABORTED|Done ' $$f.log; \
	done

C_FILES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' | grep -v '^third_party/')

check-format: ## clang-format, without changing anything
	@command -v clang-format >/dev/null || { echo "install the package clang-format" >&2; exit 1; }
	@clang-format --dry-run --Werror $(C_FILES)

format: ## clang-format, in place: make format C_FILES="a.c b.h" for some only
	@clang-format -i $(C_FILES)

check-style: ## licence lines, file sizes, no traces of one machine
	@python3 tests/style.py
