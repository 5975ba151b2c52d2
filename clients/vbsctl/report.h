/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything a bug report needs, as one JSON value, and that value as text. All
 * strings went through mask_text(): nothing else may add to it afterwards.
 */
#ifndef VBSCTL_REPORT_H
#define VBSCTL_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "live.h"

/** report_collect() - gather and mask. Return: a new object; never NULL. What could not be read says so. */
json_t *report_collect(struct vbsctl *v, const struct live *l);

/** report_print() - the value as sections of text */
void report_print(FILE *to, const json_t *report);

#endif
