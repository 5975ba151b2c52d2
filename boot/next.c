/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The next boot stage, by firmware's own LoadImage and StartImage, so that
 * Secure Boot goes on checking (UEFI 2.10, 7.4; under shim these two are
 * shim's).
 *
 * If it can't be loaded, the error goes back to firmware, which then tries its
 * next boot entry; with EFI_SUCCESS it would open its set-up menu.
 */
#include "loader.h"

#include "ovbs_string.h"
#include "print.h"

static size_t length(const uint16_t *text)
{
	size_t n = 0;

	while (text[n] != 0)
		n++;
	return n;
}

/* For the console: what is not ASCII is shown as "?" by say(). */
static const char *printable(const uint16_t *text)
{
	static char out[CONFIG_NEXT_MAX];
	size_t n = 0;

	for (; text[n] != 0 && n < sizeof(out) - 1; n++)
		out[n] = text[n] < 0x80 ? (char)text[n] : '?';
	out[n] = '\0';
	return out;
}

static size_t node_size(const EFI_DEVICE_PATH *node)
{
	return (size_t)node->Length[0] | (size_t)node->Length[1] << 8;
}

static bool is_end(const EFI_DEVICE_PATH *node)
{
	return node->Type == END_DEVICE_PATH_TYPE && node->SubType == END_ENTIRE_DEVICE_PATH_SUBTYPE;
}

#define NODE_SIZE  sizeof(EFI_DEVICE_PATH)
#define PREFIX_MAX 4096u

static void put_node(uint8_t *at, uint8_t type, uint8_t subtype, size_t size)
{
	at[0] = type;
	at[1] = subtype;
	at[2] = (uint8_t)size;
	at[3] = (uint8_t)(size >> 8);
}

/* Our own device, then the file (UEFI 2.10, 10.3.5.4), then the end. */
static EFI_STATUS build_path(struct loader *l, EFI_DEVICE_PATH **path)
{
	EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	size_t prefix = 0, name = (length(l->config.next) + 1) * sizeof(uint16_t);
	EFI_DEVICE_PATH *device;
	EFI_STATUS status;
	uint8_t *out;

	status = l->bs->HandleProtocol(l->self->DeviceHandle, &guid, (void **)&device);
	if (status != EFI_SUCCESS)
		return status;
	for (const EFI_DEVICE_PATH *n = device; !is_end(n);
	     n = (const void *)((const uint8_t *)device + prefix)) {
		if (node_size(n) < NODE_SIZE || prefix + node_size(n) > PREFIX_MAX)
			return EFI_INVALID_PARAMETER;
		prefix += node_size(n);
	}
	status = l->bs->AllocatePool(EfiLoaderData, prefix + NODE_SIZE + name + NODE_SIZE, (void **)&out);
	if (status != EFI_SUCCESS)
		return status;
	memcpy(out, device, prefix);
	put_node(out + prefix, MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, NODE_SIZE + name);
	memcpy(out + prefix + NODE_SIZE, l->config.next, name);
	put_node(out + prefix + NODE_SIZE + name, END_DEVICE_PATH_TYPE,
		 END_ENTIRE_DEVICE_PATH_SUBTYPE, NODE_SIZE);
	*path = (EFI_DEVICE_PATH *)out;
	return EFI_SUCCESS;
}

static uint16_t fold(uint16_t u)
{
	return u >= 'a' && u <= 'z' ? u - 'a' + 'A' : u;
}

/*
 * Is the next stage this very file? It would find itself running, and start
 * itself again, until memory is used up. Only the plain case is looked for: one
 * file path node, as firmware makes it.
 */
static bool is_self(const struct loader *l)
{
	const EFI_DEVICE_PATH *node = l->self->FilePath;
	size_t units = length(l->config.next) + 1;

	if (node == NULL || node->Type != MEDIA_DEVICE_PATH || node->SubType != MEDIA_FILEPATH_DP ||
	    node_size(node) != NODE_SIZE + units * sizeof(uint16_t))
		return false;
	for (size_t i = 0; i < units; i++) {
		uint16_t u;

		memcpy(&u, (const uint8_t *)node + NODE_SIZE + i * sizeof(u), sizeof(u));
		if (fold(u) != fold(l->config.next[i]))
			return false;
	}
	return true;
}

static EFI_STATUS load(struct loader *l, EFI_HANDLE *next)
{
	EFI_DEVICE_PATH *path = NULL;
	EFI_STATUS status = build_path(l, &path);

	*next = NULL;
	if (status != EFI_SUCCESS)
		return status;
	status = l->bs->LoadImage(FALSE, l->image, path, NULL, 0, next);
	/* UEFI 2.10, 7.4.1: with this status the image is in memory all the same */
	if (status == EFI_SECURITY_VIOLATION && *next != NULL)
		l->bs->UnloadImage(*next);
	l->bs->FreePool(path);
	return status;
}

static EFI_STATUS set_options(struct loader *l, EFI_HANDLE next)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *image;
	EFI_STATUS status;

	if (l->config.options[0] == 0)
		return EFI_SUCCESS;
	status = l->bs->HandleProtocol(next, &guid, (void **)&image);
	if (status != EFI_SUCCESS)
		return status;
	image->LoadOptions = l->config.options;
	image->LoadOptionsSize = (UINT32)((length(l->config.options) + 1) * sizeof(uint16_t));
	return EFI_SUCCESS;
}

EFI_STATUS next_start(struct loader *l)
{
	const char *name = printable(l->config.next);
	CHAR16 *exit_text = NULL;
	UINTN exit_size = 0;
	EFI_HANDLE next;
	EFI_STATUS status;

	if (is_self(l)) {
		say(l->st, "openvbs: next stage %s is openvbs itself", name);
		return EFI_LOAD_ERROR;
	}
	status = load(l, &next);
	if (status != EFI_SUCCESS) {
		say(l->st, "openvbs: can't load %s: EFI status %llxh", name, (unsigned long long)status);
		return status;
	}
	status = set_options(l, next);
	if (status != EFI_SUCCESS) {
		l->bs->UnloadImage(next);
		say(l->st, "openvbs: can't set the options of %s: EFI status %llxh", name,
		    (unsigned long long)status);
		return status;
	}
	status = l->bs->StartImage(next, &exit_size, &exit_text);
	if (exit_text != NULL)
		l->bs->FreePool(exit_text);
	if (status != EFI_SUCCESS)
		say(l->st, "openvbs: %s ended with EFI status %llxh", name, (unsigned long long)status);
	return status;
}
