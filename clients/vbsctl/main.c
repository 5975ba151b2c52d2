/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl: settings and state of virtualization-based security. This file finds
 * the command and takes the options that all of them have; each command has a
 * file of its own. VBSCTL_ROOT puts a prefix before all paths, for tests; it is
 * refused where somebody else's rights are lent.
 */
#include "vbsctl.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "output.h"

#define COMMON "  --json  one JSON value on standard output, also for errors\n  --help  this text\n"

static const struct command {
	const char *name;
	vbsctl_command *run;
	const char *what, *usage;
} commands[] = {
	{ "status", cmd_status, "is it configured, does it run, and why not",
	  "[--check [--level 0|1|3]] [--verbose]\n"
	  "  --check    no output; 0: running as configured, 1: not, 4: can't tell\n"
	  "  --level N  with --check: the level has to be N at least (3 fulfils 1)\n"
	  "  --verbose  every setting with its source\n" },
	{ "integrity", cmd_integrity, "the kernel's code: what is frozen, let in, refused", "\n" },
	{ "readiness", cmd_readiness, "what this machine has of what is needed",
	  "[--modules]\n  --modules  look at the kernel's own modules, too\n" },
	{ "enable", cmd_enable, "switch it, or one service, on",
	  "[memory-integrity|credential-guard] [--level 0|1|3] [--lock] [--mandatory]\n"
	  "  --level N    platform level: 0 nothing, 1 Secure Boot (default), 3 also DMA protection\n"
	  "  --lock       keep it in a UEFI variable that software alone can't clear\n"
	  "  --mandatory  the loader stops the boot if it can't be started\n" },
	{ "disable", cmd_disable, "switch it, or one service, off", "[memory-integrity|credential-guard]\n" },
	{ "opt-out", cmd_opt_out, "end a UEFI lock, with a question at the console",
	  "[--vbs] [--credential-guard] [--memory-integrity] | --list | --cancel\n"
	  "  without options: everything that is locked\n"
	  "  --list    what holds it on, and change nothing\n"
	  "  --cancel  take back an opt-out that was not answered yet\n" },
	{ "reg", cmd_reg, "settings by registry names and .reg files", "add|delete|query|import|export ...\n" },
	{ "policy", cmd_policy, "policy files (Registry.pol)", "import|show|remove ...\n" },
	{ "diagnose", cmd_diagnose, "what stops it, in order, with the cure", "\n" },
	{ "report", cmd_report, "one file for a bug report, without secrets",
	  "[-o FILE [--force]]\n"
	  "  -o FILE, --output FILE  write FILE, which only its owner may read, instead of printing\n"
	  "  --force                 replace FILE if it is there\n" },
	{ "events", cmd_events, "log the boot events to the journal",
	  "[--dry-run]\n  --dry-run  print them instead\n" },
	{ "metrics", cmd_metrics, "the state for Prometheus",
	  "[--output FILE]\n  --output FILE  replace FILE instead of printing\n" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *to, int status)
{
	fputs("usage: vbsctl [--json] COMMAND [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
	fputs("\nvbsctl COMMAND --help tells more; so does vbsctl(8).\n", to);
	return status;
}

static int help(const struct command *c)
{
	printf("usage: vbsctl %s %s" COMMON "%c%s. See vbsctl(8).\n", c->name, c->usage,
	       c->what[0] & ~0x20, c->what + 1);
	return VBSCTL_OK;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Take an option that stands alone out of the arguments, up to "--". Return: whether it was there. */
static bool take(int *argc, char **argv, const char *option)
{
	bool found = false;
	int to = 1, i;

	for (i = 1; i < *argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], option) == 0)
			found = true;
		else
			argv[to++] = argv[i];
	}
	for (; i < *argc; i++)
		argv[to++] = argv[i];
	argv[to] = NULL;
	*argc = to;
	return found;
}

/* A serial line is a terminal, too, but nothing says what stands at its other end: TERM has to. */
static bool want_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && *term &&
	       strcmp(term, "dumb") != 0 && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int set_up(struct vbsctl *v)
{
	const char *root = getenv("VBSCTL_ROOT");

	v->root = "";
	if (root && *root) {
		if (getauxval(AT_SECURE) || geteuid() != getuid() || getegid() != getgid())
			return vbsctl_error(v, VBSCTL_USAGE,
					    "VBSCTL_ROOT is set, but this program runs with more rights than its user: unset it");
		if (strlen(root) > 2048)
			return vbsctl_error(v, VBSCTL_USAGE, "VBSCTL_ROOT is too long");
		v->root = strcmp(root, "/") == 0 ? "" : root;
	}
	v->colour = want_colour();
	return VBSCTL_OK;
}

static int run(struct vbsctl *v, int argc, char **argv)
{
	const struct command *c;
	bool want_help = take(&argc, argv, "--help") || (argc == 2 && strcmp(argv[1], "-h") == 0);
	int status = set_up(v);

	if (status)
		return status;
	if (argc < 2)
		return want_help ? usage(stdout, VBSCTL_OK) : usage(stderr, VBSCTL_USAGE);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		if (v->json)
			v->out = json_pack("{s:s}", "version", OVBS_VERSION);
		else
			puts("vbsctl " OVBS_VERSION);
		return VBSCTL_OK;
	}
	c = find(argv[1]);
	if (!c && want_help)
		return usage(stdout, VBSCTL_OK);
	if (!c)
		return vbsctl_error(v, VBSCTL_USAGE, "no command \"%s\": vbsctl --help lists them",
				    argv[1]);
	if (want_help) {
		v->json = false;
		return help(c);
	}
	return c->run(v, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	struct vbsctl v = { .root = "" };

	setlocale(LC_CTYPE, "");
	if (argc < 1)
		return VBSCTL_USAGE;
	v.json = take(&argc, argv, "--json");
	return out_finish(&v, run(&v, argc, argv));
}
