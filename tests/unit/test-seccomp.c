/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp: what is refused, what a filter answers, and that the kernel takes it. */
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "parts/guard/seccomp-names.h"
#include "sys/credentials.h"
#include "unit/seccomp.h"

static int plan_text(struct seccomp_plan *plan, const struct host *h, const char *json, struct arena *a, struct err *e)
{
	*e = (struct err){};
	return seccomp_plan(plan, decode(json, strlen(json), a), h, a, e);
}

static void refuses(const char *json, const char *message)
{
	AUTO(arena) a = ARENA_NONE;
	struct seccomp_plan plan;
	struct err e;

	OK(plan_text(&plan, &host, json, &a, &e) < 0 && e.kind == ERR_SPEC, "refused: %s", message);
	SAME(e.msg, message, "the message names the place");
}

#define RULE(rule) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" rule "]}"

static void test_refusals(void)
{
	refuses("{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/a\"}",
		"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default action");
	refuses("{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}",
		"linux.seccomp.defaultErrnoRet: the action takes no errno");
	refuses("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
		"linux.seccomp.defaultErrnoRet: 4096 is too large, 4095 at most");
	refuses("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}",
		"linux.seccomp.listenerMetadata: must not be set without listenerPath");
	refuses(RULE("{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_NOTIFY\"}"),
		"linux.seccomp.listenerPath: required by SCMP_ACT_NOTIFY");
	refuses(RULE("{\"names\":[\"bpf\",\"sendmsg\"],\"action\":\"SCMP_ACT_NOTIFY\"}"),
		"linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY cannot be used for \"sendmsg\"");
	refuses(RULE("{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}"),
		"linux.seccomp.syscalls[0].names: must have at least one entry");
	refuses(RULE("{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_LOG\",\"errnoRet\":2}"),
		"linux.seccomp.syscalls[0].errnoRet: the action takes no errno");
	refuses(RULE("{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_TRACE\",\"errnoRet\":65536}"),
		"linux.seccomp.syscalls[0].errnoRet: 65536 is too large, 65535 at most");
	refuses(RULE("{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_LOG\",\"args\":"
		     "[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}"),
		"linux.seccomp.syscalls[0].args[0].index: a system call has arguments 0 to 5, not 6");
}

static void test_flags(void)
{
	struct host old = host;
	AUTO(arena) a = ARENA_NONE;
	struct seccomp_plan plan;
	struct err e;

	OK(seccomp_plan(&plan, NULL, &host, &a, &e) == 0 && !plan.code, "no profile: no filter");
	plan_text(&plan, &host, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", &a, &e);
	OK(plan.flags == 0 && plan.len > 0, "an empty list of flags is none, and not the default");
	plan_text(&plan, &host,
		  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\","
		  "\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}", &a, &e);
	OK(plan.flags == SECCOMP_FILTER_FLAG_LOG, "TSYNC does nothing to one thread, WAIT_KILLABLE_RECV nothing without "
	   "listener");
	plan_text(&plan, &host,
		  "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\",\"listenerMetadata\":\"m\",\"flags\":"
		  "[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"],\"syscalls\":[{\"names\":[\"bpf\"],"
		  "\"action\":\"SCMP_ACT_NOTIFY\"}]}", &a, &e);
	OK(plan.flags == (SECCOMP_FILTER_FLAG_NEW_LISTENER | 1u << 5) && plan.has_listener, "NOTIFY asks for a listener");
	SAME(plan.listener_path, "/l", "with its path");
	SAME(plan.listener_metadata, "m", "and metadata");
	plan_text(&plan, &host, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/l\"}", &a, &e);
	OK(!plan.has_listener && !plan.listener_path, "a path without NOTIFY is ignored");
	old.kernel_major = 5;
	old.kernel_minor = 15;
	OK(plan_text(&plan, &old, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":"
		     "[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}", &a, &e) < 0 && e.kind == ERR_UNSUPPORTED,
	   "a flag that the kernel lacks is an error");
	old.has_seccomp = false;
	OK(plan_text(&plan, &old, "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", &a, &e) < 0 && e.kind == ERR_UNSUPPORTED,
	   "no seccomp: an error, not silence");
}

static void test_answers(void)
{
	static const uint64_t high[6] = { 0, 0x100005412, 0 }, low[6] = { 0, 0x5412, 0 };
	const uint32_t enosys = SECCOMP_RET_ERRNO | ENOSYS, eperm = SECCOMP_RET_ERRNO | EPERM;
	AUTO(arena) a = ARENA_NONE;
	struct seccomp_plan plan;
	struct err e;
	char *json;

	plan_text(&plan, &host,
		  "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\",\"openat\",\"nosuchcall\"],"
		  "\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"}]}", &a, &e);
	OK(run(&plan, AUDIT_ARCH_X86_64, SCMP_SYS(read), NULL) == SECCOMP_RET_ALLOW, "allowed, whatever the default says");
	OK(run(&plan, AUDIT_ARCH_X86_64, SCMP_SYS(write), NULL) == eperm, "the default is EPERM");
	OK(run(&plan, AUDIT_ARCH_X86_64, 257 + 1, NULL) == enosys, "younger than all that is named: ENOSYS");
	OK(run(&plan, AUDIT_ARCH_X86_64, 999, NULL) == enosys, "not yet invented: ENOSYS");
	OK(run(&plan, AUDIT_ARCH_X86_64, 0x40000000 + 1, NULL) == enosys, "x32 is not listed: ENOSYS");
	OK(run(&plan, AUDIT_ARCH_I386, 3, NULL) == SECCOMP_RET_KILL_THREAD, "x86 is not listed: killed");

	plan_text(&plan, &host, RULE("{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,"
				     "\"value\":4294967295,\"valueTwo\":21522,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}"), &a, &e);
	OK(run(&plan, AUDIT_ARCH_X86_64, SCMP_SYS(ioctl), low) == eperm, "TIOCSTI is refused");
	OK(run(&plan, AUDIT_ARCH_X86_64, SCMP_SYS(ioctl), high) == eperm, "also with bits that the mask leaves out");
	OK(run(&plan, AUDIT_ARCH_X86_64, 999, NULL) == SECCOMP_RET_ALLOW, "a permissive default stays it");
	OK(run(&plan, AUDIT_ARCH_X86_64, 0x40000000, NULL) == SECCOMP_RET_KILL_THREAD, "but x32 is killed");

	plan_text(&plan, &host, RULE("{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,"
				     "\"value\":21522,\"op\":\"SCMP_CMP_EQ\"}]}"), &a, &e);
	OK(run(&plan, AUDIT_ARCH_X86_64, SCMP_SYS(ioctl), high) == SECCOMP_RET_ALLOW, "EQ compares all 64 bits");

	json = arena_printf(&a, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[");
	for (int i = 0; i < 1200; i++)
		json = arena_printf(&a, "%s%s{\"names\":[\"read\"],\"action\":\"SCMP_ACT_KILL\",\"args\":[{\"index\":0,"
				    "\"value\":%d,\"op\":\"SCMP_CMP_EQ\"}]}", json, i ? "," : "", i);
	json = arena_printf(&a, "%s]}", json);
	OK(plan_text(&plan, &host, json, &a, &e) < 0 && e.kind == ERR_SPEC, "more than the kernel takes: %s", e.msg);
}

/* Every name that libseccomp knows, in both directions. */
static void test_names(void)
{
	static const uint32_t archs[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };
	unsigned wrong = 0, missing = 0;

	for (unsigned i = 0; i < seccomp_names_count; i++) {
		if (i && strcmp(seccomp_names[i - 1].name, seccomp_names[i].name) >= 0)
			wrong++;
		for (unsigned k = 0; k < SECCOMP_ARCHS; k++) {
			int nr = seccomp_syscall_resolve_name_arch(archs[k], seccomp_names[i].name);

			if (nr >= 0 && seccomp_number(i, k) != nr) {
				printf("# %s: %lld, libseccomp %d\n", seccomp_names[i].name,
				       (long long)seccomp_number(i, k), nr);
				wrong++;
			}
		}
	}
	for (unsigned k = 0; k < SECCOMP_ARCHS; k++) {
		for (int nr = 0; nr < 1024; nr++) {
			char *name = seccomp_syscall_resolve_num_arch(archs[k], nr | (int)seccomp_archs[k].base);

			if (name && seccomp_name_find(name) < 0) {
				printf("# libseccomp knows \"%s\"\n", name);
				missing++;
			}
			free(name);
		}
	}
	OK(wrong == 0, "the numbers are those of libseccomp, sorted by name");
	OK(missing == 0, "and no name is missing");
}

/* The kernel's own opinion: needs no privilege with no_new_privs. */
static void test_kernel(void)
{
	static const char *const names[] = { "docker20-default.json", "podman4-default.json", "ctr16-seccomp.json" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(arena) a = ARENA_NONE;
		AUTO_FREE char *text = NULL;
		struct seccomp_plan plan;
		struct err e = {};
		size_t len;
		int status = -1;
		pid_t pid;

		text = slurp(names[i], &len);
		seccomp_plan(&plan, whole(text, len, &a), &host, &a, &e);
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int code = 0;

			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (sys_seccomp_filter(plan.flags, plan.code, plan.len) < 0)
				_exit(1);
			if (getpid() <= 0 || syscall(SYS_personality, 0xffffffff) < 0)
				code = 2;
			if (syscall(SYS_personality, 0x1234) != -1)
				code = 3;
			if (syscall(999) != -1 || errno != ENOSYS)
				code = 4;
			if (syscall(SYS_kexec_load, 0, 0, 0, 0) != -1 || errno != EPERM)
				code = 5;
			_exit(code);
		}
		if (pid > 0)
			waitpid(pid, &status, 0);
		OK(status == 0, "%s: the kernel takes it, and it does what it says (%x)", names[i], (unsigned)status);
	}
}

int main(void)
{
	test_names();
	test_refusals();
	test_flags();
	test_answers();
	test_kernel();
	return tap_done();
}
