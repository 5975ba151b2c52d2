/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel module: is openvbs.ko installed, loaded, and if it is not, which
 * of the three kinds of "Key was rejected by service" it would be (case L1):
 * unsigned; signed with a key that no keyring has; signed with a key that is only
 * in a keyring which does not count for modules. Nothing is loaded to find out.
 *
 * Keyrings: /proc/keys gives their numbers, keyctl() what is linked into them.
 * Below a test's root they are the file "keyrings": a ring and a key each line.
 */
#define _GNU_SOURCE
#include "diagnose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "files.h"
#include "modsig.h"

#define MODULE_MAX  (64u << 20)
#define KEYS_MAX    (4u << 20)
#define RING_KEYS   1024
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
	text = file_read_all(v, dep, KEYS_MAX * 4, &len);
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

/* --- keyrings ---------------------------------------------------------- */

static void look_into_ring(uint32_t bit, long id, struct module *m)
{
	int32_t keys[RING_KEYS];
	char text[512];
	long n = syscall(SYS_keyctl, KEYCTL_READ, id, keys, sizeof(keys));

	if (n < 0)
		return;
	m->rings_read = true;
	if (n > (long)sizeof(keys))
		n = (long)sizeof(keys);
	for (long i = 0; i < n / (long)sizeof(keys[0]); i++) {
		long len = syscall(SYS_keyctl, KEYCTL_DESCRIBE, keys[i], text, sizeof(text) - 1);
		const char *what = text;

		if (len <= 0 || len >= (long)sizeof(text))
			continue;
		text[len] = '\0';
		for (int field = 0; field < 4 && what; field++) /* "type;uid;gid;perm;description" */
			what = strchr(what, ';') ? strchr(what, ';') + 1 : NULL;
		if (what && modsig_matches(&m->sig, what))
			m->rings |= bit;
	}
}

/* proc_keys(5): "0ff1ce00 I------ 1 perm 1f0b0000 0 0 keyring .builtin_trusted_keys: 3" */
static void look_into_proc_keys(char *text, struct module *m)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int id;
		char type[32], name[64];

		if (sscanf(line, "%x %*s %*s %*s %*s %*s %*s %31s %63[^:]", &id, type, name) == 3 &&
		    strcmp(type, "keyring") == 0 && keyring_bit(name) != 0)
			look_into_ring(keyring_bit(name), (long)(int32_t)id, m);
	}
}

/* Tests: "RING<tab>DESCRIPTION" */
static void look_into_test_file(char *text, struct module *m)
{
	char *save = NULL;

	m->rings_read = true;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *key = strchr(line, '\t');

		if (!key)
			continue;
		*key = '\0';
		if (modsig_matches(&m->sig, key + 1))
			m->rings |= keyring_bit(line);
	}
}

static void find_key(struct vbsctl *v, struct module *m)
{
	size_t len;
	char *text = file_read_all(v, *v->root ? "/keyrings" : "/proc/keys", KEYS_MAX, &len);

	if (!text)
		return;
	if (*v->root)
		look_into_test_file(text, m);
	else
		look_into_proc_keys(text, m);
	free(text);
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

/*
 * Upstream trusts the built-in and secondary keyrings for modules, and .machine
 * is linked into the latter. Debian and Ubuntu patch their kernels to trust .platform as well.
 */
static uint32_t rings_that_count(struct vbsctl *v)
{
	uint32_t rings = KEYRING_BUILTIN | KEYRING_SECONDARY | KEYRING_MACHINE;
	char version[256];

	if (file_line(v, "/proc/version", version, sizeof(version)) > 0 &&
	    (strcasestr(version, "debian") || strcasestr(version, "ubuntu")))
		rings |= KEYRING_PLATFORM;
	return rings;
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
	else if (by && (m->rings & rings_that_count(v)) == 0)
		diagnose_add(d, "module", title, bad,
			     "let the kernel trust MOK: enrol it there (mokutil --import) and run mokutil --trust-mok; or sign with a key that counts",
			     "not loaded: \"Key was rejected by service\": signed by %s; that key is only in .platform (db, or MOK without .machine), which does not count for modules",
			     who);
	else
		diagnose_add(d, "module", title, bad, "modprobe openvbs; if it is refused, dmesg says why",
			     "installed but not loaded; signed by %s%s", who,
			     m->rings != 0 ? ", which the kernel trusts" : "");
}

static bool is_compressed(const char *path)
{
	size_t n = strlen(path);

	return n < 3 || strcmp(path + n - 3, ".ko") != 0;
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
	if (is_compressed(m->path)) {
		diagnose_add(d, "module", title, bad, "modprobe openvbs; modinfo openvbs shows its signature",
			     "not loaded; %.200s is compressed, its signature was not looked at", m->path);
		return;
	}
	data = file_read_all(v, m->path, MODULE_MAX, &len);
	if (!data) {
		diagnose_add(d, "module", title, bad, "depmod -a; or install it again",
			     "not loaded; %.200s: %s", m->path, strerror(errno));
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
