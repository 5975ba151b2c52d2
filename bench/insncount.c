// SPDX-License-Identifier: GPL-2.0-only
/*
 * insncount: a QEMU TCG plugin that counts executed guest instructions, and
 * writes the count down whenever the guest executes a mark.
 *
 * A mark is a NOP with a displacement that no compiler emits (bench/mark.h):
 *     0F 1F 80 nn 62 76 6F      nopl 0x6F7662nn(%rax)
 * So a count belongs to an exact point of the guest's execution, whatever the
 * host's clock and the guest's idle time do; on a CPU without the plugin a mark
 * does nothing. The count of a mark includes the mark itself. One line for each
 * goes to the file of the plugin's argument `out=`: "nn COUNT\n", at once.
 *
 * QEMU's header is not packaged by Debian; what is used of it (plugin API
 * version 2 to 4, QEMU 9 and later) is declared here.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;

enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t n);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn, int op,
							 qemu_plugin_u64 entry, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int, void *), int flags, void *arg);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element);
uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 entry);

EXPORT int qemu_plugin_version = 2;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

static const uint8_t mark[7] = { 0x0F, 0x1F, 0x80, 0, 0x62, 0x76, 0x6F };

static qemu_plugin_u64 counter;
static int out = -1;

static void marked(unsigned int cpu, void *number)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%u %llu\n", (unsigned int)(uintptr_t)number,
			 (unsigned long long)qemu_plugin_u64_sum(counter));

	if (write(out, line, (size_t)n) != n)
		perror("insncount");
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint8_t bytes[sizeof(mark)];

		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD_U64,
								    counter, 1);
		if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(mark) &&
		    !memcmp(bytes, mark, 3) && !memcmp(bytes + 4, mark + 4, 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)bytes[3]);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "insncount: wants one argument, out=FILE\n");
		return -1;
	}
	out = open(argv[0] + 4, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out < 0) {
		perror(argv[0] + 4);
		return -1;
	}
	counter.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
