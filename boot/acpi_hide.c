/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hiding an ACPI table: see acpi_hide.h. Tables are told by their signature, not
 * by their address: XSDT and RSDT need not name the same copy.
 */
#include "acpi_hide.h"

#include "ovbs_string.h"

#define HEADER_SIZE  36u
#define LENGTH       4 /* ACPI 6.5, table 5.4 */
#define CHECKSUM     9
#define LIST_MAX     (HEADER_SIZE + 512u * 8) /* as many entries as acpi_pm.c looks at */
#define XSDT_WIDTH   8
#define RSDT_WIDTH   4
#define OTHER_PREFIX 'X' /* DMAR becomes XMAR: nobody's signature (ACPI 6.5, tables 5.5 and 5.6) */

/* The memory is firmware's and writable: acpi_memory only promises to read. */
static uint8_t *writable(const void *p)
{
	return (uint8_t *)(uintptr_t)p;
}

static void make_checksum(uint8_t *table, size_t len)
{
	uint8_t sum = 0;

	table[CHECKSUM] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + table[i]);
	table[CHECKSUM] = (uint8_t)-sum;
}

/* Return: the table that an entry names, if it is one of these; or NULL. */
static uint8_t *named(const struct acpi_memory *memory, const uint8_t *entry, size_t width,
		      const char *signature)
{
	const uint8_t *table;
	uint64_t address = 0;

	memcpy(&address, entry, width);
	table = address != 0 ? memory->map(memory, address, HEADER_SIZE) : NULL;
	return table != NULL && memcmp(table, signature, 4) == 0 ? writable(table) : NULL;
}

unsigned int hide_entries(const struct acpi_memory *memory, uint8_t *list, size_t len, size_t width,
			  const char *signature)
{
	size_t to = HEADER_SIZE, from = HEADER_SIZE;
	unsigned int gone = 0;
	uint32_t left;

	for (; len >= width && from <= len - width; from += width) {
		if (named(memory, list + from, width, signature) != NULL) {
			gone++;
			continue;
		}
		if (to != from)
			memcpy(list + to, list + from, width);
		to += width;
	}
	if (gone == 0)
		return 0;
	memset(list + to, 0, len - to);
	left = (uint32_t)to;
	memcpy(list + LENGTH, &left, sizeof(left));
	make_checksum(list, to);
	return gone;
}

/* Return: the whole list, with its length; NULL: there is none that makes sense. */
static uint8_t *map_list(const struct acpi_memory *memory, uint64_t address, const char *signature,
			 size_t *len)
{
	const uint8_t *list = address != 0 ? memory->map(memory, address, HEADER_SIZE) : NULL;
	uint32_t said;

	if (list == NULL || memcmp(list, signature, 4) != 0)
		return NULL;
	memcpy(&said, list + LENGTH, sizeof(said));
	if (said < HEADER_SIZE || said > LIST_MAX)
		return NULL;
	*len = said;
	return writable(memory->map(memory, address, said));
}

/* Is it named still? Then by another name. Read back each time: firmware may protect its tables. */
static enum hide_result rename_table(const struct acpi_memory *memory, const uint8_t *list,
				     size_t len, size_t width, const char *signature)
{
	enum hide_result result = HIDE_DONE;

	for (size_t at = HEADER_SIZE; len >= width && at <= len - width; at += width) {
		uint8_t *table = named(memory, list + at, width, signature);

		if (table == NULL)
			continue;
		table[CHECKSUM] = (uint8_t)(table[CHECKSUM] + table[0] - OTHER_PREFIX);
		table[0] = OTHER_PREFIX;
		if (named(memory, list + at, width, signature) != NULL)
			return HIDE_FAILED;
		result = HIDE_RENAMED;
	}
	return result;
}

static enum hide_result hide_in_list(const struct acpi_memory *memory, uint64_t address,
				     size_t width, const char *signature)
{
	const char *kind = width == XSDT_WIDTH ? "XSDT" : "RSDT";
	size_t len;
	uint8_t *list = map_list(memory, address, kind, &len);

	if (list == NULL)
		return address != 0 ? HIDE_FAILED : HIDE_NOT_THERE;
	if (hide_entries(memory, list, len, width, signature) == 0)
		return HIDE_NOT_THERE;
	list = map_list(memory, address, kind, &len);
	return list != NULL ? rename_table(memory, list, len, width, signature) : HIDE_FAILED;
}

enum hide_result hide_table(const struct acpi_memory *memory, uint64_t rsdp, const char *signature)
{
	enum hide_result one, other;
	uint64_t xsdt;
	uint32_t rsdt;

	if (!acpi_root(memory, rsdp, &xsdt, &rsdt))
		return HIDE_NOT_THERE;
	one = hide_in_list(memory, xsdt, XSDT_WIDTH, signature);
	other = hide_in_list(memory, rsdt, RSDT_WIDTH, signature);
	return one > other ? one : other;
}
