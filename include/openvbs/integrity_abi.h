/* SPDX-License-Identifier: MIT */
/*
 * The trustlet "integrity": what VTL0's openvbs.ko tells and asks it. Commands of
 * OVBS_MSG_INVOKE; addresses are virtual ones of VTL0's kernel.
 *
 * Before lockdown the kernel is trusted: KEY, REVOKE, KERNEL and MODULE are believed.
 * CLOSE ends that, and lockdown does if CLOSE did not come: from then on those
 * commands are OVBS_E_BAD_STATE, but REVOKE. A trustlet that crashed after
 * lockdown has no keys, and refuses every module.
 *
 * A module comes by FILE (its very bytes, copied and judged by their signature)
 * and PLACE (where Linux has put it: frozen, compared, made executable), then
 * LIVE when its init is over, GONE before its memory is freed. FORGET drops a
 * file that will not be placed.
 */
#ifndef OPENVBS_INTEGRITY_ABI_H
#define OPENVBS_INTEGRITY_ABI_H

#include <stddef.h>
#include <stdint.h>

/* 0a2a5c1c-3f0e-4c43-9a34-5b1d7c4b9a60 */
#define OVBS_CI_UUID                                                                               \
	{                                                                                          \
		0x0a, 0x2a, 0x5c, 0x1c, 0x3f, 0x0e, 0x4c, 0x43, 0x9a, 0x34, 0x5b, 0x1d, 0x7c,      \
			0x4b, 0x9a, 0x60                                                           \
	}

enum ovbs_ci_command {
	/*
	 * VALUE_IN enum ovbs_ci_origin, 0; BUFFER_IN struct ovbs_ci_key and what follows. OVBS_E_SECURITY: it is weak, or
	 * has the name of another key; the log says more.
	 */
	OVBS_CI_KEY = 1,
	/* VALUE_IN enum ovbs_ci_revoked, 0; BUFFER_IN its bytes. At any time; files that are not placed yet are forgotten */
	OVBS_CI_REVOKE = 2,
	OVBS_CI_KERNEL = 3, /* BUFFER_IN struct ovbs_ci_kernel; once, when the kernel's constants are frozen */
	OVBS_CI_CLOSE = 4, /* no parameters. The symbols' table is read: OVBS_E_SECURITY if it makes no sense */
	/*
	 * VALUE_IN address, bytes of the file without its signature; VALUE_IN address, bytes of the signature (CMS);
	 * VALUE_OUT the file's token (0: refused), reason (trustlets/integrity/reason.h; 0: accepted);
	 * BUFFER_OUT struct ovbs_ci_answer. OVBS_E_OUT_OF_MEMORY: give VTL1 more (OVBS_MSG_GIVE) and call again.
	 * OVBS_E_BAD_STATE: before CLOSE. Of more than 32 files, or too many bytes, the oldest is forgotten.
	 */
	OVBS_CI_FILE = 5,
	/*
	 * VALUE_INOUT in: token, 0; out: the module's number (0: refused), 0; BUFFER_IN struct ovbs_ci_place; BUFFER_OUT
	 * struct ovbs_ci_answer. The token is used up, but by OVBS_E_OUT_OF_MEMORY: nothing was done; give VTL1 more and
	 * call again, or FORGET the token.
	 */
	OVBS_CI_PLACE = 6,
	/* Each VALUE_IN the module's number, 0. OVBS_E_ITEM_NOT_FOUND; OVBS_E_BAD_STATE, LIVE: not executable yet; GONE: another module uses its symbols */
	OVBS_CI_LIVE = 7,
	OVBS_CI_GONE = 8,
	OVBS_CI_FORGET = 9, /* VALUE_IN token, 0. OVBS_E_ITEM_NOT_FOUND */
	OVBS_CI_LIST = 10, /* VALUE_INOUT in: first number, 0; out: how many follow, how many there are; BUFFER_OUT struct ovbs_ci_module[] by number */
	OVBS_CI_MODULE = 11, /* BUFFER_IN struct ovbs_ci_exports: of a module that is there before lockdown. Before CLOSE */
};

/* Refusals come with OVBS_OK as the result of the command and `reason` in the answer: outputs of other results are lost. */

enum ovbs_ci_origin {
	OVBS_CI_BUILTIN = 0, /* in the kernel's own keyring */
	OVBS_CI_MOK = 1,     /* enrolled by the machine's owner, through shim */
	OVBS_CI_DB = 2,      /* firmware's db */
};

enum ovbs_ci_revoked {
	OVBS_CI_REVOKED_CERTIFICATE = 0, /* SHA-256 of a certificate */
	OVBS_CI_REVOKED_TBS = 1,         /* SHA-256 of its to-be-signed part */
	OVBS_CI_REVOKED_FILE = 2,        /* SHA-256 of a file without its signature */
	OVBS_CI_REVOKED_KEY_ID = 3,      /* subject key identifier */
};

enum ovbs_ci_algorithm { OVBS_CI_RSA = 1, OVBS_CI_P256 = 2, OVBS_CI_P384 = 3 };

/*
 * A key as a running Linux has it (struct public_key and the identifiers of its
 * asymmetric key): the certificate itself is gone by then. Behind it, in this
 * order: the key (RSA: RSAPublicKey, RFC 8017 A.1.1, in DER; ECDSA: the point,
 * uncompressed: what was in the BIT STRING); id, the identifier of issuer and
 * serial number: the bytes of the serial number's INTEGER, then those in the
 * issuer's Name, both without tag and length (may be empty); the subject key
 * identifier (may be empty, but not both); a name for people.
 */
struct ovbs_ci_key {
	uint32_t algorithm; /* enum ovbs_ci_algorithm */
	uint16_t key_bytes, id_bytes, key_id_bytes, name_bytes;
	uint32_t reserved; /* 0 */
};
_Static_assert(sizeof(struct ovbs_ci_key) == 16, "ABI");

/* Addresses; 0 where the kernel has no such symbol. */
struct ovbs_ci_kernel {
	uint32_t version;                 /* LINUX_VERSION_CODE */
	uint32_t flags;                   /* OVBS_CI_ONE_CPU */
	uint64_t modules, modules_end;    /* where modules lie */
	uint64_t percpu_low, percpu_high; /* modules' per-CPU variables: __per_cpu addresses */
	uint64_t text, text_end, rodata, rodata_end;
	uint64_t capability;       /* boot_cpu_data.x86_capability */
	uint32_t capability_words; /* with those of bugs */
	uint32_t pv_count;         /* pointers in pv_ops */
	uint64_t fentry, return_thunk_symbol, return_thunk_value, its_return_thunk, indirect_thunks;
	uint64_t static_call_return0, static_call_return;
	uint64_t pv_ops, paravirt_nop, bug_func;
	uint64_t ftrace[4]; /* what a traced function may call */
	uint64_t symbols, symbols_end, symbols_gpl, symbols_gpl_end; /* __ksymtab, __ksymtab_gpl */
	uint64_t reserved[8];                                        /* 0 */
};
#define OVBS_CI_ONE_CPU 1u /* lock prefixes were patched out */

/* What a module that has no file here exports: its own __ksymtab and __ksymtab_gpl, addresses, or 0 without. */
struct ovbs_ci_exports {
	uint64_t symbols, symbols_end, symbols_gpl, symbols_gpl_end;
	char name[56]; /* ends with 0 */
};

/* In the order of Linux 6.12's enum mod_mem_type; 6.1: [0] is the core area, [4] the init area, the others are 0. */
#define OVBS_CI_AREAS 7
struct ovbs_ci_place {
	struct {
		uint64_t base, bytes;
	} area[OVBS_CI_AREAS];
	uint64_t percpu;
};

struct ovbs_ci_answer {
	uint32_t reason; /* 0: accepted; else a number of trustlets/integrity/reason.h, or OVBS_CI_DIFFERS */
	uint32_t reserved;
	char signer[120]; /* ends with 0; "" if it is not known */
	char text[256];   /* the reason for people, with the evidence; ends with 0 */
};
#define OVBS_CI_DIFFERS 1000u /* memory is not what the file says, or the file can't be judged */

struct ovbs_ci_module {
	uint64_t number;
	char name[56]; /* as in the file's .modinfo; ends with 0 */
	char signer[120];
	uint64_t text, text_bytes;
	uint32_t sites, live;
};

#endif
