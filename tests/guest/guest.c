/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared parts of the EFI test programs: see guest.h.
 */
#include "guest.h"

#include "cpu.h"
#include "ovbs_string.h"

#define MAP_MAX 65536

bool guest_init(struct guest *g, EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;

	memset(g, 0, sizeof(*g));
	g->l.image = image;
	g->l.st = st;
	g->l.bs = st->BootServices;
	g->l.rt = st->RuntimeServices;
	return g->l.bs->HandleProtocol(image, &guid, (void **)&g->l.self) == EFI_SUCCESS;
}

static void widen(uint16_t *out, size_t max, const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0' && n < max - 1; n++)
		out[n] = (uint8_t)text[n];
	out[n] = 0;
}

EFI_STATUS guest_start(struct guest *g, const char *path, const char *options)
{
	widen(g->l.config.next, CONFIG_NEXT_MAX, path);
	widen(g->l.config.options, CONFIG_OPTIONS_MAX, options);
	return next_start(&g->l);
}

static uint8_t map[MAP_MAX] __aligned(16);

static bool read_map(struct guest *g, UINTN *size, UINTN *step)
{
	UINTN key;
	UINT32 version;

	*size = sizeof(map);
	return g->l.bs->GetMemoryMap(size, (EFI_MEMORY_DESCRIPTOR *)(void *)map, &key, step,
				     &version) == EFI_SUCCESS;
}

bool guest_count_memory(struct guest *g)
{
	UINTN size, step;

	g->conventional_kib = g->reserved_kib = 0;
	if (!read_map(g, &size, &step)) {
		say(g->l.st, "guest: no memory map");
		return false;
	}
	for (UINTN at = 0; at + step <= size; at += step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const void *)(map + at);

		if (d->Type == EfiConventionalMemory)
			g->conventional_kib += d->NumberOfPages * 4;
		if (d->Type == EfiReservedMemoryType)
			g->reserved_kib += d->NumberOfPages * 4;
	}
	return true;
}

int guest_memory_type(struct guest *g, uint64_t address)
{
	UINTN size, step;

	if (!read_map(g, &size, &step))
		return -1;
	for (UINTN at = 0; at + step <= size; at += step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const void *)(map + at);

		if (address >= d->PhysicalStart && (address - d->PhysicalStart) / 4096 < d->NumberOfPages)
			return (int)d->Type;
	}
	return -1;
}

void guest_options(const struct guest *g, char *out, size_t size)
{
	const uint16_t *text = g->l.self->LoadOptions;
	size_t units = g->l.self->LoadOptionsSize / sizeof(uint16_t), n = 0;

	for (; n < units && n < size - 1 && text[n] != 0; n++) {
		if (text[n] > 0x7E || text[n] < ' ') { /* firmware's own binary data */
			n = 0;
			break;
		}
		out[n] = (char)text[n];
	}
	out[n] = '\0';
}

bool guest_file_exists(struct guest *g, CHAR16 *path)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_HANDLE root, file = NULL;
	EFI_FILE_IO_INTERFACE *volume;

	if (g->l.bs->HandleProtocol(g->l.self->DeviceHandle, &guid, (void **)&volume) != EFI_SUCCESS ||
	    volume->OpenVolume(volume, &root) != EFI_SUCCESS)
		return false;
	if (root->Open(root, &file, path, EFI_FILE_MODE_READ, 0) == EFI_SUCCESS)
		file->Close(file);
	root->Close(root);
	return file != NULL;
}

void guest_power_off(struct guest *g)
{
	g->l.rt->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	cpu_stop();
}
