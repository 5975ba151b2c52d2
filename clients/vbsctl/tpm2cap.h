/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one question that vbsctl asks a TPM 2.0 itself: is it locked out after
 * wrong passwords? Command out, response in; pure. Linux shows the rest in
 * sysfs. Source: TPM 2.0 Library, part 3, 30.2 (TPM2_GetCapability), part 2,
 * 8.6 (TPMA_PERMANENT).
 */
#ifndef VBSCTL_TPM2CAP_H
#define VBSCTL_TPM2CAP_H

#include <stddef.h>
#include <stdint.h>

#define TPM2CAP_COMMAND_SIZE 22
#define TPM2CAP_WHY          80

/** tpm2cap_command() - TPM2_GetCapability(TPM_PT_PERMANENT) */
void tpm2cap_command(uint8_t command[TPM2CAP_COMMAND_SIZE]);

/**
 * tpm2cap_lockout() - take inLockout out of the response
 * @data: @len bytes as read from the TPM
 * @why: TPM2CAP_WHY bytes; written if the result is -1
 *
 * Return: 0, 1, or -1: an error code of the TPM, or no response to this command.
 */
int tpm2cap_lockout(const uint8_t *data, size_t len, char *why);

#endif
