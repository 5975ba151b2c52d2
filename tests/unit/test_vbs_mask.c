// SPDX-License-Identifier: GPL-2.0-only
/*
 * Masking for bug reports: what has to go, and what a report is worthless
 * without and has to stay.
 */
/* links: clients/vbsctl/mask.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/mask.h"

#define M MASK_TEXT

static void masked(const char *in, const char *want)
{
	char *out = mask_text(in);

	assert_non_null(out);
	assert_string_equal(out, want);
	free(out);
}

static void test_parameters(void **state)
{
	masked("password=hunter2 quiet", "password=" M " quiet");
	masked("PASSWORD=hunter2", "PASSWORD=" M);
	masked("password=\"two words\" quiet", "password=" M " quiet");
	masked("dm.secret=a,b;c&d=e", "dm.secret=" M);
	masked("key=", "key=" M);
	masked("rd.luks.name=1234=root", "rd.luks.name=" M);
	masked("rd.luks.uuid=luks-1 rd.luks.options=tpm2-device=auto",
	       "rd.luks.uuid=" M " rd.luks.options=" M);
	masked("cryptdevice=/dev/sda2:root", "cryptdevice=" M);
	masked("root=UUID=3f2a-11", "root=UUID=" M);
	masked("root=PARTUUID=aaaa-bb", "root=PARTUUID=" M);
	masked("a=1,token=abc", "a=1,token=" M);
	masked("https://x/y?a=1&api_key=zzz,q", "https://x/y?a=1&api_key=" M);
	masked("systemd.set_credential=x:y", "systemd.set_credential=" M);
	masked("systemd.hostname=alice-laptop", "systemd.hostname=" M);
	masked("Password: hunter2 and more\nnext", "Password: " M "\nnext");
	masked("Serial: 12 34", "Serial: " M);
}

static void test_identifiers(void **state)
{
	masked("root=/dev/disk/by-uuid/0f3c9a52-1b2c-4d3e-8f90-a1b2c3d4e5f6 ro",
	       "root=/dev/disk/by-uuid/" M " ro");
	masked("4F70656E-5642-5300-9D1C-6C0A52F3B7E1", M);
	masked("eth0: 52:54:00:12:34:56 up", "eth0: " M " up");
	masked("52-54-00-ab-cd-ef", M);
	masked("ip=192.168.1.10::192.168.1.1:255.255.255.0", "ip=" M "::" M ":" M);
	masked("fe80::5054:ff:fe12:3456", M);
	masked("2001:db8:0:1:2:3:4:5", M);
	masked("mail alice@example.org now", "mail " M " now");
	masked("proxy=http://bob:pa!ss@proxy.example/", "proxy=http://" M "/");
	masked("./home/alice/.ssh/x and ./Users/bob", "./home/" M "/.ssh/x and ./Users/" M);
	masked("d41d8cd98f00b204e9800998ecf8427e", M);
	masked("11111111111111111111111111111111", M);
	masked("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH", M);
}

/* Registers, versions, addresses, parameters: what the report is for. */
static void test_stays(void **state)
{
	static const char *const rows[] = {
		"",
		"BOOT_IMAGE=/boot/vmlinuz-6.1.0-56-amd64 root=/dev/sda1 ro quiet intel_iommu=off iommu.passthrough=1",
		"CPUID 80000001h ECX=000003f3h, bit 2 (SVM) is 0, AuthenticAMD family 19h",
		"IA32_VMX_EPT_VPID_CAP=f0106734141h: no EPT",
		"physical 0x000000007ffde000 to fffffffffffff000",
		"Linux version 6.1.0-56-amd64 (gcc-12 12.2.0)",
		"EnableVirtualizationBasedSecurity=1 by local value",
		"[    0.000000] vtl1: 12:30:45 ready",
		"2026-01-31 23:59 UTC\tvbsctl enable\n",
		"lockdown=integrity module.sig_enforce=1 console=ttyS0,115200n8",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		masked(rows[i], rows[i]);
}

static void test_odd(void **state)
{
	masked("a\x01\x7f\xc3\xa4 b\r\nc", "a???? b \nc");
	masked("\"password=x", "\"password=" M);
	masked("pass\"word=x y\" z", "pass\"word=" M " z");
	masked("= , =", "= , =");
	masked("@ a@ @b", "@ a@ @b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_stays),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
