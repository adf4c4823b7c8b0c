/* SPDX-License-Identifier: Apache-2.0 */
/* `spec`: a config.json that runs a shell in ./rootfs, as text with two variants: for root, and for nobody special. */
#include "life/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"

#define CAPS "[\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]"

static const char head[] =
	"{\n"
	"\t\"ociVersion\": \"%s\",\n"
	"\t\"process\": {\n"
	"\t\t\"terminal\": true,\n"
	"\t\t\"user\": { \"uid\": 0, \"gid\": 0 },\n"
	"\t\t\"args\": [\"sh\"],\n"
	"\t\t\"env\": [\n"
	"\t\t\t\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	"\t\t\t\"TERM=xterm\"\n"
	"\t\t],\n"
	"\t\t\"cwd\": \"/\",\n"
	"\t\t\"capabilities\": {\n"
	"\t\t\t\"bounding\": " CAPS ",\n"
	"\t\t\t\"effective\": " CAPS ",\n"
	"\t\t\t\"permitted\": " CAPS "\n"
	"\t\t},\n"
	"\t\t\"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 }],\n"
	"\t\t\"noNewPrivileges\": true\n"
	"\t},\n"
	"\t\"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
	"\t\"hostname\": \"husk\",\n"
	"\t\"mounts\": [\n"
	"\t\t{ \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },\n"
	"\t\t{ \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"\t\t  \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"] },\n"
	"\t\t{ \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"\t\t  \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\"%s] },\n"
	"\t\t{ \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"\t\t  \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] },\n"
	"\t\t{ \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"\t\t  \"options\": [\"nosuid\", \"noexec\", \"nodev\"] },\n";

static const char root_mounts[] =
	"\t\t{ \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"\t\t  \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"] },\n"
	"\t\t{ \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\",\n"
	"\t\t  \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"] }\n";

static const char rootless_mounts[] =
	"\t\t{ \"destination\": \"/sys\", \"type\": \"none\", \"source\": \"/sys\",\n"
	"\t\t  \"options\": [\"rbind\", \"nosuid\", \"noexec\", \"nodev\", \"ro\"] }\n";

static const char root_linux[] =
	"\t\"linux\": {\n"
	"\t\t\"resources\": { \"devices\": [{ \"allow\": false, \"access\": \"rwm\" }] },\n"
	"\t\t\"namespaces\": [\n"
	"\t\t\t{ \"type\": \"network\" },\n";

static const char rootless_linux[] =
	"\t\"linux\": {\n"
	"\t\t\"uidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }],\n"
	"\t\t\"gidMappings\": [{ \"containerID\": 0, \"hostID\": %u, \"size\": 1 }],\n"
	"\t\t\"namespaces\": [\n"
	"\t\t\t{ \"type\": \"user\" },\n";

static const char tail[] =
	"\t\t\t{ \"type\": \"pid\" },\n"
	"\t\t\t{ \"type\": \"ipc\" },\n"
	"\t\t\t{ \"type\": \"uts\" },\n"
	"\t\t\t{ \"type\": \"cgroup\" },\n"
	"\t\t\t{ \"type\": \"mount\" }\n"
	"\t\t],\n"
	"\t\t\"maskedPaths\": [\n"
	"\t\t\t\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\",\n"
	"\t\t\t\"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/proc/scsi\", \"/proc/interrupts\",\n"
	"\t\t\t\"/sys/firmware\", \"/sys/devices/virtual/powercap\"\n"
	"\t\t],\n"
	"\t\t\"readonlyPaths\": [\n"
	"\t\t\t\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"\n"
	"\t\t]\n"
	"\t}\n"
	"}\n";

char *life_template(bool rootless, unsigned uid, unsigned gid, struct arena *a)
{
	char *begin = arena_printf(a, head, life_spec_version(), rootless ? "" : ", \"gid=5\"");
	char *middle = rootless ? arena_printf(a, rootless_linux, uid, gid) : arena_strdup(a, root_linux);

	return arena_printf(a, "%s%s\t],\n%s%s", begin, rootless ? rootless_mounts : root_mounts, middle, tail);
}

int life_spec(const char *dir, const char *file, bool rootless, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO_FD int fd = -EBADF;
	AUTO_FD int to = fd_open(dir, O_PATH | O_DIRECTORY, 0, e);
	const char *text = life_template(rootless, geteuid(), getegid(), &mem);

	if (to < 0)
		return -1;
	fd = fd_open_at(to, file, O_WRONLY | O_CREAT | O_EXCL, 0644, e);
	if (fd < 0)
		return e->num == EEXIST ? err_set(e, ERR_USAGE, "file \"%s\" exists in \"%s\"; remove it first", file, dir) : -1;
	return fd_write_all(fd, text, strlen(text), e);
}
