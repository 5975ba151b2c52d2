// SPDX-License-Identifier: GPL-2.0-only
/*
 * setvar COUNT: write a non-volatile UEFI variable COUNT times through efivarfs,
 * on each CPU in turn, and read it back each time. On a Secure Boot machine
 * every SetVariable goes through SMM.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VARIABLE   "/sys/firmware/efi/efivars/OvbsTest-11111111-2222-3333-4444-555555555555"
#define ATTRIBUTES 7 /* non-volatile, boot services, runtime */

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void use_cpu(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("sched_setaffinity");
}

/* efivarfs marks most variables immutable, against rm -rf. */
static void make_mutable(void)
{
	int flags = 0, fd = open(VARIABLE, O_RDONLY);

	if (fd < 0)
		return;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
}

int main(int argc, char **argv)
{
	long count = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long i = 0; i < count; i++) {
		unsigned char out[8] = { ATTRIBUTES, 0, 0, 0, (unsigned char)i, 'o', 'v', 'b' },
			      in[8] = { 0 };
		int fd;

		use_cpu(i % cpus);
		make_mutable();
		fd = open(VARIABLE, O_WRONLY | O_CREAT, 0644);
		if (fd < 0)
			return fail("open");
		if (write(fd, out, sizeof(out)) != sizeof(out))
			return fail("write");
		close(fd);
		fd = open(VARIABLE, O_RDONLY);
		if (fd < 0 || read(fd, in, sizeof(in)) != sizeof(in) || memcmp(in, out, sizeof(in)))
			return fail("read back");
		close(fd);
	}
	printf("%ld variables written\n", count);
	return count > 0 ? 0 : 2;
}
