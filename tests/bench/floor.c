/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: what the kernel's part of a container costs.  Does the work that bench.py read out of a config.json and
 * wrote down as a script, one system call a line, with nothing between the calls: no parsing of JSON, no checks, no
 * safety, no record worth the name.
 *
 *   floor run SCRIPT             floor create DIR SCRIPT      floor start DIR      floor kill DIR SIGNAL
 *   floor delete DIR             floor exec DIR COMMAND...    floor state DIR      floor list DIR
 *   floor write VALUE FILE...
 *
 * Lines of a script are a letter and words, divided by tabs:
 *   N flags                namespaces, for clone3
 *   G path                 cgroup to make and to remove
 *   2                      the last G is of v2: the process is born in it
 *   W path value           write to a file of the host: limits, and "0" to tasks of v1; lines in a row share one open
 *   U flags                unshare
 *   e                      a session of its own
 *   o                      loopback up
 *   u mode                 umask
 *   R path                 the root: bound on itself, private, current directory from here on
 *   m source target type flags data,  d path mode,  n path mode major minor,  l target path
 *   w                      the root becomes read-only
 *   P                      pivot_root here
 *   h name                 host name
 *   r resource soft hard   resource limit
 *   i uid gid              no supplementary groups, gid, uid
 *   f                      no descriptor of the caller's survives
 *   c mask ambient         drop what is not in the mask from the bounding set, and set the others to it; the ambient ones
 *   K name                 session keyring, without which the process would keep that of the host's
 *   k                      no new privileges
 *   s path, S              seccomp filter, struct sock_filter as they are: opens it outside, loads it inside
 *   X words...             execve
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif
#define GROUPS_MAX 32
#define LAST_CAP   40

struct clone3_args { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, tid, tids, cgroup; };

struct job {
	char *groups[GROUPS_MAX];
	int n_groups, n_v2;             /* v2 is the last group, when there is one */
	int v2;                         /* its descriptor, -1: none */
	unsigned long flags, unshare;
	char *filter;
	int filter_fd;
	int gate, ready;                /* -1: run */
	char *rest;                     /* the lines after the header */
};

static char buffer[2 << 20];

static void must(long result, const char *what, const char *on)
{
	if (result < 0) {
		(void)dprintf(2, "floor: %s %s: %s\n", what, on, strerror(errno));
		_exit(1);
	}
}

static size_t read_file(const char *path, char *to, size_t size)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	must(n, "read", path);          /* not closed: the process ends soon */
	to[n] = '\0';
	return (size_t)n;
}

static void write_file(const char *path, const char *text, size_t len)
{
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC | O_CREAT, 0600);

	must(fd, "open", path);
	must(write(fd, text, len), "write", path);
}

/* Splits one line in place; returns the start of the next one. */
static char *split(char *line, char *words[16])
{
	char *end = strchr(line, '\n'), *next = end ? end + 1 : line + strlen(line);
	int n = 0;

	if (end)
		*end = '\0';
	while (n < 15) {
		words[n++] = line;
		line = strchr(line, '\t');
		if (!line)
			break;
		*line++ = '\0';
	}
	words[n] = NULL;
	return next;
}

static unsigned long number(const char *s)
{
	return strtoul(s, NULL, 0);
}

static void read_header(struct job *j, char *script)
{
	char *words[16], *line = script;

	j->v2 = j->filter_fd = -1;
	while (*line && strchr("NG2s", *line)) {
		char *next = split(line, words);

		switch (words[0][0]) {
		case 'N': j->flags = number(words[1]); break;
		case 'G': j->groups[j->n_groups++] = words[1]; break;
		case '2': j->n_v2 = 1; break;
		case 's': j->filter = words[1]; break;
		}
		line = next;
	}
	j->rest = line;
	if (strncmp(line, "U\t", 2) != 0)
		line = strstr(line, "\nU\t");
	j->unshare = line ? number(strchr(line, 'U') + 2) : 0;
}

static void set_capabilities(uint64_t mask, uint64_t ambient)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i <= LAST_CAP; i++)
		if (!(mask >> i & 1))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(mask >> (32 * i));
	must(syscall(SYS_capset, &head, data), "capset", "");
	for (int i = 0; i <= LAST_CAP; i++)
		if (ambient >> i & 1)
			must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0), "ambient", "");
}

static void load_filter(int fd)
{
	static struct sock_filter code[4096];
	ssize_t n = read(fd, code, sizeof(code));
	struct sock_fprog prog = { .len = (unsigned short)((size_t)n / sizeof(code[0])), .filter = code };

	must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), "seccomp", "");
}

static void enter_root(const char *root)
{
	must(mount("", "/", NULL, MS_REC | MS_SLAVE, NULL), "make slave", "/");
	must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), "bind", root);
	must(chdir(root), "chdir", root);
}

static void wait_at(struct job *j)
{
	char byte;

	if (j->gate < 0)
		return;
	(void)close(j->ready);
	must(read(j->gate, &byte, 1), "read", "gate");
}

/* Left open: execve(2) closes it. */
static void write_on(const char *path, const char *text)
{
	static char last[512];
	static int fd = -1;

	if (strcmp(path, last) != 0) {
		fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
		must(fd, "open", path);
		(void)snprintf(last, sizeof(last), "%s", path);
	}
	must(write(fd, text, strlen(text)), "write", path);
}

/* Of the new namespace, whose first and only link it is. */
static void loopback_up(void)
{
	struct ifreq q = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	must(ioctl(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCSIFFLAGS, &q), "bring up", "lo");
}

static void become(gid_t gid, uid_t uid)
{
	must(syscall(SYS_setgroups, 0, NULL), "setgroups", "");         /* libc's would block signals around it */
	must(syscall(SYS_setgid, gid), "setgid", "");
	must(syscall(SYS_setuid, uid), "setuid", "");
}

static void obey(struct job *j, char **w)
{
	switch (w[0][0]) {
	case 'W': write_on(w[1], w[2]); break;
	case 'e': (void)setsid(); break;
	case 'o': loopback_up(); break;
	case 'u': (void)umask((mode_t)number(w[1])); break;
	case 'i': become((gid_t)number(w[2]), (uid_t)number(w[1])); break;
	case 'f': (void)syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */); break;
	case 'w': must(mount("", ".", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "make read-only", "/"); break;
	case 'U': must(unshare((int)number(w[1])), "unshare", w[1]); break;
	case 'R': enter_root(w[1]); break;
	case 'm': must(mount(w[1], w[2], w[3], number(w[4]), *w[5] ? w[5] : NULL), "mount", w[2]); break;
	case 'd': (void)mkdir(w[1], (mode_t)number(w[2])); break;
	case 'n':
		must(mknod(w[1], (mode_t)number(w[2]), makedev(number(w[3]), number(w[4]))), "mknod", w[1]);
		break;
	case 'l': must(symlink(w[1], w[2]), "symlink", w[2]); break;
	case 'P':
		must(syscall(SYS_pivot_root, ".", "."), "pivot_root", "");
		must(umount2(".", MNT_DETACH), "umount", "");
		must(chdir("/"), "chdir", "/");
		break;
	case 'h': must(sethostname(w[1], strlen(w[1])), "sethostname", w[1]); break;
	case 'r':
		must(setrlimit((int)number(w[1]), &(struct rlimit){ number(w[2]), number(w[3]) }), "setrlimit", w[1]);
		break;
	case 'c': set_capabilities(number(w[1]), number(w[2])); break;
	case 'K': must(syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, w[1]), "keyring", w[1]); break;
	case 'S': load_filter(j->filter_fd); break;
	case 'k': must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs", ""); break;
	case 'X':
		wait_at(j);
		(void)execve(w[1], w + 1, (char *[]){ "PATH=/bin", NULL });
		must(-1, "execve", w[1]);
	}
}

__attribute__((noreturn))
static void contain(struct job *j)
{
	char *words[16];

	if (j->filter)
		j->filter_fd = openat(AT_FDCWD, j->filter, O_RDONLY | O_CLOEXEC);
	for (char *line = j->rest; *line; ) {
		line = split(line, words);
		obey(j, words);
	}
	_exit(1);
}

static pid_t make(struct job *j)
{
	struct clone3_args args = { .flags = j->flags, .exit_signal = SIGCHLD };
	pid_t pid;

	for (int i = 0; i < j->n_groups; i++)
		must(mkdir(j->groups[i], 0755), "mkdir", j->groups[i]);
	if (j->n_v2) {
		args.cgroup = (uint64_t)openat(AT_FDCWD, j->groups[j->n_groups - 1], O_PATH | O_CLOEXEC);
		args.flags |= CLONE_INTO_CGROUP;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		contain(j);
	must(pid, "clone3", "");
	return pid;
}

static void remove_groups(const struct job *j)
{
	for (int i = 0; i < j->n_groups; i++)
		must(rmdir(j->groups[i]), "rmdir", j->groups[i]);
}

static int run(const char *script)
{
	struct job j = { .gate = -1 };
	int status;

	(void)read_file(script, buffer, sizeof(buffer));
	read_header(&j, buffer);
	must(waitpid(make(&j), &status, 0), "wait", "");
	remove_groups(&j);
	return WEXITSTATUS(status);
}

/* The record: pid, then the cgroups, one a line. */
static int create(const char *dir, const char *script)
{
	struct job j = { 0 };
	char record[8192];
	int ready[2], n;
	pid_t pid;

	(void)read_file(script, buffer, sizeof(buffer));
	read_header(&j, buffer);
	must(mkdir(dir, 0700), "mkdir", dir);
	must(chdir(dir), "chdir", dir);
	must(mkfifo("gate", 0600), "mkfifo", dir);
	j.gate = openat(AT_FDCWD, "gate", O_RDWR | O_CLOEXEC);
	must(pipe2(ready, O_CLOEXEC), "pipe", "");
	j.ready = ready[1];
	pid = make(&j);
	(void)close(ready[1]);
	n = snprintf(record, sizeof(record), "%d %s\n", pid, script);
	for (int i = 0; i < j.n_groups; i++)
		n += snprintf(record + n, sizeof(record) - (size_t)n, "%s\n", j.groups[i]);
	(void)read(ready[0], buffer, 1);        /* end of file: ready, or dead */
	write_file("record", record, (size_t)n);
	return 0;
}

static pid_t load(const char *dir, struct job *j)
{
	char path[512];
	char *line;

	(void)snprintf(path, sizeof(path), "%s/record", dir);
	(void)read_file(path, buffer, sizeof(buffer));
	line = strchr(buffer, '\n');
	*line = '\0';
	for (line = strtok(line + 1, "\n"); line; line = strtok(NULL, "\n"))
		j->groups[j->n_groups++] = line;
	return (pid_t)number(buffer);
}

static int start(const char *dir)
{
	char path[512];

	/* A pipe without readers is in error: the only one has closed it by execve(2). Who does not know that cannot tell a failure. */
	struct pollfd gate = { .events = 0 };

	(void)snprintf(path, sizeof(path), "%s/gate", dir);
	gate.fd = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
	must(gate.fd, "open", path);
	must(write(gate.fd, "x", 1), "write", path);
	must(poll(&gate, 1, -1), "poll", path);
	must(unlink(path), "unlink", path);     /* so that who looks knows that it runs */
	return 0;
}

static int kill_it(const char *dir, const char *sig)
{
	struct job j = { 0 };
	int fd = (int)syscall(SYS_pidfd_open, load(dir, &j), 0);

	must(syscall(SYS_pidfd_send_signal, fd, number(sig), NULL, 0), "kill", dir);
	return 0;
}

static int delete(const char *dir)
{
	struct job j = { 0 };
	struct pollfd pidfd = { .events = POLLIN };

	pidfd.fd = (int)syscall(SYS_pidfd_open, load(dir, &j), 0);
	if (pidfd.fd >= 0)
		must(poll(&pidfd, 1, -1), "poll", dir);
	remove_groups(&j);
	must(chdir(dir), "chdir", dir);
	(void)unlink("gate");                   /* gone when it was started */
	must(unlink("record"), "unlink", "record");
	must(rmdir(dir), "rmdir", dir);
	return 0;
}

/* The part of the script that is about a process, and not about what it finds there. */
static void obey_as_process(struct job *j)
{
	char *words[16];

	for (char *line = j->rest; *line; ) {
		line = split(line, words);
		if (strchr("eurifckKS", words[0][0]))
			obey(j, words);
	}
}

/* As `run`, without making anything: the script is to exec what config.json is to others. */
static int exec(const char *dir, char **argv)
{
	static char text[1 << 20];
	struct job j = { 0 }, script = { 0 };
	pid_t pid = load(dir, &j), child;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fds[GROUPS_MAX], status;
	char path[512];

	/* "pid script" */
	(void)read_file(strchr(buffer, ' ') + 1, text, sizeof(text));
	read_header(&script, text);
	if (script.filter)
		script.filter_fd = openat(AT_FDCWD, script.filter, O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < j.n_groups; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", j.groups[i], script.n_v2 && i == j.n_groups - 1 ? "cgroup.procs" : "tasks");
		fds[i] = openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
		must(fds[i], "open", path);
	}
	must(setns(pidfd, (int)(script.flags | script.unshare)), "setns", dir);
	child = vfork();
	if (child == 0) {
		for (int i = 0; i < j.n_groups; i++)
			must(write(fds[i], "0", 1), "enter", j.groups[i]);
		obey_as_process(&script);
		(void)execve(argv[0], argv, (char *[]){ "PATH=/bin", NULL });
		_exit(127);
	}
	must(child, "fork", "");
	must(waitpid(child, &status, 0), "wait", "");
	return WEXITSTATUS(status);
}

/* v1's freezer has a group of its own, v2's is in each. */
static int is_frozen(char *groups)
{
	char path[512], state[64];
	char *group = strstr(groups, "/freezer/");
	int fd, n;

	if (group) {
		while (group > groups && group[-1] != '\n')
			group--;
		(void)snprintf(path, sizeof(path), "%.*s/freezer.state", (int)strcspn(group, "\n"), group);
	} else {
		(void)snprintf(path, sizeof(path), "%.*s/cgroup.freeze", (int)strcspn(groups, "\n"), groups);
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : (int)read(fd, state, sizeof(state));
	if (fd >= 0)
		(void)close(fd);
	return n > 0 && (state[0] == 'F' || state[0] == '1');
}

/* Status needs the record, the process, the freezer and the gate: whoever asks less does not know it. */
static int look(int dir, const char *name)
{
	struct pollfd pidfd = { .events = POLLIN };
	char path[512];
	const char *status;
	int fd, n;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/record", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	must(fd, "open", path);
	n = (int)read(fd, buffer, 4096);
	must(n, "read", path);
	buffer[n] = '\0';
	(void)close(fd);
	pid = (pid_t)number(buffer);
	pidfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	(void)snprintf(path, sizeof(path), "%s/gate", name);
	if (pidfd.fd < 0 || poll(&pidfd, 1, 0) != 0)
		status = "stopped";
	else if (is_frozen(strchr(buffer, '\n') + 1))
		status = "paused";
	else
		status = faccessat(dir, path, F_OK, 0) == 0 ? "created" : "running";
	if (pidfd.fd >= 0)
		(void)close(pidfd.fd);
	return printf("%s %d %s\n", name, pid, status);
}

static int list(const char *root)
{
	DIR *d = opendir(root);
	struct dirent *entry;

	must(d ? 0 : -1, "open", root);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			(void)look(dirfd(d), entry->d_name);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "run"))
		return run(argv[2]);
	if (!strcmp(what, "create") && argc == 4)
		return create(argv[2], argv[3]);
	if (!strcmp(what, "start"))
		return start(argv[2]);
	if (!strcmp(what, "kill") && argc == 4)
		return kill_it(argv[2], argv[3]);
	if (!strcmp(what, "delete"))
		return delete(argv[2]);
	if (!strcmp(what, "exec") && argc > 3)
		return exec(argv[2], argv + 3);
	if (!strcmp(what, "state"))
		return look(AT_FDCWD, argv[2]) < 0;
	if (!strcmp(what, "list"))
		return list(argv[2]);
	if (!strcmp(what, "write") && argc > 3) {
		for (int i = 3; i < argc; i++)
			write_file(argv[i], argv[2], strlen(argv[2]));
		return 0;
	}
	(void)dprintf(2, "floor: see the head of floor.c\n");
	return 2;
}
