// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as ACPI tables: the input is all of physical memory from BASE on,
 * the root pointer at its start; and as a FADT and as AML.
 */
/* links: boot/acpi_pm.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../boot/acpi_pm.h"

#define BASE        0x1000u
#define MEMORY_SIZE 1024u

struct input {
	struct acpi_memory memory;
	const uint8_t *data;
	size_t size;
};

/* Each mapping is a buffer of its own and of the exact length: overreads are seen. */
static void *buffers[8192];
static unsigned int used;

static const void *map(const struct acpi_memory *memory, uint64_t address, size_t len)
{
	const struct input *in = (const struct input *)memory;
	uint8_t *copy;

	if (address < BASE || address - BASE > in->size || len > in->size - (address - BASE))
		return NULL;
	if (used == sizeof(buffers) / sizeof(buffers[0]))
		return NULL;
	copy = malloc(len ? len : 1);
	memcpy(copy, in->data + (address - BASE), len);
	buffers[used++] = copy;
	return copy;
}

static void release(void)
{
	while (used > 0)
		free(buffers[--used]);
}

static void try_memory(const uint8_t *data, size_t size)
{
	struct input in = { { map }, data, size };
	struct ovbs_acpi_pm pm = { 0 };
	uint32_t first = 0;
	uint64_t base = 0;

	if (acpi_pm_read(&in.memory, BASE, &pm) == 0 && pm.s5_found > 1)
		abort();
	if (pm.s5_typ_a > 7 || pm.s5_typ_b > 7)
		abort();
	release();
	if (acpi_madt_cpus(&in.memory, BASE, MADT_F_ENABLED, &first) > size / 8)
		abort();
	release();
	if (acpi_mcfg_read(&in.memory, BASE, &base) > 256)
		abort();
	release();
}

static void put(uint8_t *at, uint64_t value, size_t size)
{
	memcpy(at, &value, size);
}

static void put_table(uint8_t *at, const char *signature, uint32_t len)
{
	memcpy(at, signature, 4);
	put(at + 4, len, 4);
}

/* Tables as they should be, in 1 KiB: root pointer, XSDT, FADT, DSDT, SSDT, MADT. */
static void fill_good(uint8_t *m)
{
	static const char s5[] = "\x08_S5_\x12\x07\x04\x0A\x05\x0A\x06\x00\x00";

	memset(m, 0, MEMORY_SIZE);
	memcpy(m, "RSD PTR ", 8);
	m[15] = 2;
	put(m + 16, BASE + 0x40, 4);
	put(m + 24, BASE + 0x40, 8);
	put_table(m + 0x40, "XSDT", 36 + 3 * 8);
	put(m + 0x40 + 36, BASE + 0x80, 8);
	put(m + 0x40 + 44, BASE + 0x300, 8);
	put(m + 0x40 + 52, BASE + 0x380, 8);
	put_table(m + 0x80, "FACP", 276);
	put(m + 0x80 + 40, BASE + 0x200, 4);
	put(m + 0x80 + 64, 0x604, 4);
	put_table(m + 0x200, "DSDT", 0x80);
	memcpy(m + 0x240, s5, sizeof(s5) - 1);
	put_table(m + 0x300, "SSDT", 0x60);
	memcpy(m + 0x330, s5, sizeof(s5) - 1);
	put_table(m + 0x380, "APIC", 0x80);
	put(m + 0x380 + 44, 0x0800, 2);
	put(m + 0x380 + 52, 0x1009, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as memory; and as changes to good tables: 2 bytes place, 1 byte value, and so on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t good[MEMORY_SIZE];
	struct ovbs_acpi_pm pm = { 0 };
	uint8_t a = 0, b = 0;

	try_memory(data, size);
	fill_good(good);
	for (size_t i = 0; i + 2 < size; i += 3)
		good[(data[i] | data[i + 1] << 8) % MEMORY_SIZE] = data[i + 2];
	try_memory(good, sizeof(good));
	if (acpi_fadt_decode(data, size, &pm) == 0 && size < 72)
		abort();
	if (acpi_find_s5(data, size, &a, &b) && (a > 7 || b > 7))
		abort();
	return 0;
}
