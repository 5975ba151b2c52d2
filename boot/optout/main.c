/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openvbs-optout.efi: the one way past the UEFI lock. Started once, by a boot
 * entry that `vbsctl opt-out` made or from the firmware's menu, it says what is
 * locked and what somebody wants switched off, and asks the person at the
 * console. Whatever is not a clear yes is a no, and nothing changes.
 *
 * Load options (UCS-2 words) choose: DISABLE-VBS, DISABLE-LSA-ISO,
 * DISABLE-HVCI. Without any it offers all. They only choose: the answer always
 * comes from the keyboard, after everything typed beforehand was thrown away.
 *
 * On yes the opt-out record is written before the lock is taken off, so that
 * a power cut in between leaves the old state: the lock still wins then.
 */
#include "loader.h"

#include "format.h"
#include "ovbs_string.h"
#include "print.h"

#include "choice.h"

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

#define ANSWER_SECONDS  60u
#define RESTART_SECONDS 3u
#define TICK            (10u * 1000 * 1000) /* a second, in units of 100 ns (UEFI 2.10, 7.1.7) */

/* A key, or 0 once @seconds have gone by without one. */
static CHAR16 key_within(struct loader *l, EFI_EVENT timer, unsigned int seconds)
{
	EFI_EVENT events[2] = { timer, l->st->ConIn->WaitForKey };
	EFI_INPUT_KEY key;
	UINTN which;

	if (l->bs->SetTimer(timer, TimerRelative, (UINT64)seconds * TICK) != EFI_SUCCESS)
		return 0;
	do {
		if (l->bs->WaitForEvent(2, events, &which) != EFI_SUCCESS || which == 0)
			return 0;
	} while (l->st->ConIn->ReadKeyStroke(l->st->ConIn, &key) != EFI_SUCCESS);
	return key.UnicodeChar;
}

/* Throw away what was typed, or sent down a serial line, before the question was there to be read. */
static void drain(struct loader *l)
{
	EFI_INPUT_KEY key;

	l->st->ConIn->Reset(l->st->ConIn, FALSE);
	while (l->st->ConIn->ReadKeyStroke(l->st->ConIn, &key) == EFI_SUCCESS)
		;
}

static bool ask(struct loader *l, EFI_EVENT timer, const char *what)
{
	CHAR16 key;

	drain(l);
	say(l->st, "openvbs-optout: %s", what);
	say(l->st, "openvbs-optout: are you at this machine, and want that? y = yes, anything else, or %u seconds: no",
	    ANSWER_SECONDS);
	key = key_within(l, timer, ANSWER_SECONDS);
	if (key == 'y' || key == 'Y')
		return true;
	say(l->st, "openvbs-optout: %s: nothing is changed", key == 0 ? "no answer" : "no");
	return false;
}

static void show_lock(struct loader *l)
{
	const struct records *r = &l->records;
	uint32_t value;

	if (r->lock_state == OVBS_LOCK_NONE)
		say(l->st, "openvbs-optout: no UEFI lock is set");
	else if (r->lock_state == OVBS_LOCK_UNREADABLE)
		say(l->st, "openvbs-optout: the UEFI lock is damaged; it is held to lock virtualization-based security on");
	else
		say(l->st, "openvbs-optout: locked on: virtualization-based security%s%s",
		    record_get(&r->lock, OVBS_SET_HVCI, &value) ? ", memory integrity" : "",
		    record_get(&r->lock, OVBS_SET_LSA_CFG, &value) ? ", Credential Guard" : "");
}

/* The record that says no for what was chosen, for exactly the settings that are there now. */
static bool opt_out(struct loader *l, unsigned int choice, struct ovbs_record *record)
{
	const struct settings_sources *from = &l->records.from;
	bool fits = true;

	record_init(record);
	if (from->opt_out != NULL && l->settings.opted_out)
		*record = *from->opt_out; /* what was opted out of before stays so */
	record->generation = from->local != NULL ? from->local->generation : 0;
	record->base_generation = from->policy != NULL ? from->policy->generation : 0;
	if ((choice & CHOICE_VBS) != 0)
		fits &= record_set(record, OVBS_SET_VBS, 0) == 0;
	if ((choice & CHOICE_LSA_ISO) != 0)
		fits &= record_set(record, OVBS_SET_LSA_CFG, 0) == 0;
	if ((choice & CHOICE_HVCI) != 0)
		fits &= record_set(record, OVBS_SET_HVCI, 0) == 0;
	return fits;
}

/* Take off the lock what was chosen. */
static EFI_STATUS unlock(struct loader *l, unsigned int choice)
{
	struct ovbs_record lock = l->records.lock;

	if (l->records.lock_state == OVBS_LOCK_NONE)
		return EFI_SUCCESS;
	if ((choice & CHOICE_VBS) != 0)
		return records_write(l, UCS2(OVBS_SETTINGS_LOCK_VARIABLE), NULL, "");
	if ((choice & CHOICE_LSA_ISO) != 0)
		record_remove(&lock, OVBS_SET_LSA_CFG);
	if ((choice & CHOICE_HVCI) != 0) {
		record_remove(&lock, OVBS_SET_HVCI);
		record_remove(&lock, OVBS_SET_HVCI_LOCKED);
	}
	lock.generation++;
	return records_write(l, UCS2(OVBS_SETTINGS_LOCK_VARIABLE), &lock, "openvbs-optout.efi");
}

static EFI_STATUS carry_out(struct loader *l, unsigned int choice)
{
	struct ovbs_record record;
	EFI_STATUS status;

	if (!opt_out(l, choice, &record))
		return EFI_OUT_OF_RESOURCES;
	status = records_write(l, UCS2(OVBS_OPT_OUT_VARIABLE), &record, "openvbs-optout.efi");
	if (status != EFI_SUCCESS)
		return status;
	return unlock(l, choice);
}

static void run(struct loader *l, EFI_EVENT timer)
{
	char what[160];
	unsigned int choice;
	EFI_STATUS status;

	if (!choice_parse(l->self->LoadOptions, l->self->LoadOptionsSize, &choice)) {
		say(l->st, "openvbs-optout: load options not understood; known: DISABLE-VBS DISABLE-LSA-ISO DISABLE-HVCI; nothing is changed");
		return;
	}
	records_read(l);
	show_lock(l);
	choice_words(choice, what, sizeof(what));
	if (!ask(l, timer, what))
		return;
	status = carry_out(l, choice);
	if (status == EFI_SUCCESS)
		say(l->st, "openvbs-optout: done; it counts until the settings are changed again");
	else
		say(l->st, "openvbs-optout: FAILED: EFI status %llxh; run it again",
		    (unsigned long long)status);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct loader l;
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_STATUS status;
	EFI_EVENT timer;

	l.image = image;
	l.st = st;
	l.bs = st->BootServices;
	l.rt = st->RuntimeServices;
	status = l.bs->HandleProtocol(image, &guid, (void **)&l.self);
	if (status == EFI_SUCCESS)
		status = l.bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer);
	if (status != EFI_SUCCESS)
		return status;
	if (st->ConIn == NULL || st->ConOut == NULL)
		return EFI_UNSUPPORTED; /* nobody can be asked */
	run(&l, timer);
	say(st, "openvbs-optout: the machine restarts");
	key_within(&l, timer, RESTART_SECONDS);
	l.rt->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}
