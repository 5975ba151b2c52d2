/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings: see settings.h. Records come from places that the normal world
 * writes, so nothing in one is used before all of it was checked.
 */
#include "settings.h"

#include "crc32.h"
#include "format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

#define KNOWN_ENTRIES 19 /* one more than the highest id of enum ovbs_setting */

/* Which values an id may have, by bits: bit n stands for value n. 0: not in this hive. */
static const struct {
	uint8_t local, policy;
} allowed[KNOWN_ENTRIES] = {
	[OVBS_SET_VBS] = { 0x3, 0x3 },          [OVBS_SET_LEVEL] = { 0xB, 0xB },
	[OVBS_SET_LOCKED] = { 0x3, 0x3 },       [OVBS_SET_MANDATORY] = { 0x3, 0x3 },
	[OVBS_SET_ROLE_OPT_OUT] = { 0x3, 0x3 }, [OVBS_SET_HVCI] = { 0x3, 0x3 },
	[OVBS_SET_HVCI_LOCKED] = { 0x3, 0x3 },  [OVBS_SET_SYSTEM_GUARD] = { 0x3, 0x3 },
	[OVBS_SET_LSA_CFG] = { 0x7, 0x7 },      [OVBS_SET_HVCI_DIRECT] = { 0x3, 0x7 },
	[OVBS_SET_UNLOCKED] = { 0x3, 0 },       [OVBS_SET_SYSTEM_GUARD_LAUNCH] = { 0, 0x7 },
};

bool setting_allows(enum settings_hive hive, uint32_t id, uint32_t value)
{
	unsigned int mask;

	if (id >= KNOWN_ENTRIES || value > 7)
		return false;
	mask = hive == SETTINGS_POLICY ? allowed[id].policy : allowed[id].local;
	return (mask >> value & 1) != 0;
}

void record_init(struct ovbs_record *r)
{
	memset(r, 0, sizeof(*r));
}

static uint32_t checksum(const struct ovbs_record *r)
{
	struct ovbs_record copy = *r;

	copy.crc32 = 0;
	return crc32_of(&copy, sizeof(copy));
}

void record_seal(struct ovbs_record *r)
{
	r->magic = OVBS_RECORD_MAGIC;
	r->version = OVBS_RECORD_VERSION;
	r->size = sizeof(*r);
	r->crc32 = checksum(r);
}

static const char *check_entries(const struct ovbs_setting_entry *entry, unsigned int count, bool saved)
{
	if (count > OVBS_RECORD_ENTRIES)
		return "more entries than it has room for";
	for (unsigned int i = 0; i < count; i++) {
		if ((entry[i].flags & ~(saved ? OVBS_ENTRY_ABSENT : 0)) != 0)
			return "unknown flags";
		if (entry[i].flags != 0 && entry[i].value != 0)
			return "an absent entry has a value";
		for (unsigned int j = 0; j < i; j++)
			if (entry[j].id == entry[i].id)
				return "an entry twice";
		if (entry[i].id < KNOWN_ENTRIES &&
		    !setting_allows(SETTINGS_LOCAL, entry[i].id, entry[i].value) &&
		    !setting_allows(SETTINGS_POLICY, entry[i].id, entry[i].value))
			return "a value that can't be";
	}
	return NULL;
}

static const char *check_record(const struct ovbs_record *r)
{
	const char *wrong;

	if (r->magic != OVBS_RECORD_MAGIC)
		return "no settings record: wrong magic";
	if (r->version != OVBS_RECORD_VERSION || r->size != sizeof(*r))
		return "a version that this program does not know";
	if (r->crc32 != checksum(r))
		return "checksum does not match: damaged, or half written";
	if ((r->flags & ~OVBS_RECORD_UNBOUND) != 0 || r->changed_by[sizeof(r->changed_by) - 1] != '\0')
		return "flags or text are wrong";
	wrong = check_entries(r->value, r->count, false);
	return wrong != NULL ? wrong : check_entries(r->saved, r->saved_count, true);
}

int record_decode(const void *data, size_t len, struct ovbs_record *out, char *why)
{
	struct ovbs_record copy;
	const char *wrong;

	if (len != sizeof(copy)) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "%zu bytes, but a record has %zu", len, sizeof(copy));
		return -EINVAL;
	}
	memcpy(&copy, data, sizeof(copy));
	wrong = check_record(&copy);
	if (wrong != NULL) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "%s", wrong);
		return -EINVAL;
	}
	*out = copy;
	return 0;
}

static int find(const struct ovbs_record *r, uint32_t id)
{
	for (unsigned int i = 0; i < r->count; i++)
		if (r->value[i].id == id)
			return (int)i;
	return -ENOENT;
}

bool record_get(const struct ovbs_record *r, enum ovbs_setting id, uint32_t *value)
{
	int i = find(r, id);

	if (i < 0)
		return false;
	*value = r->value[i].value;
	return true;
}

int record_set(struct ovbs_record *r, enum ovbs_setting id, uint32_t value)
{
	int i = find(r, id);

	if (i < 0) {
		if (r->count >= OVBS_RECORD_ENTRIES)
			return -ENOSPC;
		i = r->count++;
	}
	r->value[i] = (struct ovbs_setting_entry){ .id = (uint16_t)id, .value = value };
	return 0;
}

bool record_remove(struct ovbs_record *r, enum ovbs_setting id)
{
	int i = find(r, id);

	if (i < 0)
		return false;
	r->count--;
	for (unsigned int at = (unsigned int)i; at < r->count; at++)
		r->value[at] = r->value[at + 1];
	memset(&r->value[r->count], 0, sizeof(r->value[0]));
	return true;
}

bool record_newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

void guard_split(const struct ovbs_record *guard, struct ovbs_record *lock, struct ovbs_record *opt_out)
{
	*lock = *guard;
	lock->saved_count = 0;
	memset(lock->saved, 0, sizeof(lock->saved));
	*opt_out = *lock;
	opt_out->count = guard->saved_count;
	memcpy(opt_out->value, guard->saved, sizeof(opt_out->value));
}

void guard_join(const struct ovbs_record *lock, const struct ovbs_record *opt_out, struct ovbs_record *guard)
{
	record_init(guard);
	guard->count = lock->count;
	memcpy(guard->value, lock->value, sizeof(guard->value));
	guard->generation = opt_out->generation;
	guard->base_generation = opt_out->base_generation;
	guard->flags = opt_out->flags;
	for (unsigned int i = 0; i < opt_out->count; i++)
		if (find(lock, opt_out->value[i].id) < 0)
			guard->saved[guard->saved_count++] = opt_out->value[i];
}

/*
 * One value of a record, other spellings included. The plain name wins over
 * them within one record.
 */
static bool spoken(const struct ovbs_record *r, enum settings_hive hive, enum ovbs_setting id,
		   uint32_t *value)
{
	uint32_t other;

	if (record_get(r, id, value))
		return setting_allows(hive, id, *value);
	switch (id) {
	case OVBS_SET_HVCI:
		if (!record_get(r, OVBS_SET_HVCI_DIRECT, &other))
			return false;
		*value = other != 0;
		return true;
	case OVBS_SET_HVCI_LOCKED:
		if (!record_get(r, OVBS_SET_HVCI_DIRECT, &other) || other == 0)
			return false;
		*value = other == 1;
		if (hive == SETTINGS_LOCAL && record_get(r, OVBS_SET_UNLOCKED, &other) && other == 1)
			*value = 0;
		return true;
	case OVBS_SET_SYSTEM_GUARD:
		if (hive != SETTINGS_POLICY ||
		    !record_get(r, OVBS_SET_SYSTEM_GUARD_LAUNCH, &other) || other == 0)
			return false;
		*value = other == 1;
		return true;
	default:
		return false;
	}
}

static uint32_t generation(const struct ovbs_record *r)
{
	return r != NULL ? r->generation : 0;
}

static bool opt_out_counts(const struct settings_sources *from)
{
	if (from->opt_out == NULL || from->opt_out->count == 0)
		return false;
	return (from->opt_out->flags & OVBS_RECORD_UNBOUND) != 0 ||
	       (from->opt_out->generation == generation(from->local) &&
		from->opt_out->base_generation == generation(from->policy));
}

/* What is said by all but the lock. */
static struct settings_value resolve_rest(const struct settings_sources *from, bool opted_out,
					  enum ovbs_setting id)
{
	uint32_t value;

	if (opted_out && record_get(from->opt_out, id, &value))
		return (struct settings_value){ value, OVBS_SOURCE_OPT_OUT };
	if (from->policy != NULL && spoken(from->policy, SETTINGS_POLICY, id, &value))
		return (struct settings_value){ value, OVBS_SOURCE_POLICY };
	if (from->local != NULL && spoken(from->local, SETTINGS_LOCAL, id, &value))
		return (struct settings_value){ value, OVBS_SOURCE_LOCAL };
	return (struct settings_value){ 0, OVBS_SOURCE_DEFAULT };
}

static struct settings_value resolve(const struct settings_sources *from, bool opted_out, enum ovbs_setting id)
{
	struct settings_value rest = resolve_rest(from, opted_out, id);
	uint32_t value;

	if (from->lock == NULL || !record_get(from->lock, id, &value))
		return rest;
	if ((id == OVBS_SET_LEVEL || id == OVBS_SET_MANDATORY) && rest.value > value)
		return rest;
	return (struct settings_value){ value, OVBS_SOURCE_LOCK };
}

void settings_resolve(const struct settings_sources *from, struct settings *out)
{
	memset(out, 0, sizeof(*out));
	out->opted_out = opt_out_counts(from);
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		out->v[id] = resolve(from, out->opted_out, (enum ovbs_setting)id);
	if (out->v[OVBS_SET_VBS].value == 0)
		return;
	if (out->v[OVBS_SET_HVCI].source == OVBS_SOURCE_DEFAULT)
		out->v[OVBS_SET_HVCI].value = 1;
	if (out->v[OVBS_SET_LSA_CFG].source == OVBS_SOURCE_DEFAULT)
		out->v[OVBS_SET_LSA_CFG].value = 2;
}

/* Take a value into the lock, unless it is held already. Return: whether it was not. */
static bool hold(struct ovbs_record *lock, enum ovbs_setting id, uint32_t value)
{
	uint32_t held;

	if (record_get(lock, id, &held))
		return false;
	return record_set(lock, id, value) == 0; /* there is room for every id */
}

bool settings_want_lock(const struct settings *s, const struct ovbs_record *lock, struct ovbs_record *out)
{
	const struct settings_value *v = s->v;
	bool hvci = v[OVBS_SET_HVCI].value == 1 && v[OVBS_SET_HVCI_LOCKED].value == 1;
	bool lsa = v[OVBS_SET_LSA_CFG].value == 1;
	struct ovbs_record want;
	bool more = false;

	if (v[OVBS_SET_VBS].value != 1 || (v[OVBS_SET_LOCKED].value != 1 && !hvci && !lsa))
		return false;
	record_init(&want);
	if (lock != NULL)
		want = *lock;
	more |= hold(&want, OVBS_SET_VBS, 1);
	more |= hold(&want, OVBS_SET_LEVEL, v[OVBS_SET_LEVEL].value);
	more |= hold(&want, OVBS_SET_LOCKED, 1);
	more |= hold(&want, OVBS_SET_MANDATORY, v[OVBS_SET_MANDATORY].value);
	if (hvci) {
		more |= hold(&want, OVBS_SET_HVCI, 1);
		more |= hold(&want, OVBS_SET_HVCI_LOCKED, 1);
	}
	if (lsa)
		more |= hold(&want, OVBS_SET_LSA_CFG, 1);
	if (more)
		*out = want;
	return more;
}

const char *source_name(enum ovbs_source source)
{
	static const char *const names[] = {
		[OVBS_SOURCE_DEFAULT] = "default", [OVBS_SOURCE_LOCAL] = "local value",
		[OVBS_SOURCE_POLICY] = "policy",   [OVBS_SOURCE_LOCK] = "UEFI lock",
		[OVBS_SOURCE_OPT_OUT] = "opt-out",
	};

	return (unsigned int)source < ARRAY_SIZE(names) ? names[source] : "unknown";
}
