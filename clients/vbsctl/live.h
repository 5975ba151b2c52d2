/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of this machine, now: gathers the facts that lib/state.h asks for,
 * VTL1's proof among them, and has the state computed. Whatever shows a state
 * (status, events, metrics, diagnose, report) begins here.
 */
#ifndef VBSCTL_LIVE_H
#define VBSCTL_LIVE_H

#include "state.h"
#include "store.h"

struct live {
	struct store store;
	struct state_facts facts; /* points into this struct: do not copy it */
	struct state state;
	char proof_why[128];
};

/**
 * live_load() - read all sources, call VTL1, compute the state
 *
 * Return: free() it; never NULL (out of memory ends the program).
 */
struct live *live_load(struct vbsctl *v);

#endif
