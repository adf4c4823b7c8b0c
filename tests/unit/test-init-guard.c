/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities, filters, keyring and labels as husk-init applies them, each in a child that then
 * looks at what it is and what it can still do.  The privileged ones are skipped without root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "parts/guard/caps.h"
#include "parts/guard/keyring.h"
#include "parts/guard/lsm.h"
#include "parts/guard/seccomp.h"
#include "sys/credentials.h"
#include "unit/tap.h"

#define BIT(n) (UINT64_C(1) << (n))

static bool is_root;

/* 0 when the child found everything as it should be, else the line where not. */
static int in_child(int (*check)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int line = check();

		if (line)
			dprintf(1, "# line %d, errno %d\n", line, errno);
		_exit(line != 0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status;
}

#define ROOT(check, ...) do { \
	if (is_root) OK(in_child(check) == 0, __VA_ARGS__); else SKIP("needs root", __VA_ARGS__); \
} while (0)
#define MUST(condition) do { if (!(condition)) return __LINE__; } while (0)

static uint64_t status_set(const char *field)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, field);
	return at ? strtoull(at + strlen(field) + 1, NULL, 16) : ~0ull;
}

static int become(const struct caps_plan *p, uid_t uid)
{
	struct err e;

	MUST(caps_bound_apply(p, &e) == 0);
	MUST(caps_keep_apply(p, uid, &e) == 0);
	MUST(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
	MUST(caps_apply(p, &e) == 0);
	return 0;
}

static int sets_of_user(void)
{
	const struct caps_plan p = {
		.bounding = BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE), .permitted = BIT(CAP_CHOWN) | BIT(CAP_KILL),
		.effective = BIT(CAP_CHOWN), .inheritable = BIT(CAP_CHOWN), .ambient = BIT(CAP_CHOWN),
	};
	int line = become(&p, 1000);

	MUST(line == 0);
	MUST(status_set("CapBnd") == p.bounding);
	MUST(status_set("CapPrm") == p.permitted);
	MUST(status_set("CapEff") == p.effective);
	MUST(status_set("CapInh") == p.inheritable);
	MUST(status_set("CapAmb") == p.ambient);
	MUST(chown("/", 0, 0) == 0);                    /* CAP_CHOWN works */
	MUST(setuid(0) < 0 && errno == EPERM);
	MUST(prctl(PR_GET_SECUREBITS) == 1 << 4);       /* SECBIT_KEEP_CAPS, which execve(2) clears */
	return 0;
}

static int nothing_left(void)
{
	const struct caps_plan p = {};
	int line = become(&p, 0);

	MUST(line == 0);
	MUST(!status_set("CapBnd") && !status_set("CapPrm") && !status_set("CapEff") && !status_set("CapInh"));
	MUST(chroot("/") < 0 && errno == EPERM);
	MUST(sethostname("x", 1) < 0 && errno == EPERM);
	MUST(become(&p, 0) == 0);                       /* once more changes nothing and fails not */
	return 0;
}

static int inheritable_of_the_caller_is_cleared(void)
{
	const struct caps_plan p = { .bounding = BIT(CAP_KILL), .permitted = BIT(CAP_KILL), .effective = BIT(CAP_KILL) };
	struct cap_sets sets;

	MUST(sys_capget(&sets) == 0);
	sets.inheritable = sets.permitted;
	MUST(sys_capset(&sets) == 0);
	MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0);
	MUST(become(&p, 0) == 0);
	MUST(!status_set("CapInh") && !status_set("CapAmb") && status_set("CapPrm") == BIT(CAP_KILL));
	return 0;
}

/* What is not there is not an error: config.md. */
static int lacking_is_fine(void)
{
	const struct caps_plan few = { .bounding = BIT(CAP_CHOWN) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SETGID),
				       .permitted = BIT(CAP_CHOWN) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SETGID),
				       .effective = BIT(CAP_CHOWN) | BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SETGID) };
	const struct caps_plan more = { .bounding = ~0ull, .permitted = ~0ull, .effective = ~0ull, .inheritable = BIT(CAP_CHOWN) };

	MUST(become(&few, 0) == 0);
	MUST(become(&more, 0) == 0);
	MUST(status_set("CapPrm") == few.permitted && status_set("CapInh") == BIT(CAP_CHOWN));
	return 0;
}

/* getppid(2) fails with EXDEV; all else is allowed. */
static const struct sock_filter deny_getppid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static int filter_with_no_new_privs(void)
{
	const struct seccomp_plan p = { .code = deny_getppid, .len = ARRAY_SIZE(deny_getppid) };
	struct err e;
	int listener = -1;

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(seccomp_apply(&p, &listener, &e) == 0 && listener == -1);
	MUST(syscall(SYS_getppid) == -1 && errno == EXDEV);
	return 0;
}

static int no_filter(void)
{
	const struct seccomp_plan p = {};
	struct err e;
	int listener = -1;

	MUST(seccomp_apply(&p, &listener, &e) == 0 && listener == -1);
	MUST(prctl(PR_GET_SECCOMP) == 0);
	return 0;
}

static int listener(void)
{
	const struct seccomp_plan p = { .code = deny_getppid, .len = ARRAY_SIZE(deny_getppid), .has_listener = true,
					.flags = SECCOMP_FILTER_FLAG_NEW_LISTENER };
	struct err e;
	int fd = -1;

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	MUST(seccomp_apply(&p, &fd, &e) == 0 && fd > 2);
	MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	return 0;
}

static int filter_as_user_without_no_new_privs(void)
{
	const struct caps_plan caps = { .bounding = BIT(CAP_KILL), .permitted = BIT(CAP_KILL), .effective = BIT(CAP_KILL),
					.keep_admin = true };
	const struct seccomp_plan p = { .code = deny_getppid, .len = ARRAY_SIZE(deny_getppid) };
	struct err e;
	int fd = -1;

	MUST(become(&caps, 1000) == 0);
	MUST(status_set("CapEff") == BIT(CAP_KILL) && status_set("CapBnd") == BIT(CAP_KILL));
	MUST(seccomp_apply(&p, &fd, &e) < 0 && e.num == EACCES);
	MUST(caps_admin_apply(&caps, &e) == 0 && seccomp_apply(&p, &fd, &e) == 0);
	MUST(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	MUST(syscall(SYS_getppid) == -1 && errno == EXDEV);
	return 0;
}

/* CAP_SYS_ADMIN, kept for the filter, is gone after execve(2): for the user and for root. */
static int after_execve(uid_t uid, const char *want)
{
	const struct caps_plan caps = { .bounding = BIT(CAP_KILL), .permitted = BIT(CAP_KILL), .effective = BIT(CAP_KILL),
					.keep_admin = true };
	char out[200] = "";
	int pipe_fd[2], status = -1;
	struct err e;
	pid_t pid;

	MUST(pipe(pipe_fd) == 0);
	pid = fork();
	if (pid == 0) {
		char *argv[] = { "grep", "-h", "Cap", "/proc/self/status", NULL }, *envp[] = { NULL };

		dup2(pipe_fd[1], 1);
		if (become(&caps, uid) || caps_admin_apply(&caps, &e) < 0)
			_exit(99);
		execve("/bin/grep", argv, envp);
		_exit(98);
	}
	close(pipe_fd[1]);
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(read(pipe_fd[0], out, sizeof(out) - 1) > 0);
	MUST(strcmp(out, want) == 0);
	return 0;
}

static int user_after_execve(void)
{
	return after_execve(1000, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
			    "CapBnd:\t0000000000000020\nCapAmb:\t0000000000000000\n");
}

static int root_after_execve(void)
{
	return after_execve(0, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\n"
			    "CapBnd:\t0000000000000020\nCapAmb:\t0000000000000000\n");
}

static int session_keyring(void)
{
	const struct keyring_plan p = { .name = "_ses.husk-unit-test", .permissions = 0x3f1b0000 };
	const struct keyring_plan joins = { .name = "_ses.husk-unit-test" };
	const struct procfs none = PROCFS_NONE;
	char text[200] = "";
	struct err e;
	long first;

	if (keyring_apply(&p, &none, &e) < 0)
		return e.num == EDQUOT || e.num == EPERM ? 0 : __LINE__;
	first = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (first < 0)
		return errno == ENOSYS ? 0 : __LINE__;
	MUST(syscall(SYS_keyctl, KEYCTL_DESCRIBE, first, text, sizeof(text)) > 0);
	MUST(strstr(text, ";3f1b0000;_ses.husk-unit-test"));
	MUST(keyring_apply(&joins, &none, &e) == 0);
	MUST(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) == first);
	return 0;
}

static int labels(void)
{
	const struct lsm_plan nothing = {}, missing = { .apparmor = "husk-no-such-profile" };
	struct procfs proc = PROCFS_NONE;
	struct err e = {};

	MUST(lsm_apply(&nothing, &proc, &e) == 0);
	MUST(procfs_open_host(&proc, &e) == 0);
	MUST(lsm_apply(&missing, &proc, &e) < 0);       /* no AppArmor, or no such profile: never silence */
	MUST(strncmp(e.msg, "apply AppArmor profile \"husk-no-such-profile\": ", 47) == 0);
	procfs_undo(&proc);
	return 0;
}

int main(void)
{
	is_root = geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1;
	ROOT(sets_of_user, "a user has the five sets that were planned");
	ROOT(nothing_left, "root without capabilities can do nothing of root's");
	ROOT(inheritable_of_the_caller_is_cleared, "the caller's inheritable and ambient capabilities do not get in");
	ROOT(lacking_is_fine, "capabilities that we lack are no failure");
	ROOT(filter_as_user_without_no_new_privs, "a filter is loaded as user, without no_new_privs");
	ROOT(user_after_execve, "a user's program does not have the capability that loading needed");
	ROOT(root_after_execve, "nor does root's");
	OK(in_child(filter_with_no_new_privs) == 0, "a filter is loaded with no_new_privs, without privilege");
	OK(in_child(no_filter) == 0, "no filter: no filter");
	OK(in_child(listener) == 0, "a listener is close-on-exec");
	OK(in_child(session_keyring) == 0, "a session keyring is made, and joined by its name");
	OK(in_child(labels) == 0, "a label that cannot be set is an error");
	return tap_done();
}
