// SPDX-License-Identifier: GPL-2.0-only
/*
 * loops: small workloads for the guest, static, so that it runs in both images.
 *
 *     loops getpid|fork|pipe|touch N [CPU CPU]     run one loop N times
 *     loops mark N                                 only execute the mark N (1 to 4)
 *     loops watch FILE idle|busy SECONDS           FILE before and after, each behind a line "at NANOSECONDS"
 *     loops late SECONDS                           wake up each millisecond, and tell how late that was at worst
 *
 * Prints "NAME N NANOSECONDS" (CLOCK_MONOTONIC_RAW). The loop runs between the
 * marks 16 and 17 (mark.h), after a warm-up of a tenth, so that under
 * insncount.so the instructions of exactly the loop are known.
 *
 * pipe: a byte there and back between two processes is one turn; with two CPU
 * numbers each process is pinned to one, so that every turn is two wake-ups on
 * the other CPU. touch: one byte in each page of 64 MiB is one turn; it misses
 * the TLB nearly always, which is what nested paging makes dearer.
 *
 * watch does nothing between its two looks, or keeps two CPUs busy with system
 * calls, forks and pipes; it starts no program meanwhile, because each start of
 * a program executes CPUID some times, which would be counted with the rest.
 *
 * late runs with a real-time priority, so that it waits for nothing but for the
 * timer's interrupt to be taken. Prints "late WAKE-UPS NANOSECONDS".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

#define TOUCH_BYTES (64ul << 20)
#define PAGE        4096ul

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC_RAW, &t))
		die("clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void do_getpid(long n)
{
	while (n--)
		syscall(SYS_getpid);
}

static void do_fork(long n)
{
	while (n--) {
		int status;
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (!child)
			_exit(0);
		if (waitpid(child, &status, 0) != child || status)
			die("waitpid");
	}
}

static volatile char *pages;

static void do_touch(long n)
{
	while (n--)
		for (size_t at = 0; at < TOUCH_BYTES; at += PAGE)
			pages[at]++;
}

static int to_peer[2], from_peer[2];

static void do_pipe(long n)
{
	char c = 1;

	while (n--)
		if (write(to_peer[1], &c, 1) != 1 || read(from_peer[0], &c, 1) != 1)
			die("pipe");
}

static void start_peer(int own_cpu, int peer_cpu)
{
	pid_t child;
	char c;

	if (pipe(to_peer) || pipe(from_peer))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	if (child) {
		pin(own_cpu);
		return;
	}
	pin(peer_cpu);
	close(to_peer[1]);
	while (read(to_peer[0], &c, 1) == 1)
		if (write(from_peer[1], &c, 1) != 1)
			break;
	_exit(0);
}

static void map_pages(void)
{
	void *at = mmap(NULL, TOUCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	/* small pages, as most memory has; without THP in the kernel there is nothing to refuse */
	madvise(at, TOUCH_BYTES, MADV_NOHUGEPAGE);
	pages = at;
}

static int mark_only(long n)
{
	switch (n) {
	case 1:
		MARK(1);
		return 0;
	case 2:
		MARK(2);
		return 0;
	case 3:
		MARK(3);
		return 0;
	case 4:
		MARK(4);
		return 0;
	default:
		fprintf(stderr, "loops: no mark %ld\n", n);
		return 2;
	}
}

struct look {
	uint64_t at;
	ssize_t bytes;
	char text[1 << 20];
};

static void look(struct look *l, const char *path)
{
	ssize_t got = 1;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		die(path);
	for (l->bytes = 0; got > 0; l->bytes += got) {
		got = read(fd, l->text + l->bytes, sizeof(l->text) - (size_t)l->bytes);
		if (got < 0)
			die(path);
	}
	l->at = now();
	close(fd);
}

static void show(const struct look *l)
{
	printf("at %llu\n%.*s", (unsigned long long)l->at, (int)l->bytes, l->text);
}

#define MILLISECOND 1000000l

static int late(long seconds)
{
	const struct sched_param priority = { .sched_priority = 50 };
	struct timespec due, is;
	long n = seconds * 1000, worst = 0;

	if (sched_setscheduler(0, SCHED_FIFO, &priority) || mlockall(MCL_CURRENT) ||
	    clock_gettime(CLOCK_MONOTONIC, &due))
		die("late");
	for (long i = 0; i < n; i++) {
		long passed;

		due.tv_nsec += MILLISECOND;
		if (due.tv_nsec >= 1000 * MILLISECOND) {
			due.tv_nsec -= 1000 * MILLISECOND;
			due.tv_sec++;
		}
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) ||
		    clock_gettime(CLOCK_MONOTONIC, &is))
			die("late");
		passed = (is.tv_sec - due.tv_sec) * 1000 * MILLISECOND + is.tv_nsec - due.tv_nsec;
		if (passed > worst)
			worst = passed;
	}
	printf("late %ld %ld\n", n, worst);
	return 0;
}

static pid_t start_worker(void (*work)(long n), long n)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	while (!child)
		work(n);
	return child;
}

static int watch(const char *path, int busy, unsigned int seconds)
{
	static struct look before, after;
	struct timespec left = { .tv_sec = seconds };
	pid_t workers[3];

	if (busy) {
		start_peer(-1, 1); /* ends with the pipe's last writer */
		workers[0] = start_worker(do_pipe, 100);
		workers[1] = start_worker(do_getpid, 10000);
		workers[2] = start_worker(do_fork, 10);
		usleep(200000);
	}
	look(&before, path);
	if (nanosleep(&left, NULL))
		die("nanosleep");
	look(&after, path);
	for (int i = 0; busy && i < 3; i++)
		kill(workers[i], SIGKILL);
	show(&before);
	show(&after);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} loops[] = { { "getpid", do_getpid }, { "fork", do_fork }, { "pipe", do_pipe }, { "touch", do_touch } };
	long n = argc >= 3 ? atol(argv[2]) : 0;
	uint64_t begin, end;

	if (n > 0 && !strcmp(argv[1], "mark"))
		return mark_only(n);
	if (argc == 2 && !strcmp(argv[1], "ticks")) {
		printf("%llu\n", (unsigned long long)__builtin_ia32_rdtsc());
		return 0;
	}
	if (argc == 3 && n > 0 && !strcmp(argv[1], "late"))
		return late(n);
	if (argc == 5 && !strcmp(argv[1], "watch"))
		return watch(argv[2], !strcmp(argv[3], "busy"), (unsigned int)atoi(argv[4]));
	for (size_t i = 0; n > 0 && i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (strcmp(argv[1], loops[i].name))
			continue;
		if (loops[i].run == do_pipe)
			start_peer(argc == 5 ? atoi(argv[3]) : -1, argc == 5 ? atoi(argv[4]) : -1);
		if (loops[i].run == do_touch)
			map_pages();
		loops[i].run(n / 10 + 1);
		begin = now();
		MARK(16);
		loops[i].run(n);
		MARK(17);
		end = now();
		printf("%s %ld %llu\n", argv[1], n, (unsigned long long)(end - begin));
		return 0;
	}
	fprintf(stderr, "usage: loops getpid|fork|pipe|touch N [CPU CPU]\n       loops mark 1|2|3|4\n       loops ticks\n"
			"       loops watch FILE idle|busy SECONDS\n       loops late SECONDS\n");
	return 2;
}
