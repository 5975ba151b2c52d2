/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU facts from user space: see gather_cpu.h. The same registers as the
 * loader's boot/cpu.c reads, in the same order; here a register that can't be
 * read ends it, and the reason is kept: 0 would look like an answer. CR4 is out
 * of reach; its one bit of interest is Linux's own while Linux runs.
 */
#include "gather_cpu.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openvbs/hv_abi.h>

#include "checks.h"
#include "files.h"

#define MSR_DEVICE          "/dev/cpu/0/msr"
#define MSR_FEATURE_CONTROL 0x3Au
#define MSR_TME_ACTIVATE    0x982u
#define MSR_EFER            0xC0000080u
#define MSR_VM_CR           0xC0010114u

#define TEST_FILE "/cpu-facts"

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid r;

	__cpuid_count(leaf, 0, r.eax, r.ebx, r.ecx, r.edx);
	return r;
}

static void text12(char out[16], uint32_t a, uint32_t b, uint32_t c)
{
	memset(out, 0, 16);
	memcpy(out, &a, 4);
	memcpy(out + 4, &b, 4);
	memcpy(out + 8, &c, 4);
	/* a hypervisor may say anything here */
	for (unsigned int i = 0; i < 12; i++)
		if (out[i] != '\0' && (out[i] < ' ' || out[i] > '~'))
			out[i] = '?';
}

static void read_cpuid(struct ovbs_cpu_facts *f)
{
	struct cpuid r = cpuid(0);

	f->std_max = r.eax;
	text12(f->vendor, r.ebx, r.edx, r.ecx);
	r = cpuid(1);
	f->signature = r.eax;
	f->std_ecx = r.ecx;
	if (f->std_max >= 7) {
		r = cpuid(7);
		f->leaf7_ebx = r.ebx;
		f->leaf7_ecx = r.ecx;
	}
	/* without a hypervisor the leaf gives the highest basic leaf's data, which is no name */
	r = cpuid(OVBS_CPUID_BASE);
	if ((f->std_ecx & CPUID_ECX_HYPERVISOR) != 0 || r.eax >= OVBS_CPUID_BASE)
		text12(f->hypervisor, r.ebx, r.ecx, r.edx);
	f->ext_max = cpuid(0x80000000u).eax;
	if (f->ext_max >= 0x80000001u && f->ext_max < 0x80010000u) {
		r = cpuid(0x80000001u);
		f->ext_ecx = r.ecx;
		f->ext_edx = r.edx;
	}
	if (checks_kind(f) == CPU_KIND_SVM && f->ext_max >= 0x8000000Au) {
		r = cpuid(0x8000000Au);
		f->svm_ebx = r.ebx;
		f->svm_edx = r.edx;
	}
}

/* The open device, and the first register that could not be read. */
struct msrs {
	int fd;
	uint32_t failed;
	int error; /* 0: none has failed */
};

static uint64_t rdmsr(struct msrs *m, uint32_t msr)
{
	uint64_t value = 0;

	if (m->error || pread(m->fd, &value, sizeof(value), msr) == (ssize_t)sizeof(value))
		return m->error ? 0 : value;
	m->failed = msr;
	m->error = errno ? errno : EIO;
	return 0;
}

static void read_vmx(struct msrs *m, struct ovbs_cpu_facts *f)
{
	static const uint32_t msr[VMX_FACTS] = {
		[VMX_BASIC] = 0x480,      [VMX_PROCBASED] = 0x482, [VMX_MISC] = 0x485,
		[VMX_PROCBASED2] = 0x48B, [VMX_EPT_VPID] = 0x48C,  [VMX_TRUE_PIN] = 0x48D,
		[VMX_TRUE_PROC] = 0x48E,  [VMX_TRUE_EXIT] = 0x48F, [VMX_TRUE_ENTRY] = 0x490,
	};
	uint64_t *vmx = f->vmx;

	f->feature_control = rdmsr(m, MSR_FEATURE_CONTROL);
	if ((f->leaf7_ecx & CPUID_7_ECX_TME) != 0)
		f->tme_activate = rdmsr(m, MSR_TME_ACTIVATE);
	for (unsigned int i = VMX_BASIC; i <= VMX_MISC; i++)
		vmx[i] = rdmsr(m, msr[i]);
	if ((vmx[VMX_PROCBASED] & VMX_MAY(VMX_PROC_SECONDARY)) != 0)
		vmx[VMX_PROCBASED2] = rdmsr(m, msr[VMX_PROCBASED2]);
	if ((vmx[VMX_PROCBASED2] & (VMX_MAY(VMX_PROC2_EPT) | VMX_MAY(VMX_PROC2_VPID))) != 0)
		vmx[VMX_EPT_VPID] = rdmsr(m, msr[VMX_EPT_VPID]);
	if ((vmx[VMX_BASIC] & VMX_BASIC_TRUE) == 0)
		return;
	for (unsigned int i = VMX_TRUE_PIN; i <= VMX_TRUE_ENTRY; i++)
		vmx[i] = rdmsr(m, msr[i]);
}

static void unread(struct readiness_host *host, int error)
{
	const char *hint = "";

	if (error == ENOENT || error == ENXIO || error == ENODEV)
		hint = " (the module msr is not loaded: modprobe msr)";
	else if (error == EACCES || error == EPERM)
		hint = " (run as root)";
	host->registers = OVBS_FACT_UNKNOWN;
	snprintf(host->registers_why, sizeof(host->registers_why), MSR_DEVICE ": %s%s",
		 strerror(error), hint);
}

static void read_msrs(const struct vbsctl *v, struct ovbs_cpu_facts *f, struct readiness_host *host)
{
	char path[4096];
	struct msrs m = { .fd = open(vbsctl_path(v, path, MSR_DEVICE), O_RDONLY | O_CLOEXEC) };

	if (m.fd < 0) {
		unread(host, errno);
		return;
	}
	f->efer = rdmsr(&m, MSR_EFER);
	if (checks_kind(f) == CPU_KIND_SVM)
		f->vm_cr = rdmsr(&m, MSR_VM_CR);
	else if (checks_kind(f) == CPU_KIND_VMX)
		read_vmx(&m, f);
	close(m.fd);
	host->registers = OVBS_FACT_YES;
	if (!m.error)
		return;
	host->registers = OVBS_FACT_UNKNOWN;
	snprintf(host->registers_why, sizeof(host->registers_why),
		 "MSR %xh: %s: the level below hides it", m.failed, strerror(m.error));
}

static void read_test_file(const struct vbsctl *v, struct ovbs_cpu_facts *f, struct readiness_host *host)
{
	struct ovbs_cpu_facts copy;

	unread(host, ENOENT);
	if (file_read(v, TEST_FILE, &copy, sizeof(copy)) != (ssize_t)sizeof(copy))
		return;
	copy.vendor[15] = copy.hypervisor[15] = '\0';
	*f = copy;
	host->registers = OVBS_FACT_YES;
}

void gather_cpu(const struct vbsctl *v, struct ovbs_cpu_facts *f, struct readiness_host *host)
{
	memset(f, 0, sizeof(*f));
	if (*v->root) {
		read_test_file(v, f, host);
		return;
	}
	read_cpuid(f);
	read_msrs(v, f, host);
}

enum ovbs_fact gather_openvbs(const struct vbsctl *v)
{
	struct ovbs_cpu_facts f = { 0 };

	if (*v->root)
		return OVBS_FACT_UNKNOWN;
	read_cpuid(&f);
	return strcmp(f.hypervisor, OVBS_CPUID_SIGNATURE) == 0 ? OVBS_FACT_YES : OVBS_FACT_NO;
}
