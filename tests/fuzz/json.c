/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutations that leave a document JSON: another word in a string, another number, a value taken from
 * elsewhere.  Bytes alone hardly ever get past the decoder.
 */
#include <string.h>

#include "fuzz/fuzz.h"

static const char *const words[] = {
	"", "/", ".", "..", "../..", "/../x", "//", "/proc", "/proc/self", "/sys", "/dev", "/dev/pts", "/a/b/c", "a", "%d",
	"%s%n", "\\u00e4", "\\n", "=", "A=", "=b", ":", "a:b:c", "system.slice:docker:1", "-", "0", "-1", "0-3,7", "7-3",
	"0-99999", "c", "b", "a", "u", "p", "rwm", "m", "x", "ro", "rw", "bind", "rbind", "private", "rprivate", "rslave",
	"runbindable", "remount", "idmap", "ridmap", "tmpcopyup", "size=1", "size=99999999999999999999", "mode=7777",
	"mode=9", "nosuid,nodev", "copy-symlink", "optional", "rro", "recursive", "norelatime", "nostrictatime",
	"tmpfs", "proc", "sysfs", "mqueue", "devpts", "cgroup", "cgroup2", "overlay", "none",
	"CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_NONE", "RLIMIT_NOFILE", "RLIMIT_RTPRIO", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE",
	"SCMP_ACT_KILL", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_GE", "SCMP_ARCH_X32",
	"SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SECCOMP_FILTER_FLAG_TSYNC", "read", "write", "openat", "no_such_call",
	"SCHED_DEADLINE", "SCHED_FIFO", "SCHED_OTHER", "SCHED_IDLE", "IOPRIO_CLASS_RT", "IOPRIO_CLASS_IDLE", "MPOL_BIND",
	"MPOL_DEFAULT", "MPOL_LOCAL", "LINUX32", "pid", "mount", "user", "network", "time", "uts", "ipc", "cgroup",
	"net.ipv4.ip_forward", "kernel.shmmax", "kernel.domainname", "kernel.hostname", "fs.mqueue.msg_max", "vm.swappiness",
	"net/ipv4", "memory.max", "cpu.weight", "../cpu.max", "2MB", "1GB", "64kB", "eth0", "lo", "L3:0=f", "MB:0=70",
	"/sys/fs/cgroup", "/etc/passwd", "1000", "root", "shared", "slave", "1.0.0", "1.3.0", "2.0.0", "1.2.3-dev", "x.y.z",
};

static const char *const numbers[] = {
	"0", "1", "-1", "2", "7", "9", "10", "100", "1000", "1001", "65535", "65536", "4294967295", "2147483647",
	"-2147483648", "9223372036854775807", "-9223372036854775808", "18446744073709551615", "true", "false", "null",
	"511", "512", "-1000", "-1001", "4095", "4096",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static size_t put(uint8_t *s, size_t len, size_t max, size_t at, size_t old, const char *with)
{
	size_t n = strlen(with);

	if (len - old + n > max)
		return len;
	memmove(s + at + n, s + at + old, len - at - old);
	memcpy(s + at, with, n);
	return len - old + n;
}

size_t fuzz_json(uint8_t *s, size_t len, size_t max, unsigned seed)
{
	size_t from = len ? (seed * 2654435761u >> 7) % len : 0, at = from, end;

	while (at < len && s[at] != '"' && !(s[at] >= '0' && s[at] <= '9') && s[at] != '-')
		at++;
	if (at >= len)
		return len;
	if (s[at] != '"') {
		for (end = at + 1; end < len && s[end] >= '0' && s[end] <= '9'; end++)
			;
		return put(s, len, max, at, end - at, numbers[(seed >> 5) % COUNT(numbers)]);
	}
	/* A quote that opens or one that closes: the text behind a closing one begins with a separator. */
	for (end = at + 1; end < len && s[end] != '"'; end++)
		if (s[end] == '\\')
			end++;
	if (end >= len || strchr(" \n\t:,]}", s[at + 1]))
		return len;
	if (seed % 8 == 0)              /* one more element, where this is one */
		return put(s, len, max, end + 1, 0, seed & 64 ? ", \"ro\"" : ", \"CAP_KILL\"");
	if (seed % 8 == 1) {            /* one letter */
		const char letter[] = { '#' + seed / 512 % 90, '\0' };

		return put(s, len, max, at + 1 + seed / 8 % (end - at), 0, letter);
	}
	return put(s, len, max, at + 1, end - at - 1, words[(seed >> 3) % COUNT(words)]);
}
