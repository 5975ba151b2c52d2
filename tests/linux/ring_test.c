// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux/logfile.c on the host, against a writer that behaves like the
 * hypervisor's: bytes first, then `written`. Every line carries its number and
 * its own length, so that a torn, repeated or reordered line shows. The writer
 * runs at full speed in a thread of its own.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../linux/logfile.c"

#define RING  4096
#define LINES 200000 /* to be seen, within */
#define LIMIT 20     /* seconds */

static union {
	struct ovbs_log log;
	char room[sizeof(struct ovbs_log) + RING];
} ring;
static int stop;

static unsigned int fails;

#define CHECK(c, ...)                                                                              \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			fails++;                                                                   \
			printf("FAIL %s:%d: ", #c, __LINE__);                                      \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)

static void put(const char *line, size_t n)
{
	uint64_t at = ring.log.written;

	for (size_t i = 0; i < n; i++)
		ring.log.data[(at + i) % RING] = line[i];
	__atomic_store_n(&ring.log.written, at + n, __ATOMIC_RELEASE);
}

/* "12 [17] xxxxxxxxx\n": the number, the line's length, and filling. */
static size_t make_line(char *line, uint64_t number)
{
	int fill = (int)(number * 7 % 150);
	int n = snprintf(line, 64, "%llu [%d] ", (unsigned long long)number, fill);

	memset(line + n, 'a' + (int)(number % 26), (size_t)fill);
	line[n + fill] = '\n';
	return (size_t)(n + fill) + 1;
}

static void *writer(void *unused)
{
	char line[256];

	for (uint64_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		put(line, make_line(line, i));
	return unused;
}

/* All lines whole and in order; returns how many. */
static unsigned int check_text(const char *text, size_t n)
{
	char want[256];
	const char *end = text + n;
	uint64_t number, last = 0;
	unsigned int lines = 0;

	while (text < end) {
		size_t length;

		number = strtoull(text, NULL, 10);
		length = make_line(want, number);
		CHECK(length <= (size_t)(end - text) && !memcmp(text, want, length),
		      "torn line: %.40s", text);
		CHECK(!lines || number == last + 1, "line %llu behind %llu",
		      (unsigned long long)number, (unsigned long long)last);
		if (fails)
			return lines;
		last = number;
		text += length;
		lines++;
	}
	return lines;
}

static void still_ring(void)
{
	struct openvbs_hv hv = { .log = &ring.log, .log_bytes = RING };
	char text[RING], line[256];
	uint64_t lost, total = 0;
	size_t n;

	n = openvbs_log_copy(&hv, text, &lost);
	CHECK(n == 0 && lost == 0, "an empty ring gives %zu bytes, %llu lost", n, (unsigned long long)lost);
	for (uint64_t i = 0; i < 500; i++) {
		size_t length = make_line(line, i);

		put(line, length);
		total += length;
		n = openvbs_log_copy(&hv, text, &lost);
		CHECK(n + lost == total, "line %llu: %zu bytes and %llu lost of %llu",
		      (unsigned long long)i, n, (unsigned long long)lost, (unsigned long long)total);
		CHECK(n >= (total < RING - LINE_IN_FLIGHT ? total : RING - LINE_IN_FLIGHT - 256),
		      "only %zu bytes", n);
		check_text(text, n);
	}
}

/* A header that no honest writer makes: `written` runs backwards, or is huge. Nothing but the ring may be read. */
static void odd_headers(void)
{
	static const uint64_t odd[] = { UINT64_MAX, UINT64_MAX - 100, RING, RING - 1, RING + 1, 1 };
	struct openvbs_hv hv = { .log = &ring.log, .log_bytes = RING };
	char text[RING];
	uint64_t lost;

	memset(ring.log.data, 'x', RING);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		ring.log.written = odd[i];
		CHECK(openvbs_log_copy(&hv, text, &lost) <= RING, "written %llx",
		      (unsigned long long)odd[i]);
	}
	ring.log.written = 0;
}

static void live_ring(void)
{
	struct openvbs_hv hv = { .log = &ring.log, .log_bytes = RING };
	char text[RING];
	unsigned long long lines = 0, copies = 0, overtaken = 0;
	time_t end = time(NULL) + LIMIT;
	pthread_t thread;
	uint64_t lost;
	size_t n;

	ring.log.written = 0;
	if (pthread_create(&thread, NULL, writer, NULL))
		exit(2);
	while (lines < LINES && !fails && time(NULL) < end) {
		n = openvbs_log_copy(&hv, text, &lost);
		lines += check_text(text, n);
		copies++;
		overtaken += !n && lost;
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CHECK(lines >= LINES, "only %llu lines were seen in %d s", lines, LIMIT);
	printf("ring_test: %llu lines in %llu copies, %llu copies overtaken\n", lines, copies, overtaken);
}

int main(void)
{
	odd_headers();
	still_ring();
	live_ring();
	printf("ring_test: %u passed, %u failed\n", fails ? 0u : 3u, fails);
	return fails != 0;
}
