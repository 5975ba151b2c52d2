// SPDX-License-Identifier: MIT
/*
 * ovbs-ps: what runs in VTL1, as ps shows processes: the secure kernel, "Secure
 * System", and the trustlets. Names and numbers come from VTL1; they are shown,
 * never interpreted. The JSON's keys are an interface, the table is for people.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openvbs.h>
#include <openvbs/trustlet_abi.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_VTL1 = 3 };

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char *state_name(uint32_t state)
{
	switch (state) {
	case OVBS_TRUSTLET_STOPPED:
		return "stopped";
	case OVBS_TRUSTLET_READY:
		return "ready";
	case OVBS_TRUSTLET_BUSY:
		return "busy";
	default:
		return "unknown";
	}
}

/* Printable ASCII only: a name must not steer the terminal, nor end a JSON string. */
static void print_name(const char *name)
{
	for (; *name; name++)
		putchar(*name >= ' ' && *name <= '~' && *name != '"' && *name != '\\' ? *name : '?');
}

static void print_row(const struct ovbs_trustlet_info *t)
{
	char uuid[OPENVBS_UUID_TEXT];

	openvbs_uuid_format(t->uuid, uuid);
	printf("%s %4" PRIu32 " %-7s %4" PRIu32 " %8" PRIu64 " %8" PRIu64 " %5" PRIu64 ".%03" PRIu64
	       " %9" PRIu64 " %5" PRIu64 " ",
	       uuid, t->security_version, state_name(t->state), t->sessions, t->memory / 1024,
	       t->limit / 1024, t->time_ns / 1000000000, t->time_ns / 1000000 % 1000, t->calls,
	       t->crashes);
	print_name(t->name);
	putchar('\n');
}

static void print_json(const struct ovbs_trustlet_info *t)
{
	char uuid[OPENVBS_UUID_TEXT];

	openvbs_uuid_format(t->uuid, uuid);
	printf("    {\"name\": \"");
	print_name(t->name);
	printf("\", \"uuid\": \"%s\", \"security_version\": %" PRIu32 ", \"state\": \"%s\", "
	       "\"debug\": %s, \"sessions\": %" PRIu32 ", \"memory\": %" PRIu64 ", \"limit\": %" PRIu64
	       ", \"time_ns\": %" PRIu64 ", \"calls\": %" PRIu64 ", \"crashes\": %" PRIu64 "}",
	       uuid, t->security_version, state_name(t->state),
	       t->flags & OVBS_POLICY_DEBUG ? "true" : "false", t->sessions, t->memory, t->limit,
	       t->time_ns, t->calls, t->crashes);
}

static int show_all(struct openvbs *vbs, bool json)
{
	struct ovbs_trustlet_info t;
	uint32_t i;
	int ret;

	if (!json)
		printf("%-36s %4s %-7s %4s %8s %8s %9s %9s %5s NAME\n", "UUID", "VER", "STATE",
		       "SESS", "KIB", "LIMIT", "TIME", "CALLS", "CRASH");
	for (i = 0; !(ret = openvbs_trustlet(vbs, i, &t)); i++) {
		if (json) {
			printf("%s", i ? ",\n" : "");
			print_json(&t);
		} else {
			print_row(&t);
		}
	}
	return ret == -ENOENT ? 0 : ret;
}

static int show(struct openvbs *vbs, bool json)
{
	struct openvbs_version v;
	int ret = openvbs_version(vbs, &v);

	if (ret)
		return ret;
	if (json)
		printf("{\n  \"version\": \"%u.%u.%u\", \"abi\": %" PRIu32
		       ", \"security_version\": %" PRIu32 ",\n  \"trustlets\": [\n",
		       v.build >> 16, v.build >> 8 & 0xFF, v.build & 0xFF, v.abi, v.security_version);
	ret = show_all(vbs, json);
	if (json)
		printf("\n  ]\n}\n");
	return ret;
}

static int usage(FILE *to, int status)
{
	fputs("usage: ovbs-ps [--json]\n"
	      "Shows what runs in VTL1: the secure kernel and the trustlets. See ovbs-ps(1).\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	struct openvbs *vbs;
	bool json = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "jhV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'h':
			return usage(stdout, EXIT_OK);
		case 'V':
			puts("ovbs-ps " OVBS_VERSION);
			return EXIT_OK;
		default:
			return usage(stderr, EXIT_USAGE);
		}
	}
	if (optind != argc)
		return usage(stderr, EXIT_USAGE);
	ret = openvbs_connect(&vbs);
	if (!ret) {
		ret = show(vbs, json);
		openvbs_disconnect(vbs);
	}
	if (ret) {
		fprintf(stderr, "ovbs-ps: %s\n", openvbs_strerror(ret));
		return ret == -ENODEV ? EXIT_NO_VTL1 : EXIT_FAILED;
	}
	if (fflush(stdout) || ferror(stdout)) {
		perror("ovbs-ps");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
