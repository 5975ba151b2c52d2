# SPDX-License-Identifier: GPL-2.0-only
# Small static Linux programs that boot tests run in the guest.

GUEST_BIN := $(patsubst tests/guest/linux/%.c,$(BUILD)/guest/%,$(wildcard tests/guest/linux/*.c))

.PHONY: guest-programs
guest-programs: $(GUEST_BIN)

$(BUILD)/guest/%: tests/guest/linux/%.c mk/flags.mk mk/guest.mk
	@mkdir -p $(@D)
	gcc $(CSTD) $(WARN) -O2 -static -o $@ $<
