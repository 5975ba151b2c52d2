// SPDX-License-Identifier: GPL-2.0-only
/*
 * selftest as a Linux process: that its commands do what they say.
 *
 * Linux is the less strict kernel: what VTL1 refuses (executable data) works
 * here, which shows that the command really tries.
 */
/* links: trustlets/selftest/main.c trustlets/selftest/faults.c trustlets/selftest/limits.c trustlets/selftest/crypto.c */
/* links: trustlets/selftest/fill.S trustlets/lib/trustlet.c trustlets/lib/seal.c trustlets/lib/backend_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <errno.h>
#include <mbedtls/ecdsa.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../trustlets/selftest/selftest.h"
#include "trustlet_client.h"

static int setup(void **state)
{
	tl_host_policy(OVBS_POLICY_SEAL | OVBS_POLICY_COUNTER | OVBS_POLICY_LOG);
	tl_host_forget();
	assert_int_equal(rq_open(7), OVBS_OK);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(rq_close(7), OVBS_OK);
	return 0;
}

/* Value in, value out: most commands. */
static uint32_t call_values(uint32_t command, uint64_t *a, uint64_t *b)
{
	struct ovbs_tl_request r;
	uint32_t result;

	rq_init(&r, OVBS_TL_INVOKE, 7, command);
	rq_value(&r, 0, VI, *a, *b);
	rq_value(&r, 1, VO, 0, 0);
	result = rq_call(&r);
	*a = r.param[1].a;
	*b = r.param[1].b;
	return result;
}

static void test_echo(void **state)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_ECHO);
	rq_buffer(&r, 0, BI, "abc", 3);
	rq_buffer(&r, 1, BO, NULL, 5);
	rq_buffer(&r, 2, BIO, "\x00\xFF\x0F", 3);
	rq_value(&r, 3, VIO, 1, 2);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].b, 3);
	assert_memory_equal(rq_data(&r, 1), "abc", 3);
	assert_memory_equal(rq_data(&r, 2), "\xFF\x00\xF0", 3);
	assert_true(r.param[3].a == ~1ULL && r.param[3].b == ~2ULL);

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_ECHO);
	rq_value(&r, 0, VO, 0, 0);
	rq_buffer(&r, 1, BO, NULL, 5);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[0].a, 0);
	assert_int_equal(r.param[0].b, r.types);
	assert_memory_equal(rq_data(&r, 1), "\2\2\2\2\2", 5);

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_ECHO);
	rq_value(&r, 0, VI, 8, 9);
	rq_value(&r, 1, VO, 0, 0);
	rq_buffer(&r, 2, BI, "four", 4);
	rq_buffer(&r, 3, BO, NULL, 3);
	assert_int_equal(rq_call(&r), OVBS_E_SHORT_BUFFER);
	assert_int_equal(r.param[3].b, 4);
	r.param[3].a -= 1; /* three bytes of the input are enough now */
	r.param[2].b = 3;
	r.param[3].b = 3;
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_true(r.param[1].a == 8 && r.param[1].b == 9);
	assert_memory_equal(rq_data(&r, 3), "fou", 3);
}

/*
 * Runs a command in a child. Returns the signal that ended it, or -1 if the
 * command came back; an exit by itself is 256 + status.
 */
static int fate(uint32_t command, uint32_t type, uint64_t a, uint64_t b)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit no_core = { 0, 0 };
		struct ovbs_tl_request r;
		int fd = open("/dev/null", O_WRONLY);

		if (fd >= 0)
			dup2(fd, STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &no_core);
		/* The CPU's verdict, not AddressSanitizer's. */
		for (int s = 1; s < 32; s++)
			signal(s, SIG_DFL);
		alarm(command == SELFTEST_LOOP_FOREVER ? 1 : 30);
		rq_init(&r, OVBS_TL_INVOKE, 7, command);
		if (type != NONE)
			rq_value(&r, 0, type, a, b);
		if (command == SELFTEST_READ_ADDRESS)
			rq_value(&r, 1, VO, 0, 0);
		_exit(rq_call(&r) == OVBS_OK ? 99 : 98);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	return WEXITSTATUS(status) == 99 ? -1 : 256 + WEXITSTATUS(status);
}

static void test_crashes(void **state)
{
	assert_int_equal(fate(SELFTEST_CRASH_NULL, NONE, 0, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_CRASH_STACK, NONE, 0, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_WRITE_TEXT, NONE, 0, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_EXIT, VI, 3, 0), 256 + 3);
	for (int where = 0; where <= SELFTEST_DATA_REQUEST; where++)
		assert_int_equal(fate(SELFTEST_EXEC_DATA, VI, (uint64_t)where, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_EXEC_DATA, VI, SELFTEST_DATA_REQUEST + 1, 0), 256 + 98);
	assert_int_equal(fate(SELFTEST_READ_ADDRESS, VI, 0xFFFFFFFF81000000ULL, 0), SIGSEGV);
	assert_int_equal(fate(SELFTEST_READ_ADDRESS, VI, (uintptr_t) "x", 0), -1);
}

static void test_privileged(void **state)
{
	static const int want[] = {
		[SELFTEST_INSN_CLI] = SIGSEGV,      [SELFTEST_INSN_HLT] = SIGSEGV,
		[SELFTEST_INSN_READ_CR3] = SIGSEGV, [SELFTEST_INSN_WRITE_CR3] = SIGSEGV,
		[SELFTEST_INSN_RDMSR] = SIGSEGV,    [SELFTEST_INSN_OUT] = SIGSEGV,
		[SELFTEST_INSN_UD2] = SIGILL,       [SELFTEST_INSN_INT3] = SIGTRAP,
		[SELFTEST_INSN_DIVIDE] = SIGFPE,    [SELFTEST_INSN_NON_CANONICAL] = SIGSEGV,
	};

	/* VMCALL, INT80 and SGDT depend on the machine below Linux. */
	for (size_t i = 0; i < TL_ARRAY_LEN(want); i++) {
		if (want[i] != 0)
			assert_int_equal(fate(SELFTEST_PRIVILEGED, VI, i, 0), want[i]);
	}
	assert_int_equal(fate(SELFTEST_PRIVILEGED, VI, SELFTEST_INSN_SGDT + 1, 0), 256 + 98);
}

static void test_loop(void **state)
{
	assert_int_equal(fate(SELFTEST_LOOP_FOREVER, NONE, 0, 0), SIGALRM);
}

static void test_memory(void **state)
{
	struct ovbs_tl_request r;
	uint64_t a = 42, b = 3000;

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_EXHAUST_MEMORY);
	rq_value(&r, 0, VIO, 1024, 0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[0].a, 1024);
	assert_int_equal(call_values(SELFTEST_MALLOC_STRESS, &a, &b), OVBS_OK);
	assert_true(a > 2048);
	assert_int_equal(b, 3000);
}

static void test_mappings(void **state)
{
	static const int want[] = {
		[SELFTEST_PROTECT_FOREIGN] = -ENOMEM,
		[SELFTEST_MAP_KERNEL] = -ENOMEM,
		[SELFTEST_UNMAP_KERNEL] = -EINVAL,
	};

	for (uint64_t i = SELFTEST_MAP_RWX; i <= SELFTEST_UNMAP_KERNEL; i++) {
		uint64_t a = i, b = 0;

		/* These two would change this very process. */
		if (i == SELFTEST_MAP_FIXED_TEXT || i == SELFTEST_PROTECT_CONST_RX)
			continue;
		assert_int_equal(call_values(SELFTEST_MPROTECT_WX, &a, &b), OVBS_OK);
		assert_true((int64_t)a == (i < TL_ARRAY_LEN(want) ? want[i] : 0));
	}
}

static void test_syscalls(void **state)
{
	uint64_t a = SYS_getpid, b = 0;

	assert_int_equal(call_values(SELFTEST_SYSCALL, &a, &b), OVBS_OK);
	assert_int_equal(a, getpid());
	a = 100000;
	b = 5;
	assert_int_equal(call_values(SELFTEST_SYSCALL, &a, &b), OVBS_OK);
	assert_true((int64_t)a == -ENOSYS);
	a = SYS_umask; /* has one argument and gives it back */
	b = 022;
	assert_int_equal(call_values(SELFTEST_SYSCALL, &a, &b), OVBS_OK);
	a = SYS_umask;
	assert_int_equal(call_values(SELFTEST_SYSCALL, &a, &b), OVBS_OK);
	assert_int_equal(a, 022);
}

static void test_fill_registers(void **state)
{
	struct ovbs_tl_request r;

	/* Comes back through selftest_reply_filled(), whose call Linux refuses. */
	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_FILL_REGISTERS);
	assert_int_equal(rq_call(&r), OVBS_OK);
}

static void test_addresses_and_random(void **state)
{
	uint8_t zero[64] = { 0 };
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_ADDRESSES);
	rq_value(&r, 0, VO, 0, 0);
	rq_value(&r, 1, VO, 0, 0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_true(r.param[0].a == (uintptr_t)&trustlet_main);
	assert_true(r.param[0].b != 0 && r.param[1].a != 0 && r.param[1].b != 0);
	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_RANDOM);
	rq_buffer(&r, 0, BO, NULL, sizeof(zero));
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_memory_not_equal(rq_data(&r, 0), zero, sizeof(zero));
	assert_int_equal(r.data[sizeof(zero)], 0xEE);
}

static void test_work(void **state)
{
	uint64_t a = 0, b = 100;

	assert_int_equal(call_values(SELFTEST_WORK, &a, &b), OVBS_OK);
	assert_int_equal(a, 100);
	a = 5;
	b = 0;
	assert_int_equal(call_values(SELFTEST_WORK, &a, &b), OVBS_OK);
	assert_true(a > 0 && b >= 5000000);
	a = SELFTEST_WORK_MAX_MS + 1;
	assert_int_equal(call_values(SELFTEST_WORK, &a, &b), OVBS_E_BAD_PARAMETERS);
}

static void test_counter(void **state)
{
	uint64_t a = 2, b = 5;

	assert_int_equal(call_values(SELFTEST_COUNTER, &a, &b), OVBS_OK);
	assert_int_equal(a, 5);
	a = 1ULL << 32;
	b = 1;
	assert_int_equal(call_values(SELFTEST_COUNTER, &a, &b), OVBS_E_BAD_PARAMETERS);
}

static uint32_t call_seal(struct ovbs_tl_request *r, uint32_t command, const char *ad,
			  const void *in, size_t size, size_t room)
{
	rq_init(r, OVBS_TL_INVOKE, 7, command);
	rq_buffer(r, 0, BI, ad, strlen(ad));
	rq_buffer(r, 1, BI, in, size);
	rq_buffer(r, 2, BO, NULL, room);
	return rq_call(r);
}

static void test_seal(void **state)
{
	struct ovbs_tl_request r;
	uint8_t blob[100];
	size_t size;

	assert_int_equal(call_seal(&r, SELFTEST_SEAL, "ad", "text", 4, 100), OVBS_OK);
	size = r.param[2].b;
	assert_int_equal(size, 4 + TL_SEAL_OVERHEAD);
	memcpy(blob, rq_data(&r, 2), size);
	assert_int_equal(call_seal(&r, SELFTEST_UNSEAL, "ad", blob, size, 4), OVBS_OK);
	assert_int_equal(r.param[2].b, 4);
	assert_memory_equal(rq_data(&r, 2), "text", 4);
	assert_int_equal(call_seal(&r, SELFTEST_UNSEAL, "ae", blob, size, 4), OVBS_E_SECURITY);
	assert_int_equal(call_seal(&r, SELFTEST_UNSEAL, "ad", blob, size, 3), OVBS_E_SHORT_BUFFER);
	assert_int_equal(r.param[2].b, 4);
}

static uint32_t call_sign(struct ovbs_tl_request *r, uint32_t command, uint64_t times)
{
	rq_init(r, OVBS_TL_INVOKE, 7, command);
	rq_value(r, 0, VI, times, 0);
	rq_buffer(r, 1, BI, "message", 7);
	rq_buffer(r, 2, BO, NULL, 64);
	rq_buffer(r, 3, BO, NULL, 70);
	return rq_call(r);
}

static void test_ed25519(void **state)
{
	struct ovbs_tl_request r;

	assert_int_equal(call_sign(&r, SELFTEST_SIGN_ED25519, 3), OVBS_OK);
	assert_int_equal(r.param[3].b, 32);
	assert_int_equal(crypto_sign_verify_detached(rq_data(&r, 2), (const uint8_t *)"message", 7,
						     rq_data(&r, 3)),
			 0);
	assert_int_equal(call_sign(&r, SELFTEST_SIGN_ED25519, 0), OVBS_E_BAD_PARAMETERS);
}

static void test_p256(void **state)
{
	struct ovbs_tl_request r;
	uint8_t hash[32], *sig;
	mbedtls_ecp_group group;
	mbedtls_ecp_point public;
	mbedtls_mpi a, b;

	assert_int_equal(call_sign(&r, SELFTEST_SIGN_P256, 2), OVBS_OK);
	assert_int_equal(r.param[3].b, 65);
	sig = rq_data(&r, 2);
	crypto_hash_sha256(hash, (const uint8_t *)"message", 7);
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&public);
	mbedtls_mpi_init(&a);
	mbedtls_mpi_init(&b);
	assert_int_equal(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1), 0);
	assert_int_equal(mbedtls_ecp_point_read_binary(&group, &public, rq_data(&r, 3), 65), 0);
	assert_int_equal(mbedtls_mpi_read_binary(&a, sig, 32), 0);
	assert_int_equal(mbedtls_mpi_read_binary(&b, sig + 32, 32), 0);
	assert_int_equal(mbedtls_ecdsa_verify(&group, hash, sizeof(hash), &public, &a, &b), 0);
	hash[0] ^= 1;
	assert_int_not_equal(mbedtls_ecdsa_verify(&group, hash, sizeof(hash), &public, &a, &b), 0);
	mbedtls_ecp_group_free(&group);
	mbedtls_ecp_point_free(&public);
	mbedtls_mpi_free(&a);
	mbedtls_mpi_free(&b);
}

static void test_vectors(void **state)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 7, SELFTEST_CRYPTO_VECTORS);
	rq_value(&r, 0, VO, 0, 0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[0].a, 0);
	assert_int_equal(r.param[0].b, 7);
	/* Without a sealing key one of them fails, and says so. */
	tl_host_policy(0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[0].a, SELFTEST_VECTOR_SEAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_echo),     TEST(test_crashes),        TEST(test_privileged),
		TEST(test_loop),     TEST(test_memory),         TEST(test_mappings),
		TEST(test_syscalls), TEST(test_fill_registers), TEST(test_addresses_and_random),
		TEST(test_work),     TEST(test_counter),        TEST(test_seal),
		TEST(test_ed25519),  TEST(test_p256),           TEST(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
