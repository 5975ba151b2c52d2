# SPDX-License-Identifier: GPL-2.0-only
# Flag profiles, one per kind of image.

VERSION := 0.1.0
VERSION_PARTS := $(subst ., ,$(VERSION))
CSTD    := -std=gnu11
WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wvla -Wundef -Wpointer-arith -Wwrite-strings -Wno-unused-parameter

CPP_DEFS := -DOVBS_VERSION='"$(VERSION)"' -DOVBS_VERSION_MAJOR=$(word 1,$(VERSION_PARTS)) \
            -DOVBS_VERSION_MINOR=$(word 2,$(VERSION_PARTS)) -DOVBS_VERSION_BUILD=$(word 3,$(VERSION_PARTS))
ifeq ($(FLAVOR),debug)
CPP_DEFS += -DOVBS_DEBUG=1
else
CPP_DEFS += -DOVBS_DEBUG=0
endif

# Hypervisor (and later the secure kernel): freestanding ring 0, no vector state.
HV_CC     ?= gcc
HV_CFLAGS := $(CSTD) $(WARN) $(CPP_DEFS) -O2 -g -ffreestanding -fpie -fvisibility=hidden \
             -mgeneral-regs-only -mno-red-zone -fcf-protection=branch \
             -fstack-protector-strong -mstack-protector-guard=global -fno-asynchronous-unwind-tables \
             -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
             -Iinclude -Ilib -Ihypervisor

# UEFI loader: clang's PE target; gnu-efi gives headers only.
EFI_CC      := clang -target x86_64-unknown-windows
EFI_CFLAGS  := $(CSTD) $(WARN) $(CPP_DEFS) -O2 -ffreestanding -fshort-wchar -mno-red-zone \
               -mno-stack-arg-probe -mgeneral-regs-only -fno-strict-aliasing \
               -Iinclude -Ilib -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
EFI_LDFLAGS := -subsystem:efi_application -nodefaultlib -Brepro -nxcompat -entry:efi_main

# Unit tests and fuzzers on the host.
HOST_CC     ?= gcc
HOST_CFLAGS := $(CSTD) $(WARN) -DOVBS_VERSION='"$(VERSION)"' -DOVBS_DEBUG=1 -DOVBS_HOST=1 -O1 -g \
               -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
               -Iinclude -Ilib -Ihypervisor -Ihypervisor/arch/fake
