// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a UEFI memory attributes table, and any bytes as its entries.
 */
/* links: lib/efi_mat.c lib/format.c */
#include "efi_mat.h"
#include "fuzz.h"

static void check(const uint8_t *table, size_t len)
{
	char why[EFI_MAT_WHY_MAX] = "";
	struct efi_mat out = { 0 };
	size_t size = len >= EFI_MAT_HEADER_SIZE ? efi_mat_size(table, why) : 0;
	int err = efi_mat_decode(table, len, &out, why);

	FUZZ_CHECK(size <= EFI_MAT_BYTES_MAX && memchr(why, '\0', sizeof(why)) != NULL);
	if (err == 0)
		FUZZ_CHECK(size != 0 && size <= len && out.entries > 0 && out.both <= out.entries &&
			   (out.both == 0) == (why[0] == '\0'));
	else
		FUZZ_CHECK(out.entries == 0 && why[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t count = (uint32_t)(size / 48);
	size_t len = EFI_MAT_HEADER_SIZE + (size_t)count * 48;
	uint8_t *table = calloc(1, len);

	check(data, size);
	table[0] = 1;
	memcpy(table + 4, &count, 4);
	table[8] = 48;
	if (count > 0)
		memcpy(table + EFI_MAT_HEADER_SIZE, data, (size_t)count * 48);
	check(table, len);
	/* the same, as entries that are nearly good: types and page offsets are */
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at = table + EFI_MAT_HEADER_SIZE + (size_t)i * 48;

		memset(at, 0, 4);
		at[0] = 5 + (data[i] & 1);
		at[8] = 0;
		at[9] &= 0xF0;
		memset(at + 26, 0, 6);
	}
	check(table, len);
	free(table);
	return 0;
}
