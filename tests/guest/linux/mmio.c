// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmio RESOURCE OFFSET VALUE: map a PCI BAR by sysfs, write VALUE at OFFSET,
 * read it back, print both. Shows that MMIO at that address is reachable.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	volatile uint32_t *at;
	off_t offset;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: mmio RESOURCE OFFSET VALUE\n");
		return 2;
	}
	offset = (off_t)strtoull(argv[2], NULL, 0);
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset & ~4095LL);
	if (at == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	at += (offset & 4095) / 4;
	*at = (uint32_t)strtoul(argv[3], NULL, 0);
	printf("%#x\n", *at);
	return 0;
}
