/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules on disk: see modules.h.
 */
#include "modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../trustlets/integrity/cms.h"
#include "../../trustlets/integrity/modsig.h"

#include "files.h"
#include "keyrings.h"
#include "module_file.h"
#include "modsig.h"
#include "owners.h"

#define DEP_MAX  (16u << 20)
#define PATH_LEN 512
#define WHY_LEN  256

struct check {
	struct vbsctl *v;
	char release[128];
	struct keyrings *keys;
	uint32_t rings; /* that count */
	unsigned int count;
	json_t *refused, *unread;
};

/* Return: CI_OK, or why the trustlet would not even ask whose signature it is. */
static enum ci_reason read_strictly(const void *data, size_t len)
{
	struct ci_slice body, signature;
	struct ci_cms cms;
	enum ci_reason reason = ci_modsig_split((struct ci_slice){ data, len }, &body, &signature);

	return reason == CI_OK ? ci_cms_parse(signature, &cms) : reason;
}

static void name_signer(const struct modsig *sig, char *text, size_t size)
{
	if (sig->key_id[0] != '\0')
		snprintf(text, size, "key %.60s", sig->key_id);
	else
		snprintf(text, size, "\"%.60s\", certificate number %.40s", sig->issuer, sig->serial);
}

/* Return: false if nothing speaks against it; else @why is written. */
static bool is_refused(const struct check *c, const void *data, size_t len, char why[WHY_LEN])
{
	enum ci_reason reason = read_strictly(data, len);
	char unreadable[MODSIG_WHY_MAX], who[128];
	struct modsig sig;
	uint32_t rings;

	if (reason != CI_OK) {
		snprintf(why, WHY_LEN, "%s", ci_reason_text(reason));
		return true;
	}
	modsig_decode(data, len, &sig, unreadable);
	if (sig.kind != MODSIG_SIGNED || !c->keys)
		return false;
	name_signer(&sig, who, sizeof(who));
	rings = keyrings_of(c->keys, &sig);
	if (rings == 0)
		snprintf(why, WHY_LEN, "signed by %s: that key is in no keyring of the kernel", who);
	else if ((rings & c->rings) == 0)
		snprintf(why, WHY_LEN,
			 "signed by %s: that key is only in .platform, which does not count for modules",
			 who);
	return (rings & c->rings) == 0;
}

static void add(json_t *list, const char *path, const char *why)
{
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:s}", "Path", path, "Reason", why, "Package", ""));
}

static void check_one(struct check *c, const char *path)
{
	char why[WHY_LEN], unread[MODULE_FILE_WHY];
	size_t len;
	void *data = module_file_end(c->v, path, &len, unread);

	c->count++;
	if (!data)
		add(c->unread, path, unread);
	else if (is_refused(c, data, len, why))
		add(c->refused, path, why);
	free(data);
}

/* "kernel/fs/xfs/xfs.ko.xz: ..."; "/": a path of its own. */
static void check_line(struct check *c, const char *line, bool all)
{
	int n = (int)strcspn(line, ":");
	char path[PATH_LEN];

	if (line[n] != ':' || (!all && strncmp(line, "kernel/", 7) == 0))
		return;
	if (*line == '/')
		snprintf(path, sizeof(path), "%.*s", n, line);
	else
		snprintf(path, sizeof(path), "/lib/modules/%s/%.*s", c->release, n, line);
	check_one(c, path);
}

/* Return: "" or why there is no list. */
static const char *check_all(struct check *c, bool all)
{
	char dep[256], *text, *save = NULL;
	size_t len;

	if (file_line(c->v, "/proc/sys/kernel/osrelease", c->release, sizeof(c->release)) <= 0)
		return "/proc/sys/kernel/osrelease can't be read: it is not known where modules are";
	snprintf(dep, sizeof(dep), "/lib/modules/%s/modules.dep", c->release);
	text = file_read_all(c->v, dep, DEP_MAX, &len);
	if (!text)
		return errno == ENOENT ? "there is no modules.dep for this kernel: run depmod -a" :
					 "modules.dep of this kernel can't be read";
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		check_line(c, line, all);
	free(text);
	return "";
}

json_t *modules_check(struct vbsctl *v, bool all)
{
	struct check c = {
		.v = v,
		.keys = keyrings_load(v),
		.rings = keyrings_that_count(v),
		.refused = json_array(),
		.unread = json_array(),
	};
	const char *problem = check_all(&c, all);
	bool keys = c.keys != NULL;

	keyrings_free(c.keys);
	owners_name(v, c.release, c.refused);
	owners_name(v, c.release, c.unread);
	return json_pack("{s:s, s:b, s:i, s:b, s:o, s:o, s:s}", "Release", c.release, "All", all,
			 "Count", (int)c.count, "KeysRead", keys, "Refused", c.refused, "NotRead",
			 c.unread, "Problem", problem);
}
