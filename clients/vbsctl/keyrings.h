/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's keyrings that hold keys for modules (modsig.h): /proc/keys gives
 * their numbers, keyctl() what is linked into them. Below a test's root they are
 * the file "keyrings": a ring and a key each line, with a tab between.
 */
#ifndef VBSCTL_KEYRINGS_H
#define VBSCTL_KEYRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "modsig.h"
#include "vbsctl.h"

struct keyrings;

/** keyrings_load() - read all of them. Return: keyrings_free() it; NULL: they can't be read (only root may) */
struct keyrings *keyrings_load(struct vbsctl *v);
void keyrings_free(struct keyrings *k);

/** keyrings_of() - KEYRING_* that have the signer's key */
uint32_t keyrings_of(const struct keyrings *k, const struct modsig *sig);

/** keyrings_that_count() - KEYRING_* whose keys this kernel takes modules from */
uint32_t keyrings_that_count(struct vbsctl *v);

#endif
