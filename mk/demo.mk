# SPDX-License-Identifier: GPL-2.0-only
# `make demo`: from a fresh Debian 12 with git and make to openvbs seen at work.

.PHONY: demo

demo: setup ## build everything, boot Debian under openvbs, and show what it does (first time about 10 minutes)
	@echo "demo: building openvbs.efi and the kernel modules and programs"
	@$(MAKE) --no-print-directory -s FLAVOR=release images
	@$(MAKE) --no-print-directory -s modules clients
	@/usr/bin/python3 tools/demo.py
