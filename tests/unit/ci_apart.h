/* SPDX-License-Identifier: GPL-2.0-only */
/* Each test in a process of its own. Include it after cmocka.h. */
#ifndef OPENVBS_CI_APART_H
#define OPENVBS_CI_APART_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The trustlet keeps its state as long as the process lives, so each test has a
 * process of its own: the program calls itself with the test's name.
 */
static inline int run_apart(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
	int failed = 0;

	if (argc > 1) {
		for (size_t i = 0; i < count; i++)
			if (strcmp(argv[1], tests[i].name) == 0)
				return _cmocka_run_group_tests(argv[1], &tests[i], 1, NULL, NULL);
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		char command[1024];

		snprintf(command, sizeof(command), "'%s' %s 2>&1", argv[0], tests[i].name);
		if (system(command) != 0) {
			fprintf(stderr, "%s failed\n", tests[i].name);
			failed++;
		}
	}
	return failed;
}

#endif
