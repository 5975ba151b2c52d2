/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owners of files: see owners.h. All lists are read once for all files that are
 * asked for.
 */
#include "owners.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

#define LISTS    "/var/lib/dpkg/info"
#define LIST_MAX (64u << 20)
#define PATH_LEN 512

/* A file whose owner is wanted. */
struct wanted {
	char path[PATH_LEN]; /* as dpkg may list it, without /usr before /lib */
	char dkms[128];      /* "zfs/2.1.11", or "" */
	json_t *entry;
};

/* Packages from before and after the merge of /lib into /usr/lib. */
static const char *plain(const char *path)
{
	return strncmp(path, "/usr/lib/", 9) == 0 ? path + 4 : path;
}

/* /var/lib/dkms/NAME/VERSION/RELEASE/ARCH/module/FILE: its sources are what a package has. */
static void find_dkms(struct vbsctl *v, const char *release, struct wanted *w)
{
	const char *file = strrchr(w->path, '/') + 1;
	char pattern[PATH_LEN], full[4096], name[64], version[64];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "/var/lib/dkms/*/*/%s/*/module/%s", release, file);
	if (glob(vbsctl_path(v, full, pattern), 0, NULL, &found) != 0)
		return;
	if (sscanf(found.gl_pathv[0] + strlen(v->root), "/var/lib/dkms/%63[^/]/%63[^/]/", name,
		   version) == 2) {
		snprintf(w->dkms, sizeof(w->dkms), "%s/%s", name, version);
		snprintf(w->path, sizeof(w->path), "/usr/src/%s-%s/dkms.conf", name, version);
	}
	globfree(&found);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->path, ((const struct wanted *)b)->path);
}

static void set_owner(const struct wanted *w, const char *package)
{
	if (w->dkms[0])
		json_object_set_new(w->entry, "Package",
				    *package ? json_sprintf("DKMS %s (%s)", w->dkms, package) :
					       json_sprintf("DKMS %s", w->dkms));
	else
		json_object_set_new(w->entry, "Package", json_string(package));
}

/* Each line of a list is a path. @name: "linux-image-amd64.list", "libc6:amd64.list" */
static void look_into(struct vbsctl *v, const char *path, struct wanted *all, size_t count)
{
	size_t len;
	char *text = file_read_all(v, path, LIST_MAX, &len), *save = NULL, package[128];
	struct wanted key, *found;

	snprintf(package, sizeof(package), "%.*s", (int)strcspn(path + strlen(LISTS) + 1, ":"),
		 path + strlen(LISTS) + 1);
	if (strlen(package) > 5 && strcmp(package + strlen(package) - 5, ".list") == 0)
		package[strlen(package) - 5] = '\0';
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		snprintf(key.path, sizeof(key.path), "%s", plain(line));
		found = bsearch(&key, all, count, sizeof(*all), by_path);
		/* of several that are the same, any may be found */
		while (found && found > all && by_path(found - 1, &key) == 0)
			found--;
		for (; found && found < all + count && by_path(found, &key) == 0; found++)
			set_owner(found, package);
	}
	free(text);
}

void owners_name(struct vbsctl *v, const char *release, json_t *files)
{
	size_t count = json_array_size(files), i;
	struct wanted *all = calloc(count ? count : 1, sizeof(*all));
	char full[4096];
	json_t *entry;
	glob_t lists;

	json_array_foreach(files, i, entry)
	{
		if (!all)
			return;
		all[i].entry = entry;
		snprintf(all[i].path, PATH_LEN, "%s",
			 plain(json_string_value(json_object_get(entry, "Path"))));
		find_dkms(v, release, &all[i]);
		set_owner(&all[i], "");
	}
	if (count && glob(vbsctl_path(v, full, LISTS "/*.list"), 0, NULL, &lists) == 0) {
		qsort(all, count, sizeof(*all), by_path);
		for (i = 0; i < lists.gl_pathc; i++)
			look_into(v, lists.gl_pathv[i] + strlen(v->root), all, count);
		globfree(&lists);
	}
	free(all);
}
