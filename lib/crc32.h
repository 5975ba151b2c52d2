/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32 as UEFI, zlib and Ethernet have it (ISO 3309): against damage, not
 * against people.
 */
#ifndef OVBS_CRC32_H
#define OVBS_CRC32_H

#include <stddef.h>
#include <stdint.h>

/**
 * crc32_of() - the checksum of some bytes
 *
 * Return: 0 for none. Context: any; pure.
 */
uint32_t crc32_of(const void *data, size_t len);

#endif
