/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PE headers: see pe.h. Offsets are added up in 64 bits and compared with the
 * file's length before anything is read.
 */
#include "pe.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Microsoft PE/COFF, "MS-DOS Stub", "COFF File Header", "Optional Header", "Section Table" */
#define DOS_PE_OFFSET      0x3C
#define DOS_SIZE           0x40
#define COFF_SIZE          24 /* with "PE\0\0" */
#define COFF_MACHINE       4
#define COFF_SECTIONS      6
#define COFF_OPTIONAL_SIZE 20
#define MACHINE_X86_64     0x8664
#define OPTIONAL_MAGIC_64  0x20B
#define OPTIONAL_DIRS      108
#define OPTIONAL_SECURITY  144 /* the fifth directory: file offset and size */
#define SECURITY_INDEX     4
#define SECTION_SIZE       40
#define SECTION_VIRTUAL    8
#define SECTION_RAW_SIZE   16
#define SECTION_RAW        20
#define SECTIONS_MAX       96

#define REFUSE(why, ...) (snprintf(why, PE_WHY_MAX, __VA_ARGS__), -EINVAL)

static uint64_t get(const uint8_t *p, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	return value;
}

static bool inside(uint64_t at, uint64_t size, size_t len)
{
	return at <= len && size <= len - at;
}

static void look_at_section(const uint8_t *file, size_t len, const uint8_t *section, struct pe *out)
{
	uint64_t size = get(section + SECTION_VIRTUAL, 4), raw = get(section + SECTION_RAW, 4);

	if (memcmp(section, ".sbat\0\0", 8) != 0)
		return;
	if (size > get(section + SECTION_RAW_SIZE, 4))
		size = get(section + SECTION_RAW_SIZE, 4);
	if (size == 0 || !inside(raw, size, len))
		return;
	out->sbat = true;
	out->sbat_header = size >= 5 && memcmp(file + raw, "sbat,", 5) == 0;
}

int pe_decode(const void *data, size_t len, struct pe *out, char *why)
{
	const uint8_t *file = data;
	uint64_t coff, optional, sections, count;
	struct pe found = { 0 };

	if (len < DOS_SIZE || memcmp(file, "MZ", 2) != 0)
		return REFUSE(why, "%zu bytes that are no program", len);
	coff = get(file + DOS_PE_OFFSET, 4);
	if (!inside(coff, COFF_SIZE, len) || memcmp(file + coff, "PE\0", 4) != 0)
		return REFUSE(why, "there is no PE header");
	if (get(file + coff + COFF_MACHINE, 2) != MACHINE_X86_64)
		return REFUSE(why, "the program is for machine %xh, not for x86-64",
			      (unsigned int)get(file + coff + COFF_MACHINE, 2));
	optional = coff + COFF_SIZE;
	sections = optional + get(file + coff + COFF_OPTIONAL_SIZE, 2);
	count = get(file + coff + COFF_SECTIONS, 2);
	if (sections - optional < OPTIONAL_DIRS + 4 || !inside(optional, sections - optional, len) ||
	    get(file + optional, 2) != OPTIONAL_MAGIC_64)
		return REFUSE(why, "there is no 64-bit optional header");
	if (count > SECTIONS_MAX || !inside(sections, count * SECTION_SIZE, len))
		return REFUSE(why, "%u sections: the file breaks off", (unsigned int)count);
	if (get(file + optional + OPTIONAL_DIRS, 4) > SECURITY_INDEX &&
	    sections - optional >= OPTIONAL_SECURITY + 8) {
		uint64_t size = get(file + optional + OPTIONAL_SECURITY + 4, 4);

		found.is_signed =
			size > 8 && inside(get(file + optional + OPTIONAL_SECURITY, 4), size, len);
	}
	for (uint64_t i = 0; i < count; i++)
		look_at_section(file, len, file + sections + i * SECTION_SIZE, &found);
	*out = found;
	return 0;
}
