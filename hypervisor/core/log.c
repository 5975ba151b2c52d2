// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log ring, panic, and the serial port of debug builds. Lines are formatted on
 * the stack first, then copied under the lock, so that lines of two CPUs never
 * mix. `written` moves after the bytes: a reader never sees a line too early.
 */
#include "core/log.h"

#include <format.h>
#include <ovbs_string.h>

#include "arch/contract.h"
#include "core/power.h"

#define LINE_MAX_BYTES 200
#define DENIED_LINES   64        /* for each CPU */
#define STOP_SPINS     100000000 /* for the others to stop after a panic */
#define COM1           0x3F8
#define COM1_LSR       (COM1 + 5)
#define LSR_THR_EMPTY  0x20

static struct ovbs_log *ring;
static bool serial_on;
static struct lock log_lock;
static uint32_t stopped;

void log_init(void *page, bool serial)
{
	ring = page;
	ring->magic = OVBS_LOG_MAGIC;
	ring->version = OVBS_LOG_VERSION;
	ring->data_size = LOG_BYTES - sizeof(*ring);
	serial_on = OVBS_DEBUG && serial;
}

/* VTL0 shares this port. It is waited for with a bound: a stuck port must not stop the machine. */
static void serial_put(char c)
{
	for (int i = 0; i < 10000 && !(inb(COM1_LSR) & LSR_THR_EMPTY); i++)
		cpu_relax();
	outb(COM1, (uint8_t)c);
}

static void ring_put(const char *s, size_t n)
{
	uint64_t at = ring->written;

	for (size_t i = 0; i < n; i++)
		ring->data[(at + i) % ring->data_size] = s[i];
	__atomic_store_n(&ring->written, at + n, __ATOMIC_RELEASE);
}

static void put_line(const char *line, size_t n)
{
	ring_put(line, n);
	if (!serial_on)
		return;
	for (const char *p = "openvbs: "; *p; p++)
		serial_put(*p);
	for (size_t i = 0; i < n; i++) {
		if (line[i] == '\n')
			serial_put('\r');
		serial_put(line[i]);
	}
}

/* @wait: take the lock however long it takes. Else (panic) the line may mix with another: better than none. */
static void log_line(bool wait, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];
	int n = ovbs_snprintf(line, sizeof(line), "[%u] ", hv_prepared ? this_cpu->index : 0);

	n += ovbs_vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, args);
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';

	if (wait)
		lock_take(&log_lock);
	put_line(line, (size_t)n);
	if (wait)
		lock_release(&log_lock);
}

void hv_log(const char *fmt, ...)
{
	va_list args;

	if (!ring)
		return;
	va_start(args, fmt);
	log_line(true, fmt, args);
	va_end(args);
}

void hv_log_denied(const char *fmt, ...)
{
	struct cpu *c = this_cpu;
	va_list args;

	if (c->denied_logged > DENIED_LINES)
		return;
	if (c->denied_logged++ == DENIED_LINES) {
		hv_log("more refusals on this CPU are counted, not logged");
		return;
	}
	va_start(args, fmt);
	log_line(true, fmt, args);
	va_end(args);
}

bool hv_stopped(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_ACQUIRE);
}

void hv_halt(void)
{
	for (;;)
		asm volatile("cli; hlt" : : : "memory");
}

/* The others first, before anything that could hang or fault again. */
static void stop_others(void)
{
	if (__atomic_exchange_n(&stopped, 1, __ATOMIC_SEQ_CST) || !hv_prepared)
		return;
	for (uint32_t i = 0; i < cpu_count; i++)
		if (i != this_cpu->index)
			cpu_kick(&cpus[i]);
}

static bool others_inside(void)
{
	for (uint32_t i = 0; hv_prepared && i < cpu_count; i++)
		if (i != this_cpu->index && __atomic_load_n(&cpus[i].in_guest, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

void hv_panic(const char *fmt, ...)
{
	va_list args;

	stop_others();
	if (ring) {
		va_start(args, fmt);
		log_line(false, fmt, args);
		va_end(args);
	}
	for (unsigned int spins = 0; spins < STOP_SPINS && others_inside(); spins++)
		cpu_relax();
	if (others_inside())
		machine_reset();
	hv_halt();
}
