/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks for bench/insncount.c: a NOP whose displacement carries a number. With
 * the plugin, QEMU notes how many instructions the guest had executed when it
 * got here; anywhere else it does nothing.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK(n) asm volatile(".byte 0x0F, 0x1F, 0x80, %c0, 0x62, 0x76, 0x6F" : : "i"(n) : "memory")

#endif
