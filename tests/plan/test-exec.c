/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of exec: what the process inherits from the container's config, and what overrides it. */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "plan/hosts.h"
#include "plan/plan.h"
#include "plan/print.h"
#include "unit/tap.h"

static const char container[] =
	"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},\"hostname\":\"h\","
	"\"annotations\":{\"a\":\"b\"},\"hooks\":{\"poststop\":[{\"path\":\"/bin/x\"}]},"
	"\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":1,\"width\":2},\"cwd\":\"/work\",\"args\":[\"init\"],"
	"\"env\":[\"PATH=/bin\",\"A=1\"],\"user\":{\"uid\":5,\"gid\":6,\"umask\":63,\"additionalGids\":[7,8]},"
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"permitted\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":20}],\"noNewPrivileges\":true,\"oomScoreAdj\":33,"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":1},\"scheduler\":{\"policy\":\"SCHED_BATCH\"},"
	"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"1\"}},"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"uts\"}],"
	"\"sysctl\":{\"kernel.domainname\":\"d\"},\"maskedPaths\":[\"/proc/kcore\"],\"personality\":{\"domain\":\"LINUX32\"},"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}";

static const char *const command[] = { "ls", "-l" };

struct made { struct arena a; const struct plan *plan; struct err e; int code; };

static struct made make(struct exec_request rq, const char *process)
{
	struct made m = { .a = ARENA_NONE };
	const struct host host = host_named("v2");
	struct spec_error fault;
	void *config, *p;

	rq.id = "box";
	rq.container.fd = -1;
	if (spec_decode(&oci_config_type, container, strlen(container), &m.a, &config, &fault) < 0 ||
	    (process && spec_decode(&oci_process_type, process, strlen(process), &m.a, &p, &fault) < 0)) {
		m.code = spec_fail(&m.e, "test", &fault);
		return m;
	}
	if (process)
		rq.process = p;
	m.code = plan_exec(&m.plan, config, &rq, &host, &m.a, &m.e);
	return m;
}

static void inherited(void)
{
	struct made m = make((struct exec_request){ .args = command, .nargs = 2 }, NULL);
	const struct plan *p = m.plan;

	if (!OK(m.code == 0, "exec with a command alone: %s", m.e.msg))
		return;
	OK(p->is_exec, "is an exec");
	SAME(p->args[1], "-l", "runs the command");
	OK(!p->args[2], "and no more");
	SAME(p->cwd.s, "/work", "inherits cwd");
	SAME(p->environment.env[1], "A=1", "and env");
	OK(p->user.uid == 5 && p->user.gid == 6 && p->user.umask == 077, "and user, group, umask");
	OK(p->user.ngroups == 2 && p->user.groups[1] == 8, "and further groups");
	OK(p->limits.n == 1 && p->limits.list[0].hard == 20, "and limits");
	OK(p->limits.has_oom_score && p->limits.oom_score == 33, "and the OOM score");
	OK(p->no_new_privileges, "and no_new_privs");
	OK(p->caps.bounding == 0x21 && p->caps.effective == 0x20, "and capabilities");
	OK(p->seccomp.code != NULL, "and the seccomp filter");
	OK(p->schedule.has_scheduler && p->schedule.has_io_priority, "and scheduler and I/O priority");
	OK(p->schedule.initial[0] == 1 && p->schedule.final[0] == 2, "and takes the affinity that is meant for it");
	OK(p->kernel.has_personality && p->kernel.personality == 8, "and the personality");
	OK(!p->kernel.n && !p->kernel.hostname, "but sets nothing in the namespaces");
	OK(!p->stdio.terminal, "and has no terminal unless asked for");
	OK(p->hooks.kind[HOOK_POSTSTOP].n == 0 && !p->mounts.n && !p->shield.n_masked && !p->cgroup.n, "and makes nothing");
	OK(!p->ns.make && p->ns.join, "and joins");
	arena_undo(&m.a);
}

static void overridden(void)
{
	const char *const env[] = { "A=2", "B=3" }, *const groups[] = { "9" }, *const caps[] = { "CAP_CHOWN" };
	struct made m = make((struct exec_request){
		.args = command, .nargs = 1, .cwd = "/tmp", .env = env, .nenv = 2, .user = "70:80", .groups = groups,
		.ngroups = 1, .caps = caps, .ncaps = 1, .tty = true, .console_socket = "/c", .detach = true, .preserve_fds = 2,
	}, NULL);
	const struct plan *p = m.plan;

	if (!OK(m.code == 0, "exec with all flags: %s", m.e.msg))
		return;
	SAME(p->cwd.s, "/tmp", "--cwd");
	SAME(p->environment.env[0], "PATH=/bin", "--env leaves the rest");
	SAME(p->environment.env[1], "A=2", "--env overrides");
	SAME(p->environment.env[2], "B=3", "--env adds");
	OK(p->user.uid == 70 && p->user.gid == 80 && p->user.umask == 077, "--user changes uid and gid, not the umask");
	OK(p->user.ngroups == 3 && p->user.groups[2] == 9, "--additional-gids adds");
	OK(p->caps.effective == 0x21 && p->caps.permitted == 0x21 && p->caps.inheritable == 0, "--cap adds, and never to the inheritable set");
	OK(p->stdio.terminal && !p->stdio.rows && p->stdio.preserved == 2, "--tty, --preserve-fds");
	arena_undo(&m.a);
}

static void replaced(void)
{
	const char *const env[] = { "A=2" };
	struct made m = make((struct exec_request){
		.args = command, .nargs = 2, .env = env, .nenv = 1, .user = "1:1", .cwd = "/x", .no_new_privs = true, .tty = true,
	}, "{\"cwd\":\"/p\",\"args\":[\"file\"],\"user\":{\"uid\":1,\"gid\":2},\"env\":[\"Z=1\"]}");
	const struct plan *p = m.plan;

	if (!OK(m.code == 0, "exec with --process: %s", m.e.msg))
		return;
	SAME(p->args[0], "file", "the file says what runs");
	SAME(p->cwd.s, "/p", "and where");
	OK(p->environment.n == 1, "and with which environment");
	OK(p->user.uid == 1 && p->user.gid == 2 && !p->user.ngroups, "and who");
	OK(!p->no_new_privileges && !p->stdio.terminal, "and flags are not looked at");
	OK(p->seccomp.code != NULL, "the seccomp filter stays");
	OK(p->caps.bounding == 0x21, "what it leaves out of confinement is the container's: capabilities");
	OK(p->limits.n == 1 && p->limits.oom_score == 33, "limits and OOM score");
	OK(p->user.umask == 077, "umask");
	OK(p->schedule.has_io_priority && p->schedule.initial, "scheduling");
	arena_undo(&m.a);
	m = make((struct exec_request){ 0 }, "{\"cwd\":\"/p\",\"args\":[\"x\"],\"user\":{\"uid\":1,\"gid\":2,\"umask\":18},"
		 "\"capabilities\":{},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":1}],\"oomScoreAdj\":1}");
	OK(m.code == 0 && m.plan->caps.bounding == 0 && m.plan->limits.list[0].resource == 4 &&
	   m.plan->limits.oom_score == 1 && m.plan->user.umask == 022, "what it says, even if it is nothing, counts");
	arena_undo(&m.a);
}

static void refuse(struct exec_request rq, const char *process, enum err_kind kind, const char *want)
{
	struct made m = make(rq, process);

	if (!OK(m.code < 0 && str_starts(m.e.msg, want) && m.e.kind == kind, "%s", want))
		printf("# %d: %s\n", m.e.kind, m.code < 0 ? m.e.msg : "(accepted)");
	arena_undo(&m.a);
}

static void refused(void)
{
	static const char *const bad_users[] = { "5", "", ":", "5:", ":5", "-1:0", "0:-1", "4294967295:0", "1 :1", "0x1:1", "+1:1" };
	const char *const one[] = { "-1" }, *const unknown[] = { "CAP_X" };
	const struct exec_request ok = { .args = command, .nargs = 2 };
	struct exec_request rq;

	refuse((struct exec_request){ 0 }, NULL, ERR_USAGE, "exec: no command was given");
	for (size_t i = 0; i < ARRAY_SIZE(bad_users); i++) {
		rq = ok;
		rq.user = bad_users[i];
		refuse(rq, NULL, ERR_USAGE, "--user: ");
	}
	rq = ok;
	rq.cwd = "x";
	refuse(rq, NULL, ERR_USAGE, "--cwd: \"x\" is not absolute");
	rq = ok;
	rq.groups = one;
	rq.ngroups = 1;
	refuse(rq, NULL, ERR_USAGE, "--additional-gids: \"-1\"");
	rq = ok;
	rq.caps = unknown;
	rq.ncaps = 1;
	refuse(rq, NULL, ERR_USAGE, "--cap");
	rq = ok;
	rq.tty = rq.detach = true;
	refuse(rq, NULL, ERR_USAGE, "process.terminal: a detached process");
	rq = ok;
	rq.apparmor = "profile";
	refuse(rq, NULL, ERR_UNSUPPORTED, "--apparmor");
	refuse((struct exec_request){ 0 }, "{\"cwd\":\"x\",\"args\":[\"a\"]}", ERR_SPEC, "process.cwd: ");
	refuse((struct exec_request){ 0 }, "{\"cwd\":\"/\",\"args\":[]}", ERR_SPEC, "process.args: ");
}

int main(void)
{
	inherited();
	overridden();
	replaced();
	refused();
	return tap_done();
}
