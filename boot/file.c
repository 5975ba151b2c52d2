/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small files on the volume that this program came from. A device without
 * files (network boot) is as good as one without this file.
 */
#include "loader.h"

EFI_STATUS file_read(const struct loader *l, CHAR16 *path, void *buf, UINTN max, UINTN *size)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	EFI_STATUS status;

	if (l->bs->HandleProtocol(l->self->DeviceHandle, &guid, (void **)&volume) != EFI_SUCCESS)
		return EFI_NOT_FOUND;
	status = volume->OpenVolume(volume, &root);
	if (status != EFI_SUCCESS)
		return status;
	status = root->Open(root, &file, path, EFI_FILE_MODE_READ, 0);
	if (status == EFI_SUCCESS) {
		*size = max;
		status = file->Read(file, size, buf); /* UEFI 2.10, 13.5.5: less only at the file's end */
		file->Close(file);
	}
	root->Close(root);
	return status;
}
