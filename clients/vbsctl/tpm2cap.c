/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TPM2_GetCapability: see tpm2cap.h. All numbers of a TPM are big endian. The
 * response has one fixed form for this question; anything else is refused.
 */
#include "tpm2cap.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* TPM 2.0 Library, part 2, 6.5.2, 6.9, 6.12, 6.13 */
#define ST_NO_SESSIONS     0x8001u
#define CC_GET_CAPABILITY  0x17Au
#define CAP_TPM_PROPERTIES 6u
#define PT_PERMANENT       0x200u
#define PERMANENT_LOCKOUT  (1u << 9)
#define RC_RETRY           0x922u

#define RESPONSE_HEADER 10
#define RESPONSE_SIZE   27 /* header, moreData, capability, count, property, value */

static void put(uint8_t *at, uint32_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

static uint32_t get(const uint8_t *at, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

void tpm2cap_command(uint8_t command[TPM2CAP_COMMAND_SIZE])
{
	put(command, ST_NO_SESSIONS, 2);
	put(command + 2, TPM2CAP_COMMAND_SIZE, 4);
	put(command + 6, CC_GET_CAPABILITY, 4);
	put(command + 10, CAP_TPM_PROPERTIES, 4);
	put(command + 14, PT_PERMANENT, 4);
	put(command + 18, 1, 4);
}

int tpm2cap_lockout(const uint8_t *data, size_t len, char *why)
{
	uint32_t rc;

	if (len < RESPONSE_HEADER || get(data + 2, 4) != len) {
		snprintf(why, TPM2CAP_WHY, "the TPM's response of %zu bytes is none", len);
		return -1;
	}
	rc = get(data + 6, 4);
	if (rc != 0) {
		snprintf(why, TPM2CAP_WHY, "TPM2_GetCapability: error %xh%s", rc,
			 rc == RC_RETRY ? ": busy, try again" : "");
		return -1;
	}
	if (get(data, 2) != ST_NO_SESSIONS || len != RESPONSE_SIZE || get(data + 11, 4) != CAP_TPM_PROPERTIES ||
	    get(data + 15, 4) != 1 || get(data + 19, 4) != PT_PERMANENT) {
		snprintf(why, TPM2CAP_WHY, "the TPM's response does not answer TPM_PT_PERMANENT");
		return -1;
	}
	return (get(data + 23, 4) & PERMANENT_LOCKOUT) != 0;
}
