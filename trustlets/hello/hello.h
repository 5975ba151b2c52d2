/* SPDX-License-Identifier: MIT */
/*
 * What a client must know to call hello: its name, its commands, their parameters.
 */
#ifndef OPENVBS_HELLO_H
#define OPENVBS_HELLO_H

#include "openvbs/vtl_abi.h"

enum hello_command {
	HELLO_GREET = 1,  /* 0: BUFFER_IN a name; 1: BUFFER_OUT "Hello, name!" */
	HELLO_ADD = 2,    /* 0: VALUE_IN a, b; 1: VALUE_OUT their sum, 1 if it did not fit */
	HELLO_COUNT = 3,  /* 0: VALUE_OUT calls of this session, calls of all sessions */
	HELLO_SEAL = 4,   /* 0: BUFFER_IN a note; 1: BUFFER_OUT the sealed note */
	HELLO_UNSEAL = 5, /* 0: BUFFER_IN a sealed note; 1: BUFFER_OUT the note */
};

#endif
