/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl metrics: the state in Prometheus' text format, for the textfile
 * collector of node_exporter. A file is replaced as a whole, so that the
 * collector never reads half of one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live.h"
#include "output.h"

/* A label's value: \, " and line end are escaped (Prometheus text format 0.0.4). */
static void label(FILE *f, const char *name, const char *value, const char *after)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', f);
		fputc(*value == '\n' ? ' ' : *value, f);
	}
	fprintf(f, "\"%s", after);
}

static void head(FILE *f, const char *name, const char *what)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", name, what, name);
}

static void single(FILE *f, const char *name, const char *what, unsigned int value)
{
	head(f, name, what);
	fprintf(f, "%s %u\n", name, value);
}

static void write_services(FILE *f, const struct state *s)
{
	head(f, "openvbs_service_configured", "1 if the service is configured");
	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		fputs("openvbs_service_configured{", f);
		label(f, "service", s->service[i].name, "} ");
		fprintf(f, "%d\n", s->service[i].configured);
	}
	head(f, "openvbs_service_running", "1 if VTL1 says that the service runs");
	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		fputs("openvbs_service_running{", f);
		label(f, "service", s->service[i].name, "} ");
		fprintf(f, "%d\n", s->service[i].running);
	}
}

static void write_settings(FILE *f, const struct state *s)
{
	const struct settings *settings = s->next_known ? &s->next : &s->now;

	if (!s->next_known && !s->now_known)
		return;
	head(f, "openvbs_setting", "value of a setting for the next boot, and who gave it");
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		fputs("openvbs_setting{", f);
		label(f, "name", state_setting_name((enum ovbs_setting)id), ",");
		label(f, "source", source_name(settings->v[id].source), "} ");
		fprintf(f, "%u\n", settings->v[id].value);
	}
}

static void write_all(FILE *f, const struct state *s)
{
	single(f, "openvbs_vbs_status",
	       "VirtualizationBasedSecurityStatus: 0 not enabled, 1 not running, 2 running", s->status);
	single(f, "openvbs_vbs_configured", "1 if virtualization-based security is configured",
	       s->configured);
	single(f, "openvbs_vbs_running", "1 if VTL1 answered", s->running);
	single(f, "openvbs_pending_reboot", "1 if the next boot changes something", s->pending_reboot);
	write_services(f, s);
	head(f, "openvbs_info", "why it does not run, and who configured it");
	fputs("openvbs_info{", f);
	label(f, "reason", reason_name(s->reason), ",");
	label(f, "check", s->check, ",");
	label(f, "source", s->known ? source_name(s->source) : "unknown", "} 1\n");
	write_settings(f, s);
}

/* Return: 0 or -errno. */
static int replace(const char *path, const char *text, size_t len)
{
	char *temporary;
	int fd, error = 0;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkstemp(temporary);
	if (fd < 0) {
		error = -errno;
		free(temporary);
		return error;
	}
	/* No fsync(): after a crash the next run makes it anew. */
	errno = EIO;
	if (write(fd, text, len) != (ssize_t)len || fchmod(fd, 0644) != 0)
		error = -errno;
	if (close(fd) != 0 && !error)
		error = -errno;
	if (!error && rename(temporary, path) != 0)
		error = -errno;
	if (error)
		unlink(temporary);
	free(temporary);
	return error;
}

static int make(struct vbsctl *v, const char *path)
{
	struct live *l = live_load(v);
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int error = 0;

	if (f)
		write_all(f, &l->state);
	free(l);
	if (!f || fclose(f) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM, "metrics: out of memory");
	if (path)
		error = replace(path, text, len);
	else if (v->json)
		v->out = json_pack("{s:s}", "Metrics", text);
	else
		fputs(text, stdout);
	free(text);
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM, "metrics: %s was not replaced: %s", path,
				    strerror(-error));
	return VBSCTL_OK;
}

int cmd_metrics(struct vbsctl *v, int argc, char **argv)
{
	if (argc == 1)
		return make(v, NULL);
	if (argc == 3 && strcmp(argv[1], "--output") == 0)
		return make(v, argv[2]);
	if (argc == 2 && strncmp(argv[1], "--output=", 9) == 0 && argv[1][9])
		return make(v, argv[1] + 9);
	return vbsctl_error(v, VBSCTL_USAGE, "metrics: arguments: [--output FILE]");
}
