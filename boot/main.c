/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openvbs.efi: starts the hypervisor under the running firmware, then the next
 * boot stage. This is the boot order; each step has a file of its own.
 *
 * Whatever fails before the first CPU entered the hypervisor is undone, the
 * status table says what it was, and the machine boots on as if openvbs were
 * not there.
 */
#include "loader.h"

#include "cpu.h"

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

static EFI_STATUS loader_init(struct loader *l, EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;

	l->image = image;
	l->st = st;
	l->bs = st->BootServices;
	l->rt = st->RuntimeServices;
	return l->bs->HandleProtocol(image, &guid, (void **)&l->self);
}

/* The CPU that runs this first: on an unfit machine nothing else is touched. */
static bool boot_cpu_fits(struct loader *l)
{
	struct cpu_facts facts;

	cpu_gather(&facts);
	l->kind = checks_kind(&facts);
	return checks_decide(&facts, &l->verdict);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct loader l;
	EFI_STATUS status = loader_init(&l, image, st);

	if (status != EFI_SUCCESS)
		return status;
	settings_read(&l);
	if (boot_cpu_fits(&l) && image_check(&l) && launch(&l))
		l.verdict.reason = OVBS_REASON_NONE;
	status_publish(&l);
	return next_start(&l);
}
