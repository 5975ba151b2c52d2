/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All CPUs of the machine, through firmware's multiprocessor protocol.
 */
#ifndef BOOT_MP_H
#define BOOT_MP_H

#include "loader.h"

/**
 * mp_find() - count the CPUs and learn their APIC identifiers
 *
 * Return: false, and l->verdict says why, if not every CPU can be had.
 * Context: boot CPU, TPL_APPLICATION.
 */
bool mp_find(struct loader *l) __must_check;

/* Runs on one CPU; on application processors it must not call firmware. */
typedef void (*mp_task)(void *argument, unsigned int index);

/**
 * mp_run_on_others() - run a task on every CPU but the boot CPU, and wait
 *
 * Return: firmware's status; EFI_SUCCESS if there is no other CPU.
 * Context: boot CPU.
 */
EFI_STATUS mp_run_on_others(struct loader *l, mp_task task, void *argument);

#endif
