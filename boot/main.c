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

#include "level.h"

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

/* By its settings, on this platform. A second start in one boot is told by the CPU. */
static bool wanted(struct loader *l)
{
	return l->second || level_decide(&l->settings, &l->platform, &l->verdict);
}

/* The CPU that runs this first: on an unfit machine nothing else is touched. */
static bool boot_cpu_fits(struct loader *l)
{
	l->kind = checks_kind(&l->platform.cpu);
	return checks_decide(&l->platform.cpu, &l->verdict);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct loader l;
	EFI_STATUS status = loader_init(&l, image, st);

	if (status != EFI_SUCCESS)
		return status;
	platform_init(&l);
	l.second = status_running(&l);
	options_read(&l);
	records_read(&l);
	if (!l.second)
		records_bind(&l);
	facts_gather(&l);
	if (wanted(&l) && boot_cpu_fits(&l) && image_check(&l) && launch(&l))
		l.verdict.reason = OVBS_REASON_NONE;
	if (l.running)
		records_lock(&l);
	status_publish(&l);
	if (mandatory(&l) && !l.running && !l.second)
		mandatory_stop(&l);
	return next_start(&l);
}
