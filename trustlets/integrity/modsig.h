/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module file as Linux has it: body, signature (CMS), struct module_signature,
 * marker. Cuts it into body and signature; what is in them is for others to judge.
 */
#ifndef OPENVBS_CI_MODSIG_H
#define OPENVBS_CI_MODSIG_H

#include "der.h"

/**
 * ci_modsig_split() - find the signature at the end of a module file
 * @file: all of the file; must not change meanwhile
 * @body, @signature: set on success, to places inside of @file, neither of them empty
 *
 * Strict: type PKCS#7, all other fields zero, and exactly one signature taken
 * off: if what remains ends in a signature too, that is part of the body.
 *
 * Return: CI_OK, CI_E_UNSIGNED (no marker), CI_E_TRAILER*.
 */
enum ci_reason ci_modsig_split(struct ci_slice file, struct ci_slice *body,
			       struct ci_slice *signature) CI_MUST_CHECK;

#endif
