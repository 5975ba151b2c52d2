// SPDX-License-Identifier: GPL-2.0-only
/*
 * The very ELF files that VTL1 loads, run with no more than VTL1 gives them.
 *
 * A tracer plays the secure kernel: Linux calls that are not on VTL1's list get
 * -ENOSYS, nothing becomes executable, the auxiliary vector holds six entries
 * and no vDSO, and openvbs's own calls are answered here. What starts up and
 * works under it does so in VTL1, as far as that list is kept there.
 */
#define _GNU_SOURCE /* process_vm_readv() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/auxvec.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../trustlets/hello/hello.h"
#include "../../trustlets/selftest/selftest.h"
#include "openvbs/trustlet_abi.h"

#ifndef TL_ELF_DIR
#define TL_ELF_DIR "build/trustlets"
#endif

/* The Linux calls of VTL1; docs/trustlets.md has the same list. */
static const long allowed[] = {
	SYS_arch_prctl, SYS_set_tid_address, SYS_set_robust_list,
	SYS_prlimit64,  SYS_getrandom,       SYS_brk,
	SYS_mmap,       SYS_munmap,          SYS_mprotect,
	SYS_madvise,    SYS_futex,           SYS_clock_gettime,
	SYS_getpid,     SYS_gettid,          SYS_exit_group,
};

static pid_t child;
static bool seen[512]; /* Linux calls that were made */

static struct user_regs_struct get_regs(void)
{
	struct user_regs_struct regs;

	assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &regs), 0);
	return regs;
}

static void set_regs(struct user_regs_struct *regs)
{
	assert_int_equal(ptrace(PTRACE_SETREGS, child, NULL, regs), 0);
}

static void copy(bool to_child, uint64_t address, void *data, size_t size)
{
	struct iovec mine = { data, size }, its = { (void *)address, size };
	ssize_t n = to_child ? process_vm_writev(child, &mine, 1, &its, 1, 0) :
			       process_vm_readv(child, &mine, 1, &its, 1, 0);

	assert_int_equal(n, size);
}

/* To the next stop at a system call. Returns 0, or the signal that ends the child, or -1 - status. */
static int go(void)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		return -1 - WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
}

/* The auxiliary vector without all that VTL1 does not give. */
static void reduce_auxv(void)
{
	static const uint64_t keep[] = { AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY, AT_RANDOM };
	uint64_t at = get_regs().rsp, word = 1, entry[2];

	copy(false, at, &word, 8);
	at += 8 * (word + 2); /* argc, argv, NULL */
	for (word = 1; word != 0; at += 8)
		copy(false, at, &word, 8);
	for (;; at += sizeof(entry)) {
		bool kept = false;

		copy(false, at, entry, sizeof(entry));
		if (entry[0] == AT_NULL)
			return;
		for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
			kept = kept || entry[0] == keep[i];
		entry[0] = kept ? entry[0] : AT_IGNORE;
		copy(true, at, entry, sizeof(entry));
	}
}

/* 1: let Linux do it; else the result. */
static long judge_linux(const struct user_regs_struct *regs)
{
	const long number = (long)regs->orig_rax;

	if (number >= 0 && number < (long)(sizeof(seen) / sizeof(seen[0])))
		seen[number] = true;
	if ((number == SYS_mmap || number == SYS_mprotect) && (regs->rdx & PROT_EXEC) != 0)
		return -EACCES;
	if (number == SYS_mmap &&
	    (regs->r10 & (MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED)) != (MAP_ANONYMOUS | MAP_PRIVATE))
		return -EINVAL;
	if (number == SYS_readlink)
		return -ENOENT;
	if (number == SYS_write)
		return (long)regs->rdx;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (number == allowed[i])
			return 1;
	}
	return -ENOSYS;
}

/* openvbs's own calls, but the one that waits. */
static long judge_openvbs(const struct user_regs_struct *regs)
{
	static uint64_t counters[OVBS_TL_COUNTERS];
	uint8_t key[OVBS_TL_SEAL_KEY_LEN];

	switch (regs->orig_rax) {
	case OVBS_TL_SEAL_KEY:
		memset(key, 0x4B, sizeof(key));
		copy(true, regs->rdi, key, sizeof(key));
		return 0;
	case OVBS_TL_COUNTER:
		return regs->rdi < OVBS_TL_COUNTERS ? (long)(counters[regs->rdi] += regs->rsi) : -EINVAL;
	case OVBS_TL_LOG:
		return 0;
	default:
		return judge_linux(regs);
	}
}

/* Runs until the child waits for a request (0), or ends as go() says. */
static int run(void)
{
	for (;;) {
		struct user_regs_struct regs;
		int end = go();
		long result;

		if (end != 0)
			return end;
		regs = get_regs();
		if (regs.orig_rax == OVBS_TL_REPLY_AND_RECEIVE)
			return 0;
		result = judge_openvbs(&regs);
		if (result != 1) {
			regs.orig_rax = UINT64_MAX; /* no call */
			set_regs(&regs);
		}
		end = go();
		if (end != 0)
			return end;
		if (result != 1) {
			regs = get_regs();
			regs.rax = (uint64_t)result;
			set_regs(&regs);
		}
	}
}

static void stop(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
}

static int invoke(struct ovbs_tl_request *r);

/* Starts a trustlet within @kib of address space, and opens session 1. */
static void start(const char *path, rlim_t kib)
{
	struct ovbs_tl_request r = { .kind = OVBS_TL_OPEN, .session = 1 };
	int status;

	stop();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = { 0, 0 }, memory = { kib << 10, kib << 10 };
		char *argv[] = { (char *)path, NULL }, *envp[] = { NULL };

		setrlimit(RLIMIT_CORE, &no_core);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		if (syscall(SYS_prlimit64, 0, RLIMIT_AS, kib != 0 ? &memory : NULL, NULL) == 0)
			execve(path, argv, envp);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	assert_int_equal(
		ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	reduce_auxv();
	assert_int_equal(run(), 0);
	assert_int_equal(invoke(&r), 0);
	assert_int_equal(r.result, OVBS_OK);
}

/* Puts a request into the child, which waits, and gets the answer: 0, or as go() says. */
static int invoke(struct ovbs_tl_request *r)
{
	struct user_regs_struct regs = get_regs();
	int end;

	copy(true, regs.rdi, r, sizeof(*r));
	end = go();
	if (end != 0)
		return end;
	regs = get_regs();
	regs.rax = 0;
	set_regs(&regs);
	end = run();
	if (end == 0)
		copy(false, get_regs().rdi, r, sizeof(*r));
	return end;
}

/* A command whose first parameter is a value, and its answer: parameter 1 if that is a VALUE_OUT, else 0. */
static int invoke_values(uint32_t command, uint32_t types, uint64_t *a, uint64_t *b)
{
	struct ovbs_tl_request r = { .kind = OVBS_TL_INVOKE, .session = 1, .command = command };
	int end, out = OVBS_PARAM_TYPE(types, 1) == OVBS_PARAM_VALUE_OUT;

	r.types = types;
	r.param[0] = (struct ovbs_param){ *a, *b };
	end = invoke(&r);
	if (end != 0)
		return end;
	assert_int_equal(r.result, OVBS_OK);
	*a = r.param[out].a;
	*b = r.param[out].b;
	return 0;
}

#define IN_OUT     OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0)
#define IN         OVBS_PARAM_VALUE_IN
#define OUT        OVBS_PARAM_VALUE_OUT
#define IN_AND_OUT OVBS_PARAM_VALUE_INOUT

static void test_hello(void **state)
{
	struct ovbs_tl_request r = { .kind = OVBS_TL_INVOKE, .session = 1, .command = HELLO_GREET };
	uint64_t a = 40, b = 2;

	start(TL_ELF_DIR "/hello.elf", 0);
	r.types = OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, 0, 0);
	r.param[0] = (struct ovbs_param){ OVBS_DATA_OFF, 5 };
	r.param[1] = (struct ovbs_param){ OVBS_DATA_OFF + 5, 100 };
	memcpy(r.data, "World", 5);
	assert_int_equal(invoke(&r), 0);
	assert_int_equal(r.result, OVBS_OK);
	assert_int_equal(r.param[1].b, 13);
	assert_memory_equal(r.data + 5, "Hello, World!", 13);
	assert_int_equal(invoke_values(HELLO_ADD, IN_OUT, &a, &b), 0);
	assert_int_equal(a, 42);
}

static void test_selftest(void **state)
{
	uint64_t a = 0, b = 0;

	start(TL_ELF_DIR "/selftest.elf", 0);
	assert_int_equal(invoke_values(SELFTEST_CRYPTO_VECTORS, OUT, &a, &b), 0);
	assert_int_equal(a, 0);
	a = 1;
	b = 5000;
	assert_int_equal(invoke_values(SELFTEST_MALLOC_STRESS, IN_OUT, &a, &b), 0);
	a = 2;
	b = 0;
	assert_int_equal(invoke_values(SELFTEST_WORK, IN_OUT, &a, &b), 0);
	assert_true(b >= 2000000);
	a = 1;
	b = 5;
	assert_int_equal(invoke_values(SELFTEST_COUNTER, IN_OUT, &a, &b), 0);
	assert_int_equal(a, 5);
	for (uint64_t i = SELFTEST_MAP_RWX; i <= SELFTEST_UNMAP_KERNEL; i++) {
		a = i;
		assert_int_equal(invoke_values(SELFTEST_MPROTECT_WX, IN_OUT, &a, &b), 0);
		assert_true((int64_t)a < 0);
	}
}

/* Both ends of the limit: it is found, and the trustlet is as before. */
static void test_memory_limit(void **state)
{
	uint64_t a = 0, b = 0;

	start(TL_ELF_DIR "/selftest.elf", 6144);
	for (int i = 0; i < 3; i++) {
		a = 0;
		assert_int_equal(invoke_values(SELFTEST_EXHAUST_MEMORY, IN_AND_OUT, &a, &b), 0);
		print_message("selftest in 6144 KiB: %u KiB of heap\n", (unsigned int)a);
		assert_true(a >= 3072 && a < 6144);
	}
}

/* All but RAX, RCX, RDI, RSP and R11 hold the pattern when the reply is sent. */
static void test_fill_registers(void **state)
{
	struct ovbs_tl_request r = { .kind = OVBS_TL_INVOKE, .session = 1 };
	struct user_fpregs_struct fp;
	struct user_regs_struct regs;
	uint64_t xmm[32];
	uint64_t a = 0, b = 0;

	start(TL_ELF_DIR "/selftest.elf", 0);
	r.command = SELFTEST_FILL_REGISTERS;
	assert_int_equal(invoke(&r), 0);
	regs = get_regs();
	{
		const uint64_t all[] = { regs.rbx, regs.rdx, regs.rsi, regs.rbp, regs.r8, regs.r9,
					 regs.r10, regs.r12, regs.r13, regs.r14, regs.r15 };

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			assert_true(all[i] == SELFTEST_PATTERN);
	}
	assert_int_equal(ptrace(PTRACE_GETFPREGS, child, NULL, &fp), 0);
	memcpy(xmm, fp.xmm_space, sizeof(xmm));
	for (size_t i = 0; i < 32; i++)
		assert_true(xmm[i] == SELFTEST_PATTERN);
	/* It goes on with the next request, and with its own registers. */
	assert_int_equal(invoke_values(SELFTEST_CRYPTO_VECTORS, OUT, &a, &b), 0);
	assert_int_equal(a, 0);
	assert_true(get_regs().rbx != SELFTEST_PATTERN);
}

static int fate(uint32_t command, uint32_t types, uint64_t a)
{
	uint64_t b = 0;

	start(TL_ELF_DIR "/selftest.elf", 0);
	return invoke_values(command, types, &a, &b);
}

static void test_crashes(void **state)
{
	assert_int_equal(fate(SELFTEST_CRASH_NULL, 0, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_CRASH_STACK, 0, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_WRITE_TEXT, 0, 0), SIGSEGV);
	for (uint64_t where = 0; where <= SELFTEST_DATA_REQUEST; where++)
		assert_int_equal(fate(SELFTEST_EXEC_DATA, IN, where), SIGSEGV);
	assert_int_equal(fate(SELFTEST_READ_ADDRESS, IN_OUT, 0xFFFF800000000000ULL), SIGSEGV);
	assert_int_equal(fate(SELFTEST_EXIT, IN, 3), -1 - 3);
	/*
	 * The stack protector: a message by writev(), and abort(), which without
	 * signals ends by HLT. A wild return would be a SIGSEGV too, but silent.
	 */
	seen[SYS_writev] = false;
	assert_int_equal(fate(SELFTEST_CRASH_CANARY, 0, 0), SIGSEGV);
	assert_true(seen[SYS_writev]);
}

static int teardown(void **state)
{
	stop();
	return 0;
}

static int report(void **state)
{
	print_message("Linux calls that were made:");
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		if (seen[i])
			print_message(" %zu", i);
	}
	print_message("\n");
	return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hello),          TEST(test_selftest), TEST(test_memory_limit),
		TEST(test_fill_registers), TEST(test_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, report);
}
