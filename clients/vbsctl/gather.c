/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the platform from Linux: see gather.h. Formats are decoded by lib/
 * (ACPI) and tpm2cap.c; this file knows where Linux keeps them and what each
 * error means.
 */
#define _GNU_SOURCE
#include "gather.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acpi_tables.h"
#include "efivars.h"
#include "files.h"
#include "gather_cpu.h"
#include "tpm2cap.h"

#define ACPI_TABLES    "/sys/firmware/acpi/tables"
#define ACPI_TABLE_MAX (1u << 20)
#define MOR_GUID       "e20939be-32d4-41be-a150-897f85d49829"
#define MOR_LOCK_GUID  "bb983ccf-151d-40e1-a07b-4a17be168292"
#define SHIM_GUID                                                                                  \
	"605dab50-e046-4300-abb6-3dd810dd8b23" /* MokSBStateRT: shim's copy of MokSBState */
#define NON_VOLATILE                                                                               \
	1u /* firmware and shim make flags anew at each boot: one in flash is somebody else's */
#define TPM            "/sys/class/tpm/tpm0"
#define TPM_DEVICE     "/dev/tpmrm0"
#define TPM_TIMEOUT_MS 3000
#define CMDLINE_MAX    4096

/* --- ACPI -------------------------------------------------------------- */

/* Return: YES with *table (free() it), ABSENT, or UNKNOWN with @why: it may not be read. */
static enum ovbs_fact read_table(const struct vbsctl *v, const char *name, void **table,
				 size_t *len, char why[ACPI_WHY_MAX])
{
	char path[64];

	snprintf(path, sizeof(path), ACPI_TABLES "/%s", name);
	*table = file_read_all(v, path, ACPI_TABLE_MAX, len);
	if (*table)
		return OVBS_FACT_YES;
	if (errno == ENOENT && file_exists(v, ACPI_TABLES))
		return OVBS_FACT_ABSENT;
	snprintf(why, ACPI_WHY_MAX, "%s", strerror(errno));
	return errno == EFBIG ? OVBS_FACT_UNREADABLE : OVBS_FACT_UNKNOWN;
}

void gather_iommu(const struct vbsctl *v, struct ovbs_platform *p)
{
	struct acpi_iommu iommu;
	size_t len;
	void *table;
	int rc;

	p->iommu_kind = OVBS_IOMMU_AMD;
	p->iommu = (uint8_t)read_table(v, "IVRS", &table, &len, p->iommu_why);
	if (p->iommu == OVBS_FACT_ABSENT) {
		p->iommu_kind = OVBS_IOMMU_INTEL;
		p->iommu = (uint8_t)read_table(v, "DMAR", &table, &len, p->iommu_why);
	}
	if (p->iommu == OVBS_FACT_ABSENT || (p->iommu == OVBS_FACT_UNKNOWN && !file_exists(v, ACPI_TABLES)))
		p->iommu_kind = OVBS_IOMMU_NONE;
	if (p->iommu != OVBS_FACT_YES)
		return;
	rc = p->iommu_kind == OVBS_IOMMU_AMD ? acpi_ivrs_decode(table, len, &iommu) :
					       acpi_dmar_decode(table, len, &iommu);
	free(table);
	p->iommu = rc == 0 ? OVBS_FACT_YES : OVBS_FACT_UNREADABLE;
	p->iommu_flags = rc == 0 ? iommu.flags : 0;
	p->iommu_units = rc == 0 ? iommu.units : 0;
	snprintf(p->iommu_why, sizeof(p->iommu_why), "%s", iommu.why);
}

static void gather_wsmt(const struct vbsctl *v, struct ovbs_platform *p)
{
	size_t len;
	void *table;

	p->wsmt = (uint8_t)read_table(v, "WSMT", &table, &len, p->wsmt_why);
	if (p->wsmt != OVBS_FACT_YES)
		return;
	if (acpi_wsmt_decode(table, len, &p->wsmt_flags, p->wsmt_why) != 0)
		p->wsmt = OVBS_FACT_UNREADABLE;
	free(table);
}

/* --- UEFI variables ---------------------------------------------------- */

/* One byte of 0 or 1, or with @presence only whether it is there. */
static uint8_t variable_fact(const struct vbsctl *v, const char *name, const char *guid,
			     bool presence, struct gathered *out)
{
	struct efivar *var = malloc(sizeof(*var));
	int error = var ? efivar_read(v, name, guid, var) : -ENOMEM;
	uint8_t fact = OVBS_FACT_UNREADABLE;

	/* Started by a BIOS: there are no such variables, and that is known. */
	if (error == -ENOENT || (error == -ENODEV && !file_exists(v, "/sys/firmware/efi") &&
				 file_exists(v, "/sys/firmware")))
		fact = OVBS_FACT_ABSENT;
	else if (presence && (!error || error == -EFBIG || error == -EBADMSG))
		fact = OVBS_FACT_YES;
	else if (!error && var->size == 1 && var->data[0] <= 1 && (var->attributes & NON_VOLATILE) == 0)
		fact = var->data[0] == 1 ? OVBS_FACT_YES : OVBS_FACT_NO;
	else if (error && error != -EFBIG && error != -EBADMSG) {
		fact = OVBS_FACT_UNKNOWN;
		snprintf(out->host.efi_why, sizeof(out->host.efi_why), "%s", efivar_words(error));
	}
	free(var);
	return fact;
}

void gather_secure_boot(const struct vbsctl *v, struct gathered *out)
{
	struct ovbs_platform *p = &out->platform;

	p->secure_boot = variable_fact(v, "SecureBoot", EFIVARS_GLOBAL_GUID, false, out);
	p->setup_mode = variable_fact(v, "SetupMode", EFIVARS_GLOBAL_GUID, false, out);
	p->shim_off = variable_fact(v, "MokSBStateRT", SHIM_GUID, false, out);
}

static void gather_variables(const struct vbsctl *v, struct gathered *out)
{
	struct ovbs_platform *p = &out->platform;

	gather_secure_boot(v, out);
	p->mor = variable_fact(v, "MemoryOverwriteRequestControl", MOR_GUID, true, out);
	p->mor_lock = variable_fact(v, "MemoryOverwriteRequestControlLock", MOR_LOCK_GUID, true, out);
}

/* --- TPM --------------------------------------------------------------- */

static void gather_banks(const struct vbsctl *v, struct gathered *out)
{
	static const struct {
		const char *folder;
		uint32_t bank;
	} banks[] = {
		{ TPM "/pcr-sha1", OVBS_TPM_BANK_SHA1 },
		{ TPM "/pcr-sha256", OVBS_TPM_BANK_SHA256 },
		{ TPM "/pcr-sha384", OVBS_TPM_BANK_SHA384 },
		{ TPM "/pcr-sha512", OVBS_TPM_BANK_SHA512 },
	};
	struct ovbs_platform *p = &out->platform;

	for (unsigned int i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
		if (file_exists(v, banks[i].folder))
			p->tpm_banks |= banks[i].bank;
	if (p->tpm_banks != 0)
		return;
	/* Before Linux 5.12 there are no such folders: that would not mean that there are no banks. */
	p->tpm = OVBS_FACT_UNKNOWN;
	snprintf(out->host.tpm_why, sizeof(out->host.tpm_why),
		 "there is a TPM 2.0, but this kernel does not show its banks (no " TPM "/pcr-*)");
}

static void gather_tpm(const struct vbsctl *v, struct gathered *out)
{
	struct ovbs_platform *p = &out->platform;
	long long version;

	p->tpm_banks = 0;
	p->tpm_version = OVBS_TPM_NONE;
	p->tpm_lockout = OVBS_FACT_UNKNOWN;
	if (!file_exists(v, TPM)) {
		p->tpm = file_exists(v, "/sys/class") ? OVBS_FACT_ABSENT : OVBS_FACT_UNKNOWN;
		return;
	}
	p->tpm = OVBS_FACT_YES;
	version = file_number(v, TPM "/tpm_version_major");
	if (version == 2) {
		p->tpm_version = OVBS_TPM_2_0;
		gather_banks(v, out);
	} else if (version == 1) {
		p->tpm_version = OVBS_TPM_1_2;
	} else {
		p->tpm = OVBS_FACT_UNKNOWN;
		snprintf(out->host.tpm_why, sizeof(out->host.tpm_why), TPM "/tpm_version_major: %s",
			 version < 0 ? strerror((int)-version) : "neither 1 nor 2");
	}
}

/* Return: bytes, or -errno. */
static ssize_t ask_tpm(int fd, uint8_t *response, size_t size)
{
	uint8_t command[TPM2CAP_COMMAND_SIZE];
	struct pollfd wait = { fd, POLLIN, 0 };
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (S_ISCHR(st.st_mode)) {
		tpm2cap_command(command);
		n = write(fd, command, sizeof(command));
		if (n != (ssize_t)sizeof(command))
			return n < 0 ? -errno : -EIO;
		if (poll(&wait, 1, TPM_TIMEOUT_MS) == 0)
			return -ETIMEDOUT;
	}
	n = read(fd, response, size); /* a plain file, below a test's root: a response */
	return n < 0 ? -errno : n;
}

static void gather_lockout(const struct vbsctl *v, struct gathered *out)
{
	uint8_t response[4096];
	char path[4096], why[TPM2CAP_WHY];
	int fd, lockout;
	ssize_t n;

	if (out->platform.tpm != OVBS_FACT_YES || out->platform.tpm_version != OVBS_TPM_2_0)
		return;
	fd = open(vbsctl_path(v, path, TPM_DEVICE), O_RDWR | O_CLOEXEC);
	n = fd < 0 ? -errno : ask_tpm(fd, response, sizeof(response));
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		snprintf(out->host.tpm_why, sizeof(out->host.tpm_why), TPM_DEVICE ": %s%s",
			 strerror((int)-n), n == -EACCES ? ": run as root, or in the group tss" : "");
		return;
	}
	lockout = tpm2cap_lockout(response, (size_t)n, why);
	if (lockout < 0)
		snprintf(out->host.tpm_why, sizeof(out->host.tpm_why), "%s", why);
	else
		out->platform.tpm_lockout = lockout == 1 ? OVBS_FACT_YES : OVBS_FACT_NO;
}

/* --- what Linux does with it -------------------------------------------- */

static bool any_word(char *cmdline, char *out, size_t size)
{
	/* Documentation/admin-guide/kernel-parameters.txt */
	static const char *const off[] = { "intel_iommu=off", "amd_iommu=off", "iommu=off",
					   "iommu=pt", "iommu.passthrough=1" };
	char *save = NULL;

	for (char *word = strtok_r(cmdline, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save))
		for (unsigned int i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
			size_t n = strlen(off[i]);

			/* the values of these are lists: iommu=off,noforce */
			if (strncmp(word, off[i], n) == 0 && (word[n] == '\0' || word[n] == ',')) {
				snprintf(out, size, "%s", off[i]);
				return true;
			}
		}
	return false;
}

static void gather_iommu_use(const struct vbsctl *v, struct readiness_host *h)
{
	int units = file_count(v, "/sys/class/iommu"), groups = file_count(v, "/sys/kernel/iommu_groups");
	char cmdline[CMDLINE_MAX + 1];
	ssize_t n = file_read(v, "/proc/cmdline", cmdline, CMDLINE_MAX);

	h->iommu_groups = groups > 0 ? (uint32_t)groups : 0;
	if (units > 0 && groups > 0)
		h->iommu_used = OVBS_FACT_YES;
	else if ((units >= 0 || units == -ENOENT) && file_exists(v, "/sys/class"))
		h->iommu_used = OVBS_FACT_NO;
	else
		h->iommu_used = OVBS_FACT_UNKNOWN;
	if (n < 0)
		return;
	cmdline[n] = '\0';
	any_word(cmdline, h->policy_hidden, sizeof(h->policy_hidden));
}

static void gather_kvm(const struct vbsctl *v, struct readiness_host *h)
{
	static const char *const modules[] = { "kvm_amd", "kvm_intel" };
	char path[64];

	h->kvm_used = file_exists(v, "/sys/module") ? OVBS_FACT_NO : OVBS_FACT_UNKNOWN;
	for (unsigned int i = 0; i < 2; i++) {
		long long users;

		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", modules[i]);
		users = file_number(v, path);
		if (users <= 0)
			continue;
		h->kvm_used = OVBS_FACT_YES;
		snprintf(h->kvm_who, sizeof(h->kvm_who), "%s: %lld users", modules[i], users);
	}
}

void gather_platform(struct vbsctl *v, const struct ovbs_platform *loader, struct gathered *out)
{
	memset(out, 0, sizeof(*out));
	if (loader) {
		out->platform = *loader;
		out->host.registers = OVBS_FACT_YES;
		/* firmware's interface knows TPM 2.0 only, and one that Linux sees is there */
		if (loader->tpm != OVBS_FACT_YES)
			gather_tpm(v, out);
	} else {
		out->platform.size = sizeof(out->platform);
		out->platform.mat = OVBS_FACT_UNKNOWN;
		gather_variables(v, out);
		gather_iommu(v, &out->platform);
		gather_wsmt(v, &out->platform);
		gather_tpm(v, out);
		gather_cpu(v, &out->platform.cpu, &out->host);
	}
	out->host.openvbs = (uint8_t)gather_openvbs(v);
	gather_lockout(v, out);
	gather_iommu_use(v, &out->host);
	gather_kvm(v, &out->host);
}

void gather_judge(struct vbsctl *v, const struct live *live, struct gathered *facts, struct readiness *out)
{
	const struct settings *settings = NULL;

	if (live->state.next_known)
		settings = &live->state.next;
	else if (live->state.now_known)
		settings = &live->state.now;
	gather_platform(v, live->facts.platform, facts);
	readiness_judge_host(&facts->platform, settings, &facts->host, out);
}
