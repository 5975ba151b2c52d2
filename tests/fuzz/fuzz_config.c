// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as settings file and as load options: the results stay terminated,
 * next= stays an absolute path, and a refusal comes with words.
 */
/* links: boot/config.c lib/format.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../boot/config.h"

static void check(const struct config *c, bool good)
{
	size_t next = 0, options = 0;

	while (next < CONFIG_NEXT_MAX && c->next[next] != 0)
		next++;
	while (options < CONFIG_OPTIONS_MAX && c->options[options] != 0)
		options++;
	if (next == CONFIG_NEXT_MAX || options == CONFIG_OPTIONS_MAX || c->next[0] != '\\')
		abort();
	if (memchr(c->problem, '\0', sizeof(c->problem)) == NULL || good != (c->problem[0] == '\0'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	bool good;

	config_defaults(&c);
	good = config_parse_file(&c, data, size);
	check(&c, good);
	config_defaults(&c);
	good = config_parse_load_options(&c, data, size);
	check(&c, good);
	return 0;
}
