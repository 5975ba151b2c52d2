/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding the ESP: see esp.h. From the partition's GUID by udev's link to the
 * device, and from that by /proc/self/mountinfo to the folder.
 */
#include "esp.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BY_PARTUUID "/dev/disk/by-partuuid"

struct mount {
	char folder[4096], type[64], source[256], options[512], super[512];
};

/* mountinfo writes blanks and the like as \ooo. In place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* One line of proc_pid_mountinfo(5). Return: whether a whole file system is mounted there. */
static bool parse_mount(const char *line, struct mount *m)
{
	char root[8];
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*d %*d %*s %7s %4095s %511s", root, m->folder, m->options) != 3 ||
	    sscanf(tail, " - %63s %255s %511s", m->type, m->source, m->super) != 3)
		return false;
	unescape(m->folder);
	unescape(m->source);
	return strcmp(root, "/") == 0;
}

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = options; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	return false;
}

static bool is_fat(const struct mount *m)
{
	return strcmp(m->type, "vfat") == 0 || strcmp(m->type, "msdos") == 0;
}

typedef bool mount_wanted(const struct vbsctl *v, const struct mount *m, const void *what);

static void take(const struct vbsctl *v, const struct mount *m, struct esp *out)
{
	if (strlen(v->root) + strlen(m->folder) >= sizeof(out->mount))
		return;
	vbsctl_path(v, out->mount, m->folder);
	snprintf(out->source, sizeof(out->source), "%s", m->source);
	out->read_only = has_option(m->options, "ro") || has_option(m->super, "ro");
}

/* The last mount that is wanted: it lies on top of the others. Return: 0 or -errno. */
static int search(const struct vbsctl *v, mount_wanted *wanted, const void *what, struct esp *out)
{
	struct mount *m = malloc(sizeof(*m));
	char path[4096], *line = NULL;
	FILE *f = fopen(vbsctl_path(v, path, "/proc/self/mountinfo"), "re");
	size_t size = 0;

	if (!f || !m) {
		int error = f ? -ENOMEM : -errno;

		if (f)
			fclose(f);
		free(m);
		return error;
	}
	while (getline(&line, &size, f) > 0)
		if (parse_mount(line, m) && is_fat(m) && wanted(v, m, what))
			take(v, m, out);
	free(line);
	free(m);
	fclose(f);
	return 0;
}

/* A systemd automount is only mounted once somebody looks into it. */
static void wake_automounts(const struct vbsctl *v)
{
	static const char *const folders[] = { "/boot/efi/.", "/efi/.", "/boot/." };
	char path[4096];
	struct stat st;

	for (unsigned int i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (stat(vbsctl_path(v, path, folders[i]), &st) != 0)
			continue;
}

static void guid_text(const uint8_t g[16], char text[37])
{
	snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12],
		 g[13], g[14], g[15]);
}

static bool is_device(const struct vbsctl *v, const struct mount *m, const void *name)
{
	const char *last = strrchr(m->source, '/');

	(void)v;
	return last && strcmp(last + 1, name) == 0;
}

static void find_partition(const struct vbsctl *v, const uint8_t partition[16], struct esp *out)
{
	char path[4096], link[512], below[128], guid[37];
	const char *device;
	ssize_t n;
	int error;

	guid_text(partition, guid);
	snprintf(below, sizeof(below), BY_PARTUUID "/%s", guid);
	n = readlink(vbsctl_path(v, path, below), link, sizeof(link) - 1);
	if (n <= 0) {
		snprintf(out->why, sizeof(out->why),
			 "openvbs was started from partition %s, but %s is absent: is the disk still there?",
			 guid, BY_PARTUUID "/...");
		return;
	}
	link[n] = '\0';
	device = strrchr(link, '/');
	device = device ? device + 1 : link;
	error = search(v, is_device, device, out);
	if (error)
		snprintf(out->why, sizeof(out->why), "/proc/self/mountinfo: %s", strerror(-error));
	else if (out->mount[0] == '\0')
		snprintf(out->why, sizeof(out->why),
			 "the ESP that openvbs was started from, /dev/%.40s, is not mounted: mount it on /boot/efi",
			 device);
}

static bool is_usual(const struct vbsctl *v, const struct mount *m, const void *folder)
{
	char path[4096], below[64];

	if (strcmp(m->folder, folder) != 0)
		return false;
	snprintf(below, sizeof(below), "%s/" ESP_FOLDER, (const char *)folder);
	/* May be unreadable to this user: then the mount itself has to do. */
	return access(vbsctl_path(v, path, below), F_OK) == 0 || errno == EACCES;
}

static void find_usual(const struct vbsctl *v, struct esp *out)
{
	static const char *const folders[] = { "/boot/efi", "/efi", "/boot" };

	for (unsigned int i = 0; i < sizeof(folders) / sizeof(folders[0]) && out->mount[0] == '\0'; i++)
		if (search(v, is_usual, folders[i], out) != 0)
			break;
	if (out->mount[0] == '\0')
		snprintf(out->why, sizeof(out->why),
			 "no FAT file system with a folder " ESP_FOLDER
			 " is mounted on /boot/efi, /efi or /boot: mount the ESP, and install openvbs there");
}

void esp_find(const struct vbsctl *v, const uint8_t partition[16], struct esp *out)
{
	static const uint8_t none[16];

	memset(out, 0, sizeof(*out));
	wake_automounts(v);
	if (partition && memcmp(partition, none, sizeof(none)) != 0)
		find_partition(v, partition, out);
	else
		find_usual(v, out);
}

static int sysfs_number(const struct vbsctl *v, const char *device, const char *file, uint64_t *value)
{
	char path[4096], below[512];
	unsigned long long n;
	FILE *f;
	int got;

	snprintf(below, sizeof(below), "/sys/class/block/%s/%s", device, file);
	f = fopen(vbsctl_path(v, path, below), "re");
	if (!f)
		return -errno;
	got = fscanf(f, "%llu", &n);
	fclose(f);
	if (got != 1)
		return -EINVAL;
	*value = n;
	return 0;
}

/* A partition's GUID: the name of udev's link that leads to the device. */
static int partition_guid(const struct vbsctl *v, const char *device, uint8_t guid[16])
{
	static const uint8_t place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	char path[4096], link[512], below[512];
	DIR *dir = opendir(vbsctl_path(v, path, BY_PARTUUID));
	struct dirent *entry;
	int error = -ENOENT;

	while (dir && (entry = readdir(dir)) != NULL) {
		unsigned int b[16];
		const char *last;
		ssize_t n;

		snprintf(below, sizeof(below), BY_PARTUUID "/%s", entry->d_name);
		n = readlink(vbsctl_path(v, path, below), link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		last = strrchr(link, '/');
		if (strcmp(last ? last + 1 : link, device) != 0 ||
		    sscanf(entry->d_name, "%2x%2x%2x%2x-%2x%2x-%2x%2x-%2x%2x-%2x%2x%2x%2x%2x%2x",
			   &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &b[6], &b[7], &b[8], &b[9],
			   &b[10], &b[11], &b[12], &b[13], &b[14], &b[15]) != 16)
			continue;
		for (unsigned int i = 0; i < 16; i++)
			guid[i] = (uint8_t)b[place[i]];
		error = 0;
		break;
	}
	if (dir)
		closedir(dir);
	return error;
}

int esp_partition(const struct vbsctl *v, const struct esp *esp, struct esp_partition *out, char *why)
{
	const char *last = strrchr(esp->source, '/'), *device = last ? last + 1 : esp->source;
	uint64_t number = 0, start = 0, size = 0, block = 512;
	int error = sysfs_number(v, device, "partition", &number);

	if (!error)
		error = sysfs_number(v, device, "start", &start);
	if (!error)
		error = sysfs_number(v, device, "size", &size);
	if (!error)
		error = partition_guid(v, device, out->guid);
	if (error) {
		snprintf(why, ESP_WHY, "%.60s: no GPT partition with a number, place and GUID (%s)",
			 esp->source, strerror(-error));
		return error;
	}
	/* sysfs counts in 512 bytes whatever the disk's blocks are */
	sysfs_number(v, device, "../queue/logical_block_size", &block);
	if (block < 512 || block % 512 != 0)
		block = 512;
	out->number = (uint32_t)number;
	out->start = start / (block / 512);
	out->blocks = size / (block / 512);
	return 0;
}
