# SPDX-License-Identifier: GPL-2.0-only
# Trustlets: programs of VTL1, the same programs as Linux processes, the bundle.
#
# A trustlet is a directory trustlets/NAME/ with a policy.conf: all its *.c and
# *.S are linked with trustlets/lib and Debian's archives of libsodium and
# mbedTLS (what is not used is left out). There is nothing to add here for a new one.

TL        := $(BUILD)/trustlets
TL_CC     ?= gcc
TL_DIRS   := $(sort $(patsubst %/policy.conf,%,$(wildcard trustlets/*/policy.conf)))
TL_NAMES  := $(notdir $(TL_DIRS))
TL_LIB    := trustlets/lib/trustlet.c trustlets/lib/seal.c
TL_HOST   := trustlets/lib/backend_host.c trustlets/lib/backend_host_ci.c
TL_LIBS   := -lsodium -lmbedx509 -lmbedcrypto
TL_INC    := -Iinclude -Itrustlets/lib
tl_source = $(sort $(wildcard trustlets/$(1)/*.c trustlets/$(1)/*.S))

# In VTL1. lld: each segment on pages of its own, in the file too, so the secure
# kernel's loader needs no rule for shared pages (bundle.py checks it).
TL_CFLAGS  := $(CSTD) $(WARN) $(TL_INC) -O2 -fPIE -fstack-protector-strong -fcf-protection \
              -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections -fno-common
TL_LDFLAGS := -static-pie -fuse-ld=lld -Wl,--gc-sections -Wl,-z,noexecstack,-z,relro,-z,now \
              -Wl,-z,separate-code -Wl,-z,separate-loadable-segments -Wl,-z,max-page-size=4096 \
              -Wl,--build-id=none

# As a Linux process: sanitizers, no VTL1.
TL_HOST_CFLAGS := $(CSTD) $(WARN) $(TL_INC) -DOVBS_HOST=1 -O1 -g -fsanitize=address,undefined \
                  -fno-sanitize-recover=all -fno-omit-frame-pointer

tl_objects = $(patsubst %,$(1)/%.o,$(basename $(2)))

define tl_rule
$(TL)/$(1).elf: $(call tl_objects,$(TL)/obj,$(call tl_source,$(1)) $(TL_LIB) trustlets/lib/backend_vtl1.c)
	@echo "  TLLD    $$@"
	@$(TL_CC) $(TL_CFLAGS) $(TL_LDFLAGS) $$^ $(TL_LIBS) -o $$@.full
	@objcopy --strip-all $$@.full $$@

$(TL)/host/$(1): $(call tl_objects,$(TL)/host-obj,$(call tl_source,$(1)) $(TL_LIB) $(TL_HOST))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$(HOST_CC) $(TL_HOST_CFLAGS) $$^ $(TL_LIBS) -o $$@
endef
$(foreach t,$(TL_NAMES),$(eval $(call tl_rule,$(t))))

$(TL)/obj/%.o: %.c mk/flags.mk mk/trustlets.mk | trustlets-ready
	@mkdir -p $(@D)
	@echo "  TLCC    $<"
	@$(TL_CC) $(TL_CFLAGS) -MMD -MP -c -o $@ $<

$(TL)/obj/%.o: %.S mk/flags.mk mk/trustlets.mk | trustlets-ready
	@mkdir -p $(@D)
	@echo "  TLCC    $<"
	@$(TL_CC) $(TL_CFLAGS) -c -o $@ $<

$(TL)/host-obj/%.o: %.c mk/flags.mk mk/trustlets.mk | trustlets-ready
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOST_CC) $(TL_HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(TL)/host-obj/%.o: %.S mk/flags.mk mk/trustlets.mk | trustlets-ready
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOST_CC) $(TL_HOST_CFLAGS) -c -o $@ $<

-include $(wildcard $(TL)/obj/trustlets/*/*.d $(TL)/host-obj/trustlets/*/*.d)

# A test's trustlet (debug = yes) is in debug builds only.
TL_DEBUG   := $(patsubst trustlets/%/policy.conf,%,$(shell grep -lE '^debug *= *yes' $(TL_DIRS:=/policy.conf) /dev/null))
TL_BUNDLED := $(if $(filter debug,$(FLAVOR)),$(TL_NAMES),$(filter-out $(TL_DEBUG),$(TL_NAMES)))

$(OUT)/trustlets.bundle: $(TL_BUNDLED:%=trustlets/%/policy.conf) $(TL_BUNDLED:%=$(TL)/%.elf) \
		trustlets/bundle.py mk/trustlets.mk
	@mkdir -p $(@D)
	@echo "  BUNDLE  $@"
	@python3 trustlets/bundle.py $(if $(filter debug,$(FLAVOR)),,--release) --output $@ \
		$(foreach t,$(TL_BUNDLED),trustlets/$(t)/policy.conf $(TL)/$(t).elf)

.PHONY: trustlets trustlets-ready
trustlets: $(TL_NAMES:%=$(TL)/%.elf) $(TL_NAMES:%=$(TL)/host/%) $(OUT)/trustlets.bundle ## trustlets for VTL1, as Linux programs, and their bundle

trustlets-ready:
	@echo '#include <sodium.h>|#include <mbedtls/ecdsa.h>' | tr '|' '\n' | \
	$(TL_CC) -x c -fsyntax-only - 2>/dev/null || \
	{ echo "trustlets need the packages libsodium-dev and libmbedtls-dev" >&2; exit 1; }

# Unit tests and fuzzers that name trustlets/*.c on their `links:` line (mk/unit.mk):
# compiled as for a Linux process, main() as trustlet_main() (trustlets/lib/host.h).
TL_UNIT := $(BUILD)/unit
$(TL_UNIT)/host/trustlets/%.o: HOST_CFLAGS = $(TL_HOST_CFLAGS)
$(TL_UNIT)/fuzz/trustlets/%.o: FUZZ_CFLAGS = $(TL_HOST_CFLAGS) -fsanitize=fuzzer
$(TL_UNIT)/host/trustlets/%/main.o: HOST_CFLAGS = $(TL_HOST_CFLAGS) -Dmain=trustlet_main -include trustlets/lib/host.h
$(TL_UNIT)/fuzz/trustlets/%/main.o: FUZZ_CFLAGS = $(TL_HOST_CFLAGS) -fsanitize=fuzzer -Dmain=trustlet_main -include trustlets/lib/host.h
$(TL_UNIT)/test_trustlet_% $(TL_UNIT)/fuzz_trustlet: UNIT_LIBS := $(TL_LIBS)

# The code-integrity trustlet. Its tests check signatures and keys that openssl makes once, and the
# modules of the Debian kernels that are at hand (CI_KERNELS: more places to look).
CI_DIR := $(TL_UNIT)/ci

$(TL_UNIT)/test_ci_% $(TL_UNIT)/fuzz_ci_%: UNIT_LIBS := $(TL_LIBS)
$(TL_UNIT)/host/tests/unit/test_ci_%.o: HOST_CFLAGS += -DCI_DIR='"$(abspath $(CI_DIR))"'
$(TL_UNIT)/fuzz/tests/fuzz/fuzz_ci_commands.o: FUZZ_CFLAGS += -DCI_DIR='"$(abspath $(CI_DIR))"'
$(TL_UNIT)/test_ci_keys $(TL_UNIT)/test_ci_verify $(TL_UNIT)/test_ci_commands $(TL_UNIT)/test_ci_place $(TL_UNIT)/fuzz_ci_commands: | $(CI_DIR)/signatures
$(TL_UNIT)/test_ci_debian: | ci-kernels

$(CI_DIR)/signatures: tests/unit/ci_vectors.py tests/unit/ci_der.py
	@echo "  GEN     $(@D)"
	@python3 $< $(@D)

.PHONY: ci-kernels
ci-kernels: tests/unit/ci_kernel.py
	@python3 $< $(CI_DIR) $(BUILD)/image/kernel/root / $(CI_KERNELS)

# Runs the ELF files themselves.
$(TL_UNIT)/test_trustlet_elf: | $(TL)/hello.elf $(TL)/selftest.elf
$(TL_UNIT)/host/tests/unit/test_trustlet_elf.o: HOST_CFLAGS += -DTL_ELF_DIR='"$(abspath $(TL))"'

# `make bench`: selftest as a Linux process, compiled and linked as the trustlet is but for the backend and main().
SIGN_SRC := bench/sign.c $(call tl_source,selftest) $(TL_LIB) trustlets/lib/backend_host.c
SIGN_OBJ := $(patsubst %,$(BENCHOUT)/obj/%.o,$(basename $(SIGN_SRC)))

$(BENCHOUT)/sign: $(SIGN_OBJ)
	$(TL_CC) $(TL_CFLAGS) $(TL_LDFLAGS) $^ $(TL_LIBS) -o $@

$(BENCHOUT)/obj/trustlets/selftest/main.o: SIGN_CFLAGS := -Dmain=trustlet_main -include trustlets/lib/host.h

$(BENCHOUT)/obj/%.o: %.c mk/trustlets.mk mk/flags.mk | trustlets-ready
	@mkdir -p $(@D)
	$(TL_CC) $(TL_CFLAGS) $(SIGN_CFLAGS) -MMD -MP -c -o $@ $<

$(BENCHOUT)/obj/%.o: %.S mk/trustlets.mk mk/flags.mk | trustlets-ready
	@mkdir -p $(@D)
	$(TL_CC) $(TL_CFLAGS) -c -o $@ $<

-include $(SIGN_OBJ:.o=.d)
