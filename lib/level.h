/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May openvbs start on this platform, by these settings? The loader asks
 * before it touches anything, vbsctl to say what the next boot will do.
 */
#ifndef OVBS_LEVEL_H
#define OVBS_LEVEL_H

#include <stdbool.h>

#include <openvbs/platform.h>

#include "settings.h"
#include "verdict.h"

/**
 * level_secure_boot() - does somebody check the signature of everything that boots?
 * @p: the platform
 *
 * Firmware in user mode, and shim, if it is there, not told to skip its part.
 *
 * Return: if not, the check's name ("level.secure_boot", "level.shim"); else NULL. Context: any; pure.
 */
const char *level_secure_boot(const struct ovbs_platform *p);

/**
 * level_decide() - is it configured, and does the platform have what the level asks for?
 * @s: resolved settings
 * @p: the platform; only Secure Boot and the IOMMU are looked at
 * @v: filled if the answer is no
 *
 * Level 0 asks for nothing, 1 for Secure Boot, 3 for Secure Boot and DMA
 * protection. For the latter a table that describes IOMMUs is all that can be
 * asked for here: whether they can be switched on is found out by the hypervisor
 * at each start, which fails at level 3 if they can't ("iommu.enable"). Where
 * this boot found that out already, that is the answer.
 *
 * Return: true if nothing is in the way. Context: any; pure.
 */
bool level_decide(const struct settings *s, const struct ovbs_platform *p, struct verdict *v) __must_check;

#endif
