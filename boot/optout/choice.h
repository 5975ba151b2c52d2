/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What openvbs-optout.efi was asked to switch off: its load options, read
 * apart from the program so that tests and fuzzers reach them.
 */
#ifndef BOOT_OPTOUT_CHOICE_H
#define BOOT_OPTOUT_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#define CHOICE_VBS     1u /* DISABLE-VBS: everything, the lock as a whole */
#define CHOICE_LSA_ISO 2u /* DISABLE-LSA-ISO: Credential Guard */
#define CHOICE_HVCI    4u /* DISABLE-HVCI: memory integrity */
#define CHOICE_ALL     (CHOICE_VBS | CHOICE_LSA_ISO | CHOICE_HVCI)

/**
 * choice_parse() - read load options
 * @data: any bytes, any alignment
 * @len: how many
 * @choice: CHOICE_*; only written after success
 *
 * Words are UCS-2, separated by blanks or commas, in any case; the text may end
 * with 0. None at all choose everything; what can't be read chooses nothing, or
 * more could be asked than somebody meant.
 *
 * Return: false if it is no such text, or has a word that is not known (the first
 * one may be the name of a program). Context: any; pure.
 */
bool choice_parse(const void *data, size_t len, unsigned int *choice);

/** choice_words() - the question in words. Context: any; pure. */
void choice_words(unsigned int choice, char *out, size_t size);

#endif
