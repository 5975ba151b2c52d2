// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf: two programs of classic BPF, a socket filter and a seccomp filter, run
 * by whatever the kernel has for it. Prints "ok" if both do what they say, else
 * what failed; 0 or 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UDP_HEADER 8
#define REFUSED    77

static int failed(const char *what)
{
	perror(what);
	return 1;
}

/* Of two datagrams the one that begins with 'A' comes through. */
static int filter_socket(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, UDP_HEADER),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'A', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xFFFF),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(4444)
	};
	int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
	char got[8] = "";

	if (bind(in, (struct sockaddr *)&to, sizeof(to)))
		return failed("bind");
	if (setsockopt(in, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return failed("attach");
	if (sendto(out, "B1", 2, 0, (struct sockaddr *)&to, sizeof(to)) != 2 ||
	    sendto(out, "A2", 2, 0, (struct sockaddr *)&to, sizeof(to)) != 2)
		return failed("send");
	if (recv(in, got, sizeof(got) - 1, 0) != 2 || strcmp(got, "A2")) {
		fprintf(stderr, "received %s\n", got);
		return 1;
	}
	return 0;
}

/* One system call fails with an error of our own. */
static int filter_calls(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(insns) / sizeof(insns[0]), insns };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return failed("seccomp");
	if (syscall(SYS_getppid) != -1 || errno != REFUSED)
		return failed("getppid");
	return 0;
}

int main(void)
{
	if (filter_socket() || filter_calls())
		return 1;
	puts("ok");
	return 0;
}
