// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys that this kernel takes modules from, told to VTL1 before lockdown:
 * from its own keyrings, which are not exported and are found by name. Of a
 * key's certificate Linux keeps the key and its identifiers, and that is what a
 * signature is judged by. Built-in keys go first, that none from elsewhere takes
 * their place.
 *
 * Blacklisted files ("bin:") are not told: Linux compares them with the hash of
 * a PE image, or of a module with its signature behind it; VTL1 has neither.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/assoc_array.h>
#include <linux/kernel.h>
#include <linux/key.h>
#include <linux/printk.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <crypto/public_key.h>
#include <keys/asymmetric-subtype.h>
#include <keys/asymmetric-type.h>

#include "integrity.h"
#include "integrity_trustlet.h"

#define SUBTYPE_BIT 2ul /* KEYRING_PTR_SUBTYPE: of a link to a keyring */
#define HASH_BYTES  32u

static const struct ring {
	const char *name;
	enum ovbs_ci_origin origin;
} rings[] = {
	{ "builtin_trusted_keys", OVBS_CI_BUILTIN },
	{ "secondary_trusted_keys", OVBS_CI_BUILTIN },
	{ "machine_trusted_keys", OVBS_CI_MOK },
	{ "platform_trusted_keys", OVBS_CI_DB },
};

/* One walk of a keyring. */
struct told {
	enum ovbs_ci_origin origin;
	unsigned int *keys;
};

/* A message's buffer, filled from its start. */
struct parts {
	u8 *at, *end;
};

static u16 put(struct parts *p, const void *bytes, size_t n)
{
	if (!bytes || n > (size_t)(p->end - p->at))
		return 0;
	memcpy(p->at, bytes, n);
	p->at += n;
	return n;
}

static u16 put_id(struct parts *p, const struct asymmetric_key_ids *ids, unsigned int which)
{
	const struct asymmetric_key_id *id = ids ? ids->id[which] : NULL;

	return id ? put(p, id->data, id->len) : 0;
}

static u32 algorithm_of(const struct public_key *key)
{
	if (key->key_is_private || !key->pkey_algo)
		return 0;
	if (!strcmp(key->pkey_algo, "rsa"))
		return OVBS_CI_RSA;
	if (!strcmp(key->pkey_algo, "ecdsa-nist-p256"))
		return OVBS_CI_P256;
	return strcmp(key->pkey_algo, "ecdsa-nist-p384") ? 0 : OVBS_CI_P384;
}

/* 0: told; or it is a key that VTL1 can do nothing with, and the log says so. -ENOMEM. */
static int tell_key(const struct key *key, const struct told *told)
{
	const struct public_key *public = asymmetric_key_public_key(key);
	const struct asymmetric_key_ids *ids = asymmetric_key_ids(key);
	struct ovbs_ci_key *k = kzalloc(OVBS_DATA_SIZE, GFP_KERNEL);
	struct parts p = { (u8 *)(k + 1), (u8 *)k + OVBS_DATA_SIZE - 2 * sizeof(*k) };
	int err = -EOPNOTSUPP;

	if (!k)
		return -ENOMEM;
	k->algorithm = algorithm_of(public);
	k->key_bytes = put(&p, public->key, public->keylen);
	k->id_bytes = put_id(&p, ids, 0);
	k->key_id_bytes = put_id(&p, ids, 1);
	k->name_bytes = put(&p, key->description, min_t(size_t, strlen(key->description), 128));
	if (k->algorithm && k->key_bytes)
		err = integrity_tell_both(OVBS_CI_KEY, told->origin, k, p.at - (u8 *)k);
	if (err)
		pr_notice("integrity: key %s is not taken: %d\n", key->description, err);
	else
		++*told->keys;
	kfree(k);
	return 0;
}

static bool counts(const struct key *key)
{
	return !(key->flags & (1ul << KEY_FLAG_REVOKED | 1ul << KEY_FLAG_INVALIDATED | 1ul << KEY_FLAG_DEAD)) &&
	       key->state == KEY_IS_POSITIVE;
}

static int see_key(const void *link, void *data)
{
	const struct key *key = (const void *)((unsigned long)link & ~SUBTYPE_BIT);
	const struct asymmetric_key_subtype *subtype;

	if (((unsigned long)link & SUBTYPE_BIT) || strcmp(key->type->name, "asymmetric") || !counts(key))
		return 0; /* a keyring within this one is walked by its own name */
	subtype = asymmetric_key_subtype(key);
	if (!subtype || strcmp(subtype->name, "public_key"))
		return 0;
	return tell_key(key, data);
}

static int revoke_tbs(const void *link, void *data)
{
	const struct key *key = (const void *)((unsigned long)link & ~SUBTYPE_BIT);
	u8 hash[HASH_BYTES];
	int err;

	if (strncmp(key->description, "tbs:", 4) || strlen(key->description) != 4 + 2 * sizeof(hash) ||
	    hex2bin(hash, key->description + 4, sizeof(hash)))
		return 0; /* another kind, or by a hash that no key here is known by */
	err = integrity_tell_both(OVBS_CI_REVOKE, OVBS_CI_REVOKED_TBS, hash, sizeof(hash));
	if (err)
		pr_err("integrity: revocation %s is not taken: %d\n", key->description, err);
	++*(unsigned int *)data;
	return err;
}

/* 0 also if there is no such keyring. Nobody changes it meanwhile: its lock is held. */
static int walk(const char *name, int (*see)(const void *link, void *data), void *data)
{
	int (*iterate)(const struct assoc_array *array, int (*see)(const void *, void *), void *data) =
		(void *)integrity_lookup("assoc_array_iterate");
	struct key **ring = (void *)integrity_lookup(name);
	int err;

	if (!iterate) {
		pr_err("integrity: this kernel has no assoc_array_iterate\n");
		return -ENOENT;
	}
	if (!ring || !*ring)
		return 0;
	down_read(&(*ring)->sem);
	err = iterate(&(*ring)->keys, see, data);
	up_read(&(*ring)->sem);
	return err;
}

int integrity_keys_tell(unsigned int *keys, unsigned int *revoked)
{
	unsigned int i;
	int err = 0;

	*keys = *revoked = 0;
	for (i = 0; i < ARRAY_SIZE(rings) && !err; i++) {
		struct told told = { rings[i].origin, keys };

		err = walk(rings[i].name, see_key, &told);
	}
	return err ?: walk("blacklist_keyring", revoke_tbs, revoked);
}
