/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Boot entries: see bootvars.h. EFI_LOAD_OPTION and device paths as in UEFI
 * 2.10, 3.1.3 and 10.3; they are made with libefivar's functions, which need no
 * device, and taken apart here.
 */
#include "bootvars.h"

#include <ctype.h>
#include <dirent.h>
#include <efivar.h>
#include <efiboot.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "efivars.h"

#define OPTION_ACTIVE   1u
#define OPTION_CATEGORY 0x1F00u /* 0: a boot entry */
#define DESCRIPTION_MAX 64
#define ENTRIES         0x10000

/* What matters of a load option. */
struct option {
	uint32_t attributes;
	char description[DESCRIPTION_MAX]; /* other characters than ASCII are '?' */
	bool file;    /* names a file, so that firmware does not look for its default one */
	bool openvbs; /* path or options name something of openvbs */
	bool opt_out; /* it starts the opt-out program */
};

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* Is ASCII @text in the UTF-16 bytes? Any alignment, without case. */
static bool contains(const uint8_t *data, size_t len, const char *text)
{
	size_t n = strlen(text);

	for (size_t at = 0; at + 2 * n <= len; at++) {
		size_t i = 0;

		while (i < n && data[at + 2 * i + 1] == 0 &&
		       tolower(data[at + 2 * i]) == tolower((unsigned char)text[i]))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

static bool has_file(const uint8_t *path, size_t len)
{
	while (len >= 4) {
		size_t node = u16(path + 2);

		if (node < 4 || node > len)
			return false;
		if (path[0] == 4 && path[1] == 4) /* media, file path */
			return true;
		path += node;
		len -= node;
	}
	return false;
}

/* Return: whether it is a load option at all. */
static bool parse(const uint8_t *data, size_t size, struct option *out)
{
	size_t at = 6, n = 0, path_len;

	memset(out, 0, sizeof(*out));
	if (size < 8)
		return false;
	out->attributes = (uint32_t)u16(data) | (uint32_t)u16(data + 2) << 16;
	path_len = u16(data + 4);
	for (;; at += 2) {
		uint16_t c;

		if (at + 2 > size)
			return false;
		c = u16(data + at);
		if (c == 0)
			break;
		if (n < sizeof(out->description) - 1)
			out->description[n++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	at += 2;
	if (path_len > size - at)
		return false;
	out->file = has_file(data + at, path_len);
	out->openvbs = contains(data + at, size - at, "\\EFI\\openvbs\\") ||
		       contains(data + at, size - at, "openvbs.efi");
	out->opt_out = contains(data + at, path_len, BOOT_OPT_OUT_FILE);
	return true;
}

static bool read_option(const struct vbsctl *v, unsigned int number, struct option *out)
{
	struct efivar *var = malloc(sizeof(*var));
	char name[16];
	bool good;

	snprintf(name, sizeof(name), "Boot%04X", number & 0xFFFF);
	good = var && efivar_read(v, name, EFIVARS_GLOBAL_GUID, var) == 0 &&
	       parse(var->data, var->size, out);
	free(var);
	return good;
}

/* A variable of one number. Return: it, or -1. */
static int read_number(const struct vbsctl *v, const char *name)
{
	struct efivar *var = malloc(sizeof(*var));
	int number = -1;

	if (var && efivar_read(v, name, EFIVARS_GLOBAL_GUID, var) == 0 && var->size == 2)
		number = u16(var->data);
	free(var);
	return number;
}

int boot_next(const struct vbsctl *v)
{
	return read_number(v, "BootNext");
}

bool boot_opt_out_pending(const struct vbsctl *v)
{
	struct option option;
	int next = boot_next(v);

	return next >= 0 && read_option(v, (unsigned int)next, &option) && option.opt_out;
}

/* The first entry of BootOrder that firmware would start. Return: its number, or -1. */
static int first_of_order(const struct vbsctl *v, struct option *option)
{
	struct efivar *var = malloc(sizeof(*var));
	int number = -1;

	if (var && efivar_read(v, "BootOrder", EFIVARS_GLOBAL_GUID, var) == 0)
		for (size_t at = 0; at + 2 <= var->size && number < 0; at += 2)
			if (read_option(v, u16(var->data + at), option) &&
			    (option->attributes & (OPTION_ACTIVE | OPTION_CATEGORY)) == OPTION_ACTIVE)
				number = u16(var->data + at);
	free(var);
	return number;
}

enum ovbs_fact boot_order(const struct vbsctl *v, bool loader_ran)
{
	struct option option = { 0 };
	int number = boot_next(v);

	if (number >= 0 && (!read_option(v, (unsigned int)number, &option) || option.opt_out))
		number = -1;
	if (number < 0)
		number = first_of_order(v, &option);
	if (number < 0)
		return OVBS_FACT_UNKNOWN;
	if (option.openvbs)
		return OVBS_FACT_YES;
	if (number == read_number(v, "BootCurrent"))
		return loader_ran ? OVBS_FACT_YES : OVBS_FACT_NO;
	return option.file ? OVBS_FACT_NO : OVBS_FACT_UNKNOWN;
}

/* Is this the name of a boot entry's variable? Return: its number, or -1. */
static int entry_number(const char *file)
{
	unsigned int number;
	int end = 0;

	if (sscanf(file, "Boot%4X-%n", &number, &end) != 1 || end != 9 ||
	    strcmp(file + 9, EFIVARS_GLOBAL_GUID) != 0)
		return -1;
	return (int)number;
}

int boot_opt_out_entry(const struct vbsctl *v)
{
	char path[4096];
	DIR *dir = opendir(vbsctl_path(v, path, EFIVARS_DIR));
	struct dirent *file;
	int found = -1;

	while (dir && found < 0 && (file = readdir(dir)) != NULL) {
		struct option option;
		int number = entry_number(file->d_name);

		if (number >= 0 && read_option(v, (unsigned int)number, &option) &&
		    option.opt_out && strcmp(option.description, BOOT_OPT_OUT_NAME) == 0)
			found = number;
	}
	if (dir)
		closedir(dir);
	return found;
}

static int free_entry(const struct vbsctl *v)
{
	struct efivar *var = malloc(sizeof(*var));
	int number = -ENOSPC;

	for (unsigned int n = 0; var && n < ENTRIES && number < 0; n++) {
		char name[16];

		snprintf(name, sizeof(name), "Boot%04X", n);
		if (efivar_read(v, name, EFIVARS_GLOBAL_GUID, var) == -ENOENT)
			number = (int)n;
	}
	free(var);
	return number;
}

/* HD(...)/File(\EFI\openvbs\openvbs-optout.efi). Return: bytes, or a negative number. */
static ssize_t make_path(const struct esp_partition *p, uint8_t *buf, size_t size)
{
	char file[] = "\\EFI\\openvbs\\" BOOT_OPT_OUT_FILE;
	uint8_t guid[16];
	ssize_t n, all = 0;

	memcpy(guid, p->guid, sizeof(guid));
	n = efidp_make_hd(buf, (ssize_t)size, p->number, p->start, p->blocks, guid,
			  EFIDP_HD_FORMAT_GPT, EFIDP_HD_SIGNATURE_GUID);
	if (n < 0)
		return n;
	all += n;
	n = efidp_make_file(buf + all, (ssize_t)size - all, file);
	if (n < 0)
		return n;
	all += n;
	n = efidp_make_end_entire(buf + all, (ssize_t)size - all);
	return n < 0 ? n : all + n;
}

int boot_make_opt_out(const struct vbsctl *v, const struct esp_partition *partition,
		      const char *options, char *why)
{
	unsigned char description[] = BOOT_OPT_OUT_NAME;
	uint8_t path[512], option[1024], wide[256];
	size_t chars = strlen(options) + 1;
	ssize_t path_len = make_path(partition, path, sizeof(path)), len = -1;
	char name[16];
	int number, error;

	for (size_t i = 0; i < chars && 2 * i + 1 < sizeof(wide); i++) {
		wide[2 * i] = (uint8_t)options[i];
		wide[2 * i + 1] = 0;
	}
	if (path_len > 0 && 2 * chars <= sizeof(wide))
		len = efi_loadopt_create(option, sizeof(option), OPTION_ACTIVE, (efidp)path,
					 path_len, description, wide, 2 * chars);
	if (len < 0) {
		snprintf(why, ESP_WHY, "the boot entry can't be made: %s", strerror(errno));
		return -EINVAL;
	}
	number = boot_opt_out_entry(v);
	if (number < 0)
		number = free_entry(v);
	if (number < 0) {
		snprintf(why, ESP_WHY, "firmware has no free number for a boot entry");
		return number;
	}
	snprintf(name, sizeof(name), "Boot%04X", (unsigned int)number);
	error = efivar_write(v, name, EFIVARS_GLOBAL_GUID, EFIVARS_NV_BS_RT, option, (size_t)len);
	if (error) {
		snprintf(why, ESP_WHY, "UEFI variable %s: %.120s", name, efivar_words(error));
		return error;
	}
	return number;
}

int boot_set_next(const struct vbsctl *v, unsigned int entry)
{
	uint8_t number[2] = { (uint8_t)entry, (uint8_t)(entry >> 8) };
	int error = efivar_write(v, "BootNext", EFIVARS_GLOBAL_GUID, EFIVARS_NV_BS_RT, number,
				 sizeof(number));

	if (!error && boot_next(v) != (int)entry)
		error = -EIO;
	return error;
}

int boot_clear_opt_out(const struct vbsctl *v)
{
	char name[16];
	int number, error = 0;

	if (boot_opt_out_pending(v))
		error = efivar_remove(v, "BootNext", EFIVARS_GLOBAL_GUID);
	number = boot_opt_out_entry(v);
	if (error || number < 0)
		return error;
	snprintf(name, sizeof(name), "Boot%04X", (unsigned int)number);
	return efivar_remove(v, name, EFIVARS_GLOBAL_GUID);
}
