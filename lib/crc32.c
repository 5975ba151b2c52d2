/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32: see crc32.h. Bit by bit, without a table: records are short, and read
 * a few times in a boot.
 */
#include "crc32.h"

#define POLYNOMIAL 0xEDB88320u /* bit-reversed */

uint32_t crc32_of(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t crc = 0xFFFFFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
	}
	return ~crc;
}
