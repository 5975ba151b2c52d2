/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel module: is openvbs.ko installed, loaded, and if it is not, which
 * of the three kinds of "Key was rejected by service" it would be (case L1):
 * unsigned; signed with a key that no keyring has; signed with a key that is only
 * in a keyring which does not count for modules. Nothing is loaded to find out.
 */
#define _GNU_SOURCE
#include "diagnose.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "keyrings.h"
#include "modsig.h"
#include "module_file.h"

#define DEP_MAX     (16u << 20)
#define LOADED      "/sys/module/openvbs"
#define LOCKDOWN    "/sys/kernel/security/lockdown"
#define SIG_ENFORCE "/sys/module/module/parameters/sig_enforce"

static const char title[] = "Kernel module openvbs";

/* What is known of the module that is not loaded. */
struct module {
	char release[128], path[512]; /* below the root */
	bool listed;                  /* in modules.dep */
	struct modsig sig;
	char why[MODSIG_WHY_MAX];
	bool rings_read;
	uint32_t rings; /* KEYRING_* that have the signer's key */
};

/* --- where it is ------------------------------------------------------- */

/* "updates/dkms/openvbs.ko.xz: ..." */
static bool line_names_module(const char *line, const char *end)
{
	const char *colon = memchr(line, ':', (size_t)(end - line)), *name = colon;

	if (!colon)
		return false;
	while (name > line && name[-1] != '/')
		name--;
	return strncmp(name, "openvbs.ko", 10) == 0 && (name[10] == ':' || name[10] == '.');
}

static bool find_listed(struct vbsctl *v, struct module *m)
{
	char dep[256];
	size_t len;
	char *text, *line;

	snprintf(dep, sizeof(dep), "/lib/modules/%s/modules.dep", m->release);
	text = file_read_all(v, dep, DEP_MAX, &len);
	for (line = text; line && *line && !m->listed;) {
		char *end = strchrnul(line, '\n');

		if (line_names_module(line, end)) {
			m->listed = true;
			snprintf(m->path, sizeof(m->path), "%s%s%s%.*s",
				 *line == '/' ? "" : "/lib/modules/", *line == '/' ? "" : m->release,
				 *line == '/' ? "" : "/", (int)strcspn(line, ":"), line);
		}
		line = *end ? end + 1 : end;
	}
	free(text);
	return m->listed;
}

/* Where packages and `make install-module` put it, if depmod has not seen it. */
static bool find_unlisted(struct vbsctl *v, struct module *m)
{
	static const char *const folders[] = { "updates/dkms", "updates", "extra" };
	static const char *const ends[] = { "", ".xz", ".zst", ".gz" };

	for (unsigned int f = 0; f < 3; f++)
		for (unsigned int e = 0; e < 4; e++) {
			snprintf(m->path, sizeof(m->path), "/lib/modules/%s/%s/openvbs.ko%s",
				 m->release, folders[f], ends[e]);
			if (file_exists(v, m->path))
				return true;
		}
	m->path[0] = '\0';
	return false;
}

/* --- judgement --------------------------------------------------------- */

/* Why the kernel insists on a signature. Return: NULL if it does not. */
static const char *enforced(struct vbsctl *v)
{
	char line[128];

	if (file_line(v, LOCKDOWN, line, sizeof(line)) > 0 && strchr(line, '[') && !strstr(line, "[none]"))
		return "lockdown";
	if (file_line(v, SIG_ENFORCE, line, sizeof(line)) > 0 && line[0] == 'Y')
		return "module.sig_enforce";
	return NULL;
}

static void signer(const struct modsig *sig, char *text, size_t size)
{
	if (sig->key_id[0] != '\0')
		snprintf(text, size, "key %.60s", sig->key_id);
	else
		snprintf(text, size, "\"%.60s\", certificate number %.40s", sig->issuer, sig->serial);
}

static void judge_signed(struct vbsctl *v, const struct module *m, enum finding_result bad,
			 const char *by, struct diagnosis *d)
{
	char who[128];

	signer(&m->sig, who, sizeof(who));
	if (by && !m->rings_read)
		diagnose_add(d, "module", title, bad,
			     "run as root to see the kernel's keyrings; or try: modprobe openvbs",
			     "not loaded; signed by %s; the kernel's keyrings can't be read", who);
	else if (by && m->rings == 0)
		diagnose_add(d, "module", title, bad,
			     "enrol the signer's certificate: mokutil --import FILE.der (DKMS: /var/lib/dkms/mok.pub), reboot, and confirm at the blue screen",
			     "not loaded: \"Key was rejected by service\": signed by %s, but that key is in no keyring of the kernel: its MOK is not enrolled",
			     who);
	else if (by && (m->rings & keyrings_that_count(v)) == 0)
		diagnose_add(d, "module", title, bad,
			     "let the kernel trust MOK: enrol it there (mokutil --import) and run mokutil --trust-mok; or sign with a key that counts",
			     "not loaded: \"Key was rejected by service\": signed by %s; that key is only in .platform (db, or MOK without .machine), which does not count for modules",
			     who);
	else
		diagnose_add(d, "module", title, bad, "modprobe openvbs; if it is refused, dmesg says why",
			     "installed but not loaded; signed by %s%s", who,
			     m->rings != 0 ? ", which the kernel trusts" : "");
}

static void find_key(struct vbsctl *v, struct module *m)
{
	struct keyrings *k = keyrings_load(v);

	m->rings_read = k != NULL;
	if (k)
		m->rings = keyrings_of(k, &m->sig);
	keyrings_free(k);
}

static void judge_file(struct vbsctl *v, struct module *m, enum finding_result bad, struct diagnosis *d)
{
	const char *by = enforced(v);
	size_t len;
	void *data;

	if (!m->listed) {
		diagnose_add(d, "module", title, bad, "depmod -a, then modprobe openvbs",
			     "%.200s is there, but modules.dep does not list it", m->path);
		return;
	}
	data = module_file_end(v, m->path, &len, m->why);
	if (!data) {
		diagnose_add(d, "module", title, bad,
			     "modprobe openvbs; or install it again, and run depmod -a",
			     "not loaded; %.200s: %s", m->path, m->why);
		return;
	}
	modsig_decode(data, len, &m->sig, m->why);
	free(data);
	if (m->sig.kind == MODSIG_SIGNED) {
		find_key(v, m);
		judge_signed(v, m, bad, by, d);
	} else if (m->sig.kind == MODSIG_UNREADABLE) {
		diagnose_add(d, "module", title, bad, "install the module again",
			     "not loaded; %.160s: %s", m->path, m->why);
	} else if (by) {
		diagnose_add(d, "module", title, bad,
			     "sign it: DKMS does, once /var/lib/dkms/mok.pub is enrolled (mokutil --import), with dkms install --force",
			     "not loaded: \"Key was rejected by service\": %.120s is not signed, and %s asks for a signature",
			     m->path, by);
	} else {
		diagnose_add(d, "module", title, bad, "modprobe openvbs; if it is refused, dmesg says why",
			     "installed (not signed) but not loaded");
	}
}

void diagnose_module(struct vbsctl *v, const struct live *l, struct diagnosis *d)
{
	/* Without the hypervisor the module has nothing to do: its lack stops nothing yet. */
	bool needed = l->facts.loader == STATE_LOADER_RAN && l->facts.status->state == OVBS_STATE_RUNNING;
	enum finding_result bad = needed ? FINDING_BAD : FINDING_WARN;
	struct module m = { 0 };

	if (file_exists(v, LOADED)) {
		diagnose_add(d, "module", title, FINDING_GOOD, "", LOADED " is there");
		return;
	}
	if (file_line(v, "/proc/sys/kernel/osrelease", m.release, sizeof(m.release)) <= 0) {
		diagnose_add(d, "module", title, FINDING_SKIPPED, "",
			     "/proc/sys/kernel/osrelease can't be read: it is not known where modules are");
		return;
	}
	if (find_listed(v, &m) || find_unlisted(v, &m))
		judge_file(v, &m, bad, d);
	else
		diagnose_add(d, "module", title, bad,
			     "install the module for this kernel (package openvbs-dkms and the kernel's headers, or make install-module)",
			     "there is no openvbs.ko below /lib/modules/%s: not installed", m.release);
}
