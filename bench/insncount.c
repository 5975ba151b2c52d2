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
 * goes to the file of the plugin's argument `out=`: "nn COUNT\n", at once. For
 * each argument `range=FIRST-LAST` (virtual addresses, hexadecimal) one more
 * number follows: the instructions that lay there.
 *
 * QEMU's header is not packaged by Debian; what is used of it (plugin API
 * version 2 to 4, QEMU 9 and later) is declared here.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
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

#define RANGES_MAX 4

static struct range {
	uint64_t first, last;
	qemu_plugin_u64 counter;
} ranges[RANGES_MAX];
static unsigned int range_count;

static qemu_plugin_u64 counter;
static int out = -1;

static void marked(unsigned int cpu, void *number)
{
	char line[32 * (2 + RANGES_MAX)];
	int n = sprintf(line, "%u %llu", (unsigned int)(uintptr_t)number,
			(unsigned long long)qemu_plugin_u64_sum(counter));

	for (unsigned int i = 0; i < range_count; i++)
		n += sprintf(line + n, " %llu", (unsigned long long)qemu_plugin_u64_sum(ranges[i].counter));
	line[n++] = '\n';
	if (write(out, line, (size_t)n) != n)
		perror("insncount");
}

static void count(struct qemu_plugin_insn *insn)
{
	uint64_t at = qemu_plugin_insn_vaddr(insn);

	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, QEMU_PLUGIN_INLINE_ADD_U64, counter, 1);
	for (unsigned int i = 0; i < range_count; i++)
		if (at >= ranges[i].first && at <= ranges[i].last)
			qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
				insn, QEMU_PLUGIN_INLINE_ADD_U64, ranges[i].counter, 1);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint8_t bytes[sizeof(mark)];

		count(insn);
		if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(mark) &&
		    !memcmp(bytes, mark, 3) && !memcmp(bytes + 4, mark + 4, 3))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)bytes[3]);
	}
}

static int add_range(const char *text)
{
	struct range *r = &ranges[range_count];
	char *end;

	if (range_count == RANGES_MAX)
		return -1;
	r->first = strtoull(text, &end, 16);
	if (*end != '-')
		return -1;
	r->last = strtoull(end + 1, &end, 16);
	if (*end)
		return -1;
	r->counter.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	range_count++;
	return 0;
}

static int argument(const char *text)
{
	if (!strncmp(text, "range=", 6))
		return add_range(text + 6);
	if (strncmp(text, "out=", 4) || out >= 0)
		return -1;
	out = open(text + 4, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out < 0)
		perror(text + 4);
	return out < 0 ? -1 : 0;
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	int wrong = 0;

	for (int i = 0; i < argc; i++)
		wrong |= argument(argv[i]);
	if (wrong || out < 0) {
		fprintf(stderr, "insncount: wants out=FILE, and up to %d range=FIRST-LAST\n", RANGES_MAX);
		return -1;
	}
	counter.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
