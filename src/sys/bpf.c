/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf(2), as far as device cgroups on v2 need it: on the host, while the cgroup is made or
 * updated.  The programs stay attached without us; the kernel drops them with the cgroup.
 */
#include "sys/bpf.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"

#define PROGRAMS_MAX    64      /* the kernel's own limit per cgroup: BPF_CGROUP_MAX_PROGS */
#define LOG_SIZE        16384

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	int ret;

	do      /* EAGAIN: the verifier was interrupted by a signal */
		ret = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
	while (ret < 0 && (errno == EINTR || errno == EAGAIN));
	return ret;
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* The last line that says something. */
static const char *last_words(char *log)
{
	size_t n = strlen(log);
	const char *line;

	while (n && log[n - 1] == '\n')
		log[--n] = '\0';
	line = strrchr(log, '\n');
	return line ? line + 1 : log;
}

int bpf_load_device_program(const struct bpf_insn *program, size_t n, struct err *e)
{
	char log[LOG_SIZE] = "";
	union bpf_attr attr;
	int fd, num;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = address(program);
	attr.insn_cnt = (uint32_t)n;
	attr.license = address("Apache-2.0");
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		return fd;
	num = errno;
	/* Once more for the verifier's words: a log costs time and memory that success need not pay. */
	attr.log_buf = address(log);
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0)
		return fd;
	log[sizeof(log) - 1] = '\0';
	errno = num;
	return *log ? err_sys(e, "load a device program of %zu instructions: %s", n, last_words(log)) :
		      err_sys(e, "load a device program of %zu instructions", n);
}

struct attached {
	uint32_t ids[PROGRAMS_MAX];
	uint32_t n, flags;
};

static int query(int cgroup, struct attached *found, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_cnt = PROGRAMS_MAX;
	attr.query.prog_ids = address(found->ids);
	if (sys_bpf(BPF_PROG_QUERY, &attr) < 0)
		return err_sys(e, "list the device programs of a cgroup");
	found->n = attr.query.prog_cnt;
	found->flags = attr.query.attach_flags;
	return 0;
}

static int open_by_id(uint32_t id, struct err *e)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	return fd < 0 ? err_sys(e, "open device program %u", id) : fd;
}

static int attach(int cgroup, int prog, uint32_t flags, int instead_of, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = flags;
	if (flags & BPF_F_REPLACE)
		attr.replace_bpf_fd = (uint32_t)instead_of;
	if (sys_bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_sys(e, "attach a device program");
	return 0;
}

static int detach(int cgroup, int prog, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)prog;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (sys_bpf(BPF_PROG_DETACH, &attr) < 0 && errno != ENOENT)
		return err_sys(e, "detach a device program");
	return 0;
}

int bpf_attach_device_program(int cgroup, int prog, struct err *e)
{
	struct attached old = { .n = 0 };
	AUTO_FD int single = -EBADF;

	if (query(cgroup, &old, e) < 0)
		return -1;
	/* A lone program without "multi" is simply overridden. */
	if (old.n && !(old.flags & BPF_F_ALLOW_MULTI))
		return attach(cgroup, prog, old.flags, -1, e);
	if (old.n == 1) {
		single = open_by_id(old.ids[0], e);
		if (single < 0)
			return -1;
		return attach(cgroup, prog, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, single, e);
	}
	/* All programs must agree to a device: with the old ones beside it nothing opens meanwhile. */
	if (attach(cgroup, prog, BPF_F_ALLOW_MULTI, -1, e) < 0)
		return -1;
	for (uint32_t i = 0; i < MIN(old.n, (uint32_t)PROGRAMS_MAX); i++) {
		AUTO_FD int fd = open_by_id(old.ids[i], e);

		if (fd < 0 || detach(cgroup, fd, e) < 0)
			return -1;
	}
	return 0;
}
