// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same from user space (CPL 3), as root: instructions of a hypervisor, and
 * the hypervisor's memory by /dev/mem. Prints rows like openvbs_attack.ko.
 *
 *   attack_user [ADDRESS OF A HIDDEN PAGE]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static sigjmp_buf back;

static void caught(int signal_number)
{
	siglongjmp(back, signal_number);
}

static const char *signal_name(int n)
{
	switch (n) {
	case 0:
		return "ok";
	case SIGILL:
		return "SIGILL";
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGTRAP:
		return "SIGTRAP";
	default:
		return "signal";
	}
}

typedef void (*try_fn)(volatile uint64_t *at);

static const char *try_it(try_fn fn, volatile uint64_t *at)
{
	int n = sigsetjmp(back, 1);

	if (!n)
		fn(at);
	return signal_name(n);
}

#define INSN(name, bytes)                                                                          \
	static void i_##name(volatile uint64_t *at)                                                \
	{                                                                                          \
		uint64_t a = 0, b = 0, c = 0, d = 0;                                               \
		(void)at;                                                                          \
		__asm__ volatile(".byte " bytes                                                    \
				 : "+a"(a), "+b"(b), "+c"(c), "+d"(d)                              \
				 :                                                                 \
				 : "memory", "cc");                                                \
	}

INSN(vmrun, "0x0f, 0x01, 0xd8")
INSN(vmmcall, "0x0f, 0x01, 0xd9")
INSN(vmload, "0x0f, 0x01, 0xda")
INSN(vmsave, "0x0f, 0x01, 0xdb")
INSN(stgi, "0x0f, 0x01, 0xdc")
INSN(clgi, "0x0f, 0x01, 0xdd")
INSN(skinit, "0x0f, 0x01, 0xde")
INSN(invlpga, "0x0f, 0x01, 0xdf")
INSN(vmcall, "0x0f, 0x01, 0xc1")

/* VTL calls with a message, and the way of the hypercall page: input value in RCX. */
#define INSN_VTL_CALL(name, bytes)                                                                 \
	static void i_##name(volatile uint64_t *at)                                                \
	{                                                                                          \
		uint64_t a = 0, c = 0x11, d = 1;                                                   \
		(void)at;                                                                          \
		__asm__ volatile(".byte " bytes : "+a"(a), "+c"(c), "+d"(d) : : "memory", "cc");   \
	}

INSN_VTL_CALL(vmmcall_vtl_call, "0x0f, 0x01, 0xd9")
INSN_VTL_CALL(vmcall_vtl_call, "0x0f, 0x01, 0xc1")

/* The same from 32-bit code; behind it is a breakpoint. */
static void compat(const unsigned char *code, size_t n)
{
	const uint16_t user32_cs = 0x23;
	unsigned char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct {
		uint32_t offset;
		uint16_t selector;
	} to;

	if (page == MAP_FAILED)
		raise(SIGBUS);
	memset(page, 0xCC, PAGE);
	memcpy(page, code, n);
	to.offset = (uint32_t)(uintptr_t)page;
	to.selector = user32_cs;
	__asm__ volatile("ljmpl *%0" : : "m"(to), "a"(0), "c"(0x11), "d"(1) : "memory", "cc");
}

static void i_compat_vmmcall(volatile uint64_t *at)
{
	(void)at;
	compat((const unsigned char[]){ 0x0F, 0x01, 0xD9 }, 3);
}

static void i_compat_vmcall(volatile uint64_t *at)
{
	(void)at;
	compat((const unsigned char[]){ 0x0F, 0x01, 0xC1 }, 3);
}
INSN(rsm, "0x0f, 0xaa")
INSN(vmread, "0x0f, 0x78, 0xc0")
INSN(vmlaunch, "0x0f, 0x01, 0xc2")
INSN(getsec, "0x0f, 0x37")

#define INSN_MEMORY(name, bytes)                                                                   \
	static void i_##name(volatile uint64_t *at)                                                \
	{                                                                                          \
		static uint64_t operand[2];                                                        \
		(void)at;                                                                          \
		__asm__ volatile(".byte " bytes : : "a"(operand), "c"(1L) : "memory", "cc");       \
	}

INSN_MEMORY(vmxon, "0xf3, 0x0f, 0xc7, 0x30")
INSN_MEMORY(vmptrld, "0x0f, 0xc7, 0x30")
INSN_MEMORY(invept, "0x66, 0x0f, 0x38, 0x80, 0x08")

/*
 * MOV to SS holds the single-step trap off for one instruction; that one is
 * answered by an exception. VM entry checks that the two fit (SDM 3, 27.3.1.5).
 */
static void i_step_held(volatile uint64_t *at)
{
	(void)at;
	__asm__ volatile("mov %%ss, %%eax; pushfq; orl $0x100, (%%rsp); popfq; mov %%eax, %%ss; .byte 0x0f, 0x01, 0xc1"
			 :
			 :
			 : "rax", "memory", "cc");
}

static void word_read(volatile uint64_t *at)
{
	if (*at)
		raise(SIGBUS); /* content: told apart by its name */
}

static void word_write(volatile uint64_t *at)
{
	*at = 0x5A5A5A5A5A5A5A5AULL;
}

static void word_run(volatile uint64_t *at)
{
	((void (*)(void))(uintptr_t)at)();
}

/* In a child: where the kernel itself gets the #GP, it ends the process that asked. */
static const char *write_call(int fd, uint64_t hidden)
{
	char page[PAGE];
	int status = 0;
	pid_t child = fork();

	memset(page, 0x5A, sizeof(page));
	if (!child)
		_exit(pwrite(fd, page, sizeof(page), (off_t)hidden) == PAGE ? 1 : 2);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return "norun";
	if (WIFSIGNALED(status))
		return "killed";
	return WEXITSTATUS(status) == 1 ? "accepted" : "refused";
}

static void memory_rows(uint64_t hidden)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	volatile uint64_t *at = MAP_FAILED;

	if (fd >= 0)
		at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, (off_t)hidden);
	if (at == MAP_FAILED) {
		printf("row devmem_read locked /dev/mem is not to be had\n");
		printf("row devmem_write locked /dev/mem is not to be had\n");
		printf("row devmem_fetch locked /dev/mem is not to be had\n");
		printf("row devmem_write_call locked /dev/mem is not to be had\n");
		return;
	}
	printf("row devmem_read %s mapped\n", try_it(word_read, at));
	printf("row devmem_write %s mapped\n", try_it(word_write, at));
	printf("row devmem_fetch %s mapped\n", try_it(word_run, at));
	printf("row devmem_write_call %s by write(), %s afterwards\n", write_call(fd, hidden),
	       try_it(word_read, at));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		try_fn fn;
	} tries[] = {
		{ "user_vmrun", i_vmrun },         { "user_vmmcall", i_vmmcall },
		{ "user_vmload", i_vmload },       { "user_vmsave", i_vmsave },
		{ "user_stgi", i_stgi },           { "user_clgi", i_clgi },
		{ "user_skinit", i_skinit },       { "user_invlpga", i_invlpga },
		{ "user_vmcall", i_vmcall },       { "user_rsm", i_rsm },
		{ "user_vmxon", i_vmxon },         { "user_vmread", i_vmread },
		{ "user_vmlaunch", i_vmlaunch },   { "user_vmptrld", i_vmptrld },
		{ "user_invept", i_invept },       { "user_getsec", i_getsec },
		{ "user_step_held", i_step_held },
		{ "user_vmmcall_vtl_call", i_vmmcall_vtl_call },
		{ "user_vmcall_vtl_call", i_vmcall_vtl_call },
		{ "user_compat_vmmcall", i_compat_vmmcall },
		{ "user_compat_vmcall", i_compat_vmcall },
	};
	/* A CPU may drop the upper half of RSP in 32-bit code: signals get a stack of their own. */
	static char signal_stack[64 << 10];
	const stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	struct sigaction action = { .sa_handler = caught, .sa_flags = SA_ONSTACK };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaltstack(&stack, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		printf("row %s %s at CPL 3\n", tries[i].name, try_it(tries[i].fn, NULL));
	if (argc > 1)
		memory_rows(strtoull(argv[1], NULL, 16));
	return 0;
}
