/* SPDX-License-Identifier: GPL-2.0-only */
/* All that the trustlet knows. One thread, so nothing is locked. */
#ifndef OPENVBS_CI_INTEGRITY_H
#define OPENVBS_CI_INTEGRITY_H

#include "files.h"
#include "kernel.h"
#include "keys.h"
#include "modules.h"

struct integrity {
	struct ci_keys keys;
	struct kernel kernel;
	struct files files;
	struct modules modules;
};

#endif
