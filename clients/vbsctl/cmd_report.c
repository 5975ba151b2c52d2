/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl report: one file to attach to a bug report (report.h). A file that is
 * there is not overwritten but with --force, and then replaced as a whole; it is
 * readable by its owner alone, who decides who gets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "report.h"

struct request {
	const char *file; /* NULL: standard output */
	bool force;
};

static bool parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*r = (struct request){ 0 };
	optind = 0; /* each command parses anew */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:f", options, NULL)) != -1) {
		if (c == 'o' && *optarg)
			r->file = optarg;
		else if (c == 'f')
			r->force = true;
		else
			return false;
	}
	return optind == argc && (r->file || !r->force);
}

static bool write_to(int fd, const json_t *report, bool json)
{
	FILE *to = fdopen(fd, "w");
	bool good;

	if (!to) {
		close(fd);
		return false;
	}
	if (json)
		json_dumpf(report, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	else
		report_print(to, report);
	if (json)
		fputc('\n', to);
	good = fflush(to) == 0 && !ferror(to) && fsync(fd) == 0;
	return fclose(to) == 0 && good;
}

/* Beside the file first: what is there stays whole if this fails. @temporary: 4096 bytes. */
static int open_temporary(const char *file, char *temporary)
{
	if (snprintf(temporary, 4096, "%s.XXXXXX", file) >= 4096) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return mkstemp(temporary); /* mode 0600 */
}

/* link() refuses if the name is taken, also by a link that leads nowhere; rename() replaces it. */
static int put_in_place(const char *temporary, const char *file, bool force)
{
	int error;

	if (force)
		return rename(temporary, file) == 0 ? 0 : errno;
	if (link(temporary, file) == 0) {
		unlink(temporary);
		return 0;
	}
	error = errno;
	/* FAT has no links */
	if ((error == EPERM || error == EOPNOTSUPP) && access(file, F_OK) != 0 && errno == ENOENT)
		return rename(temporary, file) == 0 ? 0 : errno;
	return error;
}

static int write_file(struct vbsctl *v, const struct request *request, const json_t *report)
{
	char temporary[4096];
	struct stat st;
	int fd, error;

	if (!request->force && lstat(request->file, &st) == 0)
		return vbsctl_error(v, VBSCTL_NO,
				    "report: %s is there already: choose another name, or --force",
				    request->file);
	fd = open_temporary(request->file, temporary);
	if (fd < 0)
		return vbsctl_error(v, VBSCTL_SYSTEM, "report: %s can't be created: %s",
				    request->file, strerror(errno));
	if (!write_to(fd, report, v->json)) {
		error = errno;
		unlink(temporary);
		return vbsctl_error(v, VBSCTL_SYSTEM, "report: %s can't be written: %s",
				    request->file, strerror(error));
	}
	error = put_in_place(temporary, request->file, request->force);
	if (error) {
		unlink(temporary);
		return vbsctl_error(v, error == EEXIST ? VBSCTL_NO : VBSCTL_SYSTEM,
				    "report: %s can't be created: %s", request->file, strerror(error));
	}
	out_text(v, "%s written (secrets are masked, but read it before you pass it on)", request->file);
	return VBSCTL_OK;
}

int cmd_report(struct vbsctl *v, int argc, char **argv)
{
	struct request request;
	int status = VBSCTL_OK;
	json_t *report;
	struct live *l;

	if (!parse(argc, argv, &request))
		return vbsctl_error(v, VBSCTL_USAGE, "report: arguments: [-o FILE [--force]]");
	l = live_load(v);
	report = report_collect(v, l);
	free(l);
	if (request.file) {
		status = write_file(v, &request, report);
		if (v->json && status == VBSCTL_OK)
			v->out = json_pack("{s:s}", "File", request.file);
	} else if (v->json) {
		v->out = json_incref(report);
	} else {
		report_print(stdout, report);
	}
	json_decref(report);
	return status;
}
