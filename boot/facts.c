/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine has, read before anything is hidden by the hypervisor or
 * used up by the operating system: include/openvbs/platform.h. Judged
 * elsewhere (lib/level.c, `vbsctl readiness`).
 */
#include "loader.h"

#include "acpi_tables.h"
#include "cpu.h"
#include "efi_mat.h"
#include "ovbs_string.h"
#include "platform.h"

/* UEFI 2.10, 4.6.4: EFI_MEMORY_ATTRIBUTES_TABLE */
static const EFI_GUID mat_guid = {
	0xdcfa911d, 0x26eb, 0x469f, { 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20 }
};

/* A flag that firmware makes anew at each boot: one in flash would be somebody else's. */
static uint8_t flag_fact(const struct loader *l, CHAR16 *name)
{
	EFI_GUID global = EFI_GLOBAL_VARIABLE;
	uint8_t value[2] = { 0, 0 };
	UINTN size = sizeof(value);
	UINT32 attributes = 0;
	EFI_STATUS status = l->rt->GetVariable(name, &global, &attributes, &size, value);

	if (status == EFI_NOT_FOUND)
		return OVBS_FACT_ABSENT;
	if (status != EFI_SUCCESS || size != 1 || value[0] > 1 ||
	    (attributes & EFI_VARIABLE_NON_VOLATILE) != 0)
		return OVBS_FACT_UNREADABLE;
	return value[0] == 1 ? OVBS_FACT_YES : OVBS_FACT_NO;
}

#define SHIM_GUID                                                                                  \
	{                                                                                          \
		0x605dab50, 0xe046, 0x4300,                                                        \
		{                                                                                  \
			0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23                             \
		}                                                                                  \
	}

/* shim believes MokSBState with boot-service access only; 1: check no signatures (shim, mok.c and README). */
static uint8_t shim_off(const struct loader *l)
{
	EFI_GUID guid = SHIM_GUID;
	uint8_t value[2] = { 0, 0 };
	UINTN size = sizeof(value);
	UINT32 attributes = 0;
	EFI_STATUS status = l->rt->GetVariable(UCS2("MokSBState"), &guid, &attributes, &size, value);

	if (status == EFI_NOT_FOUND)
		return OVBS_FACT_ABSENT;
	if (status != EFI_SUCCESS || (attributes & EFI_VARIABLE_RUNTIME_ACCESS) != 0)
		return OVBS_FACT_NO; /* shim does not believe it either */
	return value[0] == 1 ? OVBS_FACT_YES : OVBS_FACT_NO;
}

static uint8_t there(const struct loader *l, CHAR16 *name, EFI_GUID guid)
{
	UINTN size = 0;

	return l->rt->GetVariable(name, &guid, NULL, &size, NULL) == EFI_BUFFER_TOO_SMALL ?
		       OVBS_FACT_YES :
		       OVBS_FACT_NO;
}

static void gather_iommu(struct loader *l, struct ovbs_platform *p)
{
	const struct acpi_memory *memory = platform_acpi_memory();
	struct acpi_iommu *iommu = &l->iommu;
	uint64_t rsdp = platform_rsdp(l);
	const void *table;
	size_t len;
	int rc;

	memset(iommu, 0, sizeof(*iommu));
	if (acpi_find_table(memory, rsdp, "IVRS", &table, &len)) {
		rc = acpi_ivrs_decode(table, len, iommu);
	} else if (acpi_find_table(memory, rsdp, "DMAR", &table, &len)) {
		rc = acpi_dmar_decode(table, len, iommu);
	} else {
		p->iommu = OVBS_FACT_ABSENT;
		return;
	}
	p->iommu_kind = (uint8_t)iommu->kind;
	p->iommu = rc == 0 ? OVBS_FACT_YES : OVBS_FACT_UNREADABLE;
	p->iommu_flags = rc == 0 ? iommu->flags : 0;
	p->iommu_units = rc == 0 ? iommu->units : 0;
	memcpy(p->iommu_why, iommu->why, sizeof(p->iommu_why));
}

static void gather_wsmt(const struct loader *l, struct ovbs_platform *p)
{
	const void *table;
	size_t len;

	if (!acpi_find_table(platform_acpi_memory(), platform_rsdp(l), "WSMT", &table, &len))
		p->wsmt = OVBS_FACT_ABSENT;
	else
		p->wsmt = acpi_wsmt_decode(table, len, &p->wsmt_flags, p->wsmt_why) == 0 ?
				  OVBS_FACT_YES :
				  OVBS_FACT_UNREADABLE;
}

static void gather_mat(const struct loader *l, struct ovbs_platform *p)
{
	const void *table = platform_table(l, &mat_guid);
	struct efi_mat mat;
	size_t len;

	if (table == NULL) {
		p->mat = OVBS_FACT_ABSENT;
		return;
	}
	len = platform_readable((uint64_t)table, EFI_MAT_HEADER_SIZE) ? efi_mat_size(table, p->mat_why) : 0;
	if (len == 0 || !platform_readable((uint64_t)table, len) ||
	    efi_mat_decode(table, len, &mat, p->mat_why) != 0) {
		p->mat = OVBS_FACT_UNREADABLE;
		return;
	}
	p->mat_entries = mat.entries;
	p->mat = mat.both == 0 ? OVBS_FACT_YES : OVBS_FACT_NO;
}

/*
 * TCG EFI Protocol Specification 1.0, 6.4: EFI_TCG2_BOOT_SERVICE_CAPABILITY,
 * and of the protocol the one member that is called. Not packed.
 */
struct tcg2_capability {
	uint8_t size;
	uint8_t structure_major, structure_minor, protocol_major, protocol_minor;
	uint32_t hash_algorithms;
	uint32_t event_logs;
	uint8_t present;
	uint16_t max_command, max_response;
	uint32_t manufacturer;
	uint32_t banks;
	uint32_t active_banks;
};
_Static_assert(sizeof(struct tcg2_capability) == 36, "TCG EFI Protocol Specification, 6.4");

struct tcg2 {
	EFI_STATUS(EFIAPI *get_capability)(struct tcg2 *self, struct tcg2_capability *capability);
};

#define TCG2_GUID                                                                                  \
	{                                                                                          \
		0x607f766c, 0x7455, 0x42be,                                                        \
		{                                                                                  \
			0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f                             \
		}                                                                                  \
	}

static void gather_tpm(const struct loader *l, struct ovbs_platform *p)
{
	EFI_GUID guid = TCG2_GUID;
	struct tcg2_capability capability;
	struct tcg2 *tcg2 = NULL;

	p->tpm_lockout = OVBS_FACT_UNKNOWN;
	p->tpm = OVBS_FACT_ABSENT;
	if (l->bs->LocateProtocol(&guid, NULL, (void **)&tcg2) != EFI_SUCCESS)
		return;
	memset(&capability, 0, sizeof(capability));
	capability.size = sizeof(capability);
	if (tcg2->get_capability(tcg2, &capability) != EFI_SUCCESS) {
		p->tpm = OVBS_FACT_UNREADABLE;
		return;
	}
	if (capability.present == 0)
		return;
	p->tpm = OVBS_FACT_YES;
	p->tpm_version = OVBS_TPM_2_0;
	p->tpm_banks = capability.active_banks;
}

/* UEFI 2.10, 10.3.5.1: the hard drive node; a GPT partition has its GUID as signature. */
#define HD_NODE_SIZE      42
#define HD_SIGNATURE      24
#define HD_SIGNATURE_TYPE 41
#define HD_SIGNATURE_GUID 2
#define PATH_MAX          4096u

static void gather_partition(struct loader *l)
{
	EFI_GUID guid = DEVICE_PATH_PROTOCOL;
	const uint8_t *path;
	size_t at = 0;

	if (l->bs->HandleProtocol(l->self->DeviceHandle, &guid, (void **)&path) != EFI_SUCCESS)
		return;
	while (at < PATH_MAX && path[at] != END_DEVICE_PATH_TYPE) {
		size_t size = (size_t)path[at + 2] | (size_t)path[at + 3] << 8;

		if (size < 4)
			return;
		if (path[at] == MEDIA_DEVICE_PATH && path[at + 1] == MEDIA_HARDDRIVE_DP &&
		    size == HD_NODE_SIZE && path[at + HD_SIGNATURE_TYPE] == HD_SIGNATURE_GUID)
			memcpy(l->esp_partition, path + at + HD_SIGNATURE, sizeof(l->esp_partition));
		at += size;
	}
}

#define MOR_GUID                                                                                   \
	{                                                                                          \
		0xe20939be, 0x32d4, 0x41be,                                                        \
		{                                                                                  \
			0xa1, 0x50, 0x89, 0x7f, 0x85, 0xd4, 0x98, 0x29                             \
		}                                                                                  \
	}
#define MOR_LOCK_GUID                                                                              \
	{                                                                                          \
		0xbb983ccf, 0x151d, 0x40e1,                                                        \
		{                                                                                  \
			0xa0, 0x7b, 0x4a, 0x17, 0xbe, 0x16, 0x82, 0x92                             \
		}                                                                                  \
	}

void facts_gather(struct loader *l)
{
	struct ovbs_platform *p = &l->platform;

	memset(p, 0, sizeof(*p));
	p->size = sizeof(*p);
	p->by_loader = 1;
	p->secure_boot = flag_fact(l, UCS2("SecureBoot"));
	p->setup_mode = flag_fact(l, UCS2("SetupMode"));
	p->shim_off = shim_off(l);
	p->mor = there(l, UCS2("MemoryOverwriteRequestControl"), (EFI_GUID)MOR_GUID);
	p->mor_lock = there(l, UCS2("MemoryOverwriteRequestControlLock"), (EFI_GUID)MOR_LOCK_GUID);
	gather_iommu(l, p);
	gather_wsmt(l, p);
	gather_mat(l, p);
	gather_tpm(l, p);
	gather_partition(l);
	cpu_gather(&p->cpu);
}
