// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/security/openvbs/: `log` (root only, it names addresses),
 * `exits` (one line "cpu name count" per counter), `version`, `state` (state.c),
 * `integrity` and `modules` (root only, too), and with VTL1 `trustlets` (trustlets.c). securityfs stays readable under kernel lockdown,
 * debugfs does not.
 */
#include <asm/processor.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "openvbs.h"
#include "vtl.h"

/* These names are ABI: tools read them. */
static const char *const stat_names[] = {
	[OVBS_STAT_CPUID] = "cpuid",
	[OVBS_STAT_MSR_READ] = "msr_read",
	[OVBS_STAT_MSR_WRITE] = "msr_write",
	[OVBS_STAT_ICR_X2APIC] = "icr_x2apic",
	[OVBS_STAT_APIC_XAPIC] = "apic_xapic",
	[OVBS_STAT_SLAT_MAP] = "slat_map",
	[OVBS_STAT_SLAT_DENIED] = "slat_denied",
	[OVBS_STAT_IO] = "io",
	[OVBS_STAT_NMI] = "nmi",
	[OVBS_STAT_SMI] = "smi",
	[OVBS_STAT_INIT] = "init",
	[OVBS_STAT_SIPI] = "sipi",
	[OVBS_STAT_HYPERCALL] = "hypercall",
	[OVBS_STAT_VIRT_INSN] = "virt_insn",
	[OVBS_STAT_INVD] = "invd",
	[OVBS_STAT_IRET] = "iret",
	[OVBS_STAT_DEBUG] = "debug",
	[OVBS_STAT_SHUTDOWN] = "shutdown",
	[OVBS_STAT_OTHER] = "other",
	[OVBS_STAT_PCI] = "pci",
	[OVBS_STAT_VTL_CALL] = "vtl_call",
	[OVBS_STAT_VTL_RETURN] = "vtl_return",
	[OVBS_STAT_VTL_INTERRUPT] = "vtl_interrupt",
	[OVBS_STAT_VTL_INTERCEPT] = "vtl_intercept",
	[OVBS_STAT_SLAT_RUN] = "slat_run",
	[OVBS_STAT_CR] = "cr",
};
static_assert(ARRAY_SIZE(stat_names) == OVBS_STAT_COUNT);

static const struct openvbs_hv *hv;
static struct dentry *files[8];

struct snapshot {
	size_t bytes;
	char text[];
};

static int log_open(struct inode *inode, struct file *file)
{
	const size_t note = 80;
	struct snapshot *s = kvmalloc(sizeof(*s) + note + hv->log_bytes, GFP_KERNEL);
	size_t head = 0;
	u64 lost;

	if (!s)
		return -ENOMEM;
	cpuid_eax(OVBS_CPUID_LOG); /* has the hypervisor look for what IOMMUs have to say */
	s->bytes = openvbs_log_copy(hv, s->text + note, &lost);
	if (lost)
		head = scnprintf(s->text, note, "(%llu bytes of older lines are overwritten)\n", lost);
	memmove(s->text + head, s->text + note, s->bytes);
	s->bytes += head;
	file->private_data = s;
	return 0;
}

static ssize_t log_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	const struct snapshot *s = file->private_data;

	return simple_read_from_buffer(to, n, pos, s->text, s->bytes);
}

static int log_release(struct inode *inode, struct file *file)
{
	kvfree(file->private_data);
	return 0;
}

static const struct file_operations log_ops = {
	.owner = THIS_MODULE,
	.open = log_open,
	.read = log_read,
	.llseek = default_llseek,
	.release = log_release,
};

static int exits_show(struct seq_file *m, void *unused)
{
	u32 cpu, i;

	for (cpu = 0; cpu < hv->cpus; cpu++)
		for (i = 0; i < ARRAY_SIZE(stat_names); i++)
			seq_printf(m, "%u %s %llu\n", cpu, stat_names[i],
				   READ_ONCE(hv->stats->count[(size_t)cpu * hv->slots + i]));
	return 0;
}

static int exits_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, exits_show, NULL, (size_t)hv->cpus * ARRAY_SIZE(stat_names) * 40);
}

static const struct file_operations exits_ops = {
	.owner = THIS_MODULE,
	.open = exits_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int version_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "hypervisor %u.%u.%u\nmodule %s\n", hv->major, hv->minor, hv->build,
		   OPENVBS_MODULE_VERSION);
	return openvbs_vtl_there() ? openvbs_vtl_version_show(m) : 0;
}

static int version_open(struct inode *inode, struct file *file)
{
	return single_open(file, version_show, NULL);
}

static const struct file_operations version_ops = {
	.owner = THIS_MODULE,
	.open = version_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int state_open(struct inode *inode, struct file *file)
{
	return single_open(file, openvbs_state_show, NULL);
}

static const struct file_operations state_ops = {
	.owner = THIS_MODULE,
	.open = state_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int trustlets_open(struct inode *inode, struct file *file)
{
	return single_open(file, openvbs_trustlets_show, NULL);
}

static const struct file_operations trustlets_ops = {
	.owner = THIS_MODULE,
	.open = trustlets_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int integrity_open(struct inode *inode, struct file *file)
{
	return single_open(file, openvbs_integrity_show, NULL);
}

static const struct file_operations integrity_ops = {
	.owner = THIS_MODULE,
	.open = integrity_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int modules_open(struct inode *inode, struct file *file)
{
	return single_open(file, openvbs_modules_show, NULL);
}

static const struct file_operations modules_ops = {
	.owner = THIS_MODULE,
	.open = modules_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

int openvbs_files_add(const struct openvbs_hv *found)
{
	size_t i;

	hv = found;
	files[0] = securityfs_create_dir("openvbs", NULL);
	if (IS_ERR(files[0]))
		return PTR_ERR(files[0]);
	files[1] = securityfs_create_file("log", 0400, files[0], NULL, &log_ops);
	files[2] = securityfs_create_file("exits", 0444, files[0], NULL, &exits_ops);
	files[3] = securityfs_create_file("version", 0444, files[0], NULL, &version_ops);
	files[4] = securityfs_create_file("state", 0444, files[0], NULL, &state_ops);
	files[5] = securityfs_create_file("integrity", 0444, files[0], NULL, &integrity_ops);
	files[7] = securityfs_create_file("modules", 0400, files[0], NULL, &modules_ops);
	if (openvbs_vtl_there())
		files[6] = securityfs_create_file("trustlets", 0444, files[0], NULL, &trustlets_ops);
	for (i = 1; i < ARRAY_SIZE(files); i++) {
		if (IS_ERR(files[i])) {
			int err = PTR_ERR(files[i]);

			openvbs_files_remove();
			return err;
		}
	}
	return 0;
}

void openvbs_files_remove(void)
{
	size_t i = ARRAY_SIZE(files);

	while (i--)
		if (!IS_ERR_OR_NULL(files[i]))
			securityfs_remove(files[i]);
}
