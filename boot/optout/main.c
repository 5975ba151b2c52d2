/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openvbs-optout.efi: the one way past the UEFI lock. Started once, by a boot
 * entry that `vbsctl opt-out` made or from the firmware's menu, it says what is
 * locked and what somebody wants switched off, and asks the person at the
 * console. Whatever is not a clear yes is a no, and nothing is switched off.
 *
 * A clear yes is a number that is on the screen, typed after everything typed
 * beforehand was thrown away: a device that sends the same key over and over
 * is nobody.
 *
 * Load options (UCS-2 words) choose: DISABLE-VBS, DISABLE-LSA-ISO,
 * DISABLE-HVCI. Without any it offers all. They only choose what is asked.
 *
 * On yes lock and opt-out change by one write of one variable: a power cut
 * leaves the old state or the new one.
 */
#include "loader.h"

#include "format.h"
#include "ovbs_string.h"
#include "print.h"

#include "choice.h"

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

#define ANSWER_SECONDS  60u
#define RESTART_SECONDS 3u
#define DRAIN_MAX       4096u
#define TICK            (10u * 1000 * 1000) /* a second, in units of 100 ns (UEFI 2.10, 7.1.7) */

/* The next key in *@key; false once the timer is up. */
static bool next_key(struct loader *l, EFI_EVENT timer, EFI_INPUT_KEY *key)
{
	EFI_EVENT events[2] = { timer, l->st->ConIn->WaitForKey };
	UINTN which;

	do {
		if (l->bs->WaitForEvent(2, events, &which) != EFI_SUCCESS || which == 0)
			return false;
	} while (l->st->ConIn->ReadKeyStroke(l->st->ConIn, key) != EFI_SUCCESS);
	return true;
}

static bool start_timer(struct loader *l, EFI_EVENT timer, unsigned int seconds)
{
	return l->bs->SetTimer(timer, TimerRelative, (UINT64)seconds * TICK) == EFI_SUCCESS;
}

/* Throw away what was typed, or sent down a serial line, before the question was there to be read. */
static void drain(struct loader *l)
{
	EFI_INPUT_KEY key;

	l->st->ConIn->Reset(l->st->ConIn, FALSE);
	for (unsigned int i = 0; i < DRAIN_MAX; i++)
		if (l->st->ConIn->ReadKeyStroke(l->st->ConIn, &key) != EFI_SUCCESS)
			break;
}

/* Not a secret: whoever reads the screen is the person that is asked. It only must not be known beforehand. */
static unsigned int make_number(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low % 9000 + 1000;
}

/* Exactly the number and the enter key. */
static bool typed(struct loader *l, EFI_EVENT timer, unsigned int number)
{
	unsigned int value = 0, digits = 0;
	EFI_INPUT_KEY key;

	if (!start_timer(l, timer, ANSWER_SECONDS))
		return false;
	while (next_key(l, timer, &key)) {
		if (key.UnicodeChar == 0 && key.ScanCode != 0)
			continue; /* a cursor key or the like */
		if (key.UnicodeChar == '\r' || key.UnicodeChar == '\n')
			return digits == 4 && value == number;
		if (key.UnicodeChar < '0' || key.UnicodeChar > '9' || digits == 4)
			return false;
		value = value * 10 + (key.UnicodeChar - '0');
		digits++;
	}
	return false;
}

static bool ask(struct loader *l, EFI_EVENT timer, const char *what)
{
	unsigned int number = make_number();

	say(l->st, "openvbs-optout: %s", what);
	drain(l);
	say(l->st, "openvbs-optout: are you at this machine, and want that? Type %u and Enter; anything else, or %u seconds: no",
	    number, ANSWER_SECONDS);
	if (typed(l, timer, number))
		return true;
	say(l->st, "openvbs-optout: no: nothing is switched off");
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

/* What was chosen, off; with it the wishes to lock it, or the next start would lock it again. */
static bool opt_out(unsigned int choice, struct ovbs_record *record)
{
	static const struct {
		unsigned int choice;
		enum ovbs_setting id;
	} off[] = {
		{ CHOICE_VBS, OVBS_SET_VBS },          { CHOICE_VBS, OVBS_SET_LOCKED },
		{ CHOICE_LSA_ISO, OVBS_SET_LSA_CFG },  { CHOICE_HVCI, OVBS_SET_HVCI },
		{ CHOICE_HVCI, OVBS_SET_HVCI_LOCKED },
	};

	if ((choice & CHOICE_VBS) != 0)
		choice = CHOICE_ALL;
	for (size_t i = 0; i < ARRAY_SIZE(off); i++)
		if ((choice & off[i].choice) != 0 && record_set(record, off[i].id, 0) != 0)
			return false;
	record->flags |= OVBS_RECORD_UNBOUND;
	return true;
}

static void unlock(unsigned int choice, struct ovbs_record *lock)
{
	if ((choice & CHOICE_VBS) != 0)
		record_init(lock);
	if ((choice & CHOICE_LSA_ISO) != 0)
		record_remove(lock, OVBS_SET_LSA_CFG);
	if ((choice & CHOICE_HVCI) != 0) {
		record_remove(lock, OVBS_SET_HVCI);
		record_remove(lock, OVBS_SET_HVCI_LOCKED);
	}
}

static EFI_STATUS carry_out(struct loader *l, unsigned int choice)
{
	struct ovbs_record lock = l->records.lock, record, guard;

	record_init(&record);
	if (l->settings.opted_out)
		record = l->records.opt_out; /* what was opted out of before stays so */
	if (!opt_out(choice, &record))
		return EFI_OUT_OF_RESOURCES;
	unlock(choice, &lock);
	guard_join(&lock, &record, &guard);
	return records_write(l, &guard, "openvbs-optout.efi");
}

static void run(struct loader *l, EFI_EVENT timer)
{
	char what[160];
	unsigned int choice;
	EFI_STATUS status;

	l->bs->SetWatchdogTimer(0, 0, 0, NULL); /* UEFI 2.10, 3.1: five minutes by default */
	if (!choice_parse(l->self->LoadOptions, l->self->LoadOptionsSize, &choice)) {
		say(l->st, "openvbs-optout: load options not understood; known: DISABLE-VBS DISABLE-LSA-ISO DISABLE-HVCI; nothing is changed");
		return;
	}
	records_read(l);
	show_lock(l);
	if (l->records.lock_state == OVBS_LOCK_UNREADABLE)
		choice = CHOICE_ALL; /* what else it locks is not known */
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
	EFI_INPUT_KEY key;
	EFI_EVENT timer;

	l.image = image;
	l.st = st;
	l.bs = st->BootServices;
	l.rt = st->RuntimeServices;
	if (st->ConIn == NULL || st->ConOut == NULL)
		return EFI_UNSUPPORTED; /* nobody can be asked */
	status = l.bs->HandleProtocol(image, &guid, (void **)&l.self);
	if (status == EFI_SUCCESS)
		status = l.bs->CreateEvent(EVT_TIMER, 0, NULL, NULL, &timer);
	if (status != EFI_SUCCESS)
		return status;
	run(&l, timer);
	say(st, "openvbs-optout: the machine restarts");
	if (start_timer(&l, timer, RESTART_SECONDS))
		next_key(&l, timer, &key);
	l.rt->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}
