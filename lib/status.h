/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checking the loader's status (openvbs/status.h), which came from firmware and
 * is believed by people: nothing is used before it was checked. The one check
 * for vbsctl and openvbs.ko. Pure.
 */
#ifndef OVBS_STATUS_RECORD_H
#define OVBS_STATUS_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/status.h>

/* UEFI 2.10, 8.2.1: boot-service and runtime access, and no other bit: volatile. */
#define OPENVBS_STATUS_ATTRIBUTES 6u

/**
 * openvbs_status_check() - is this what a loader of openvbs left in this boot?
 * @attributes: of the UEFI variable
 * @data: its bytes, any alignment
 * @size: how many
 * @out: version 1 widened with zeros; without meaning unless the answer is NULL
 *
 * A variable that lasts beyond a reset, or that the operating system may write,
 * is not the loader's, whatever is in it. A larger size than this program knows
 * is accepted. After success all texts in @out are printable ASCII and end.
 *
 * Return: NULL if it is good, else in words what is wrong. Context: any; pure.
 */
const char *openvbs_status_check(uint32_t attributes, const void *data, size_t size,
				 struct ovbs_status *out);

#endif
