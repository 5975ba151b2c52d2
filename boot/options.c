/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to start next, and how: the built-in defaults, then openvbs.conf on the
 * device that the loader itself came from, then the load options of the boot
 * entry. A later source wins; what is bad is said and left out. Whether openvbs
 * itself runs is not decided here (records.c).
 */
#include "loader.h"

#include "print.h"

#define OPTIONS_FILE UCS2("\\EFI\\openvbs\\openvbs.conf")

void options_read(struct loader *l)
{
	static uint8_t text[CONFIG_FILE_MAX + 1]; /* one more: to see that it is too large */
	UINTN size;
	EFI_STATUS status;

	config_defaults(&l->config);
	status = file_read(l, OPTIONS_FILE, text, sizeof(text), &size);
	if (status == EFI_SUCCESS)
		config_parse_file(&l->config, text, size);
	else if (status != EFI_NOT_FOUND)
		config_problem(&l->config, "openvbs.conf: can't read it: EFI status %llxh",
			       (unsigned long long)status);
	config_parse_load_options(&l->config, l->self->LoadOptions, l->self->LoadOptionsSize);
	if (l->config.problem[0] != '\0')
		say(l->st, "openvbs: settings: %s", l->config.problem);
}
