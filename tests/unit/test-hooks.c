/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks on the host, and the helper that runs them: input, environment, descriptors, signals, time, what is told. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "parts/hook/hooks.h"
#include "sys/helper.h"
#include "unit/tap.h"

static char warned[2000];

static void sink(enum log_level level, const char *text)
{
	struct text t = TEXT(warned);

	t.len = strlen(warned);
	text_addf(&t, "%s\n", text);
}

static int sh(const char *script, const char *input, unsigned timeout, char *const *envp, struct err *e)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(unsigned long)script, NULL };
	struct iovec in = { (void *)(unsigned long)input, strlen(input) };
	struct helper h = { .path = "/bin/sh", .argv = argv, .envp = envp, .input = &in, .pieces = 1, .timeout = timeout };

	*e = (struct err){ 0 };
	return helper_run(&h, e);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void helper(void)
{
	struct err e;
	char *const env[] = { (char[]){ "X=y z" }, NULL };
	static char large[300001];
	long long before;

	OK(sh("exit 0", "", 0, NULL, &e) == 0, "success is silent");
	OK(sh("exit 3", "", 0, NULL, &e) < 0, "failure is told");
	SAME(e.msg, "exited with 3", "with the code");
	OK(sh("echo to out; echo '  to err ' >&2; exit 1", "", 0, NULL, &e) < 0, "with what it said");
	SAME(e.msg, "exited with 1: to out   to err", "on one line");
	OK(sh("kill -9 $$", "", 0, NULL, &e) < 0, "a signal is told");
	SAME(e.msg, "was killed by signal 9", "by its number");
	OK(sh("read a; test \"$a\" = hello", "hello\n", 0, NULL, &e) == 0, "input arrives on standard input");
	OK(sh("test -z \"$(cat)\"", "", 0, NULL, &e) == 0, "no input is an empty one");
	memset(large, 'x', sizeof(large) - 1);
	OK(sh("test $(wc -c) = 300000", large, 0, NULL, &e) == 0, "input may be larger than a pipe");
	OK(sh("exit 0", large, 0, NULL, &e) == 0, "and need not be read");
	OK(sh("test \"$X\" = 'y z'", "", 0, env, &e) == 0, "the environment is the given one");
	OK(sh("test -z \"$HOME$USER$LANG\"", "", 0, NULL, &e) == 0, "and nothing else");
	OK(sh("exec 2>&-; exec >&-; sleep 0.05", "", 0, NULL, &e) == 0, "closing its output is no end");
	OK(sh("sleep 30 & exit 0", "", 5, NULL, &e) == 0, "what it leaves in the background is not waited for");
	OK(sh("i=0; while test $i -lt 3000; do echo line $i; i=$((i+1)); done; exit 1", "", 0, NULL, &e) < 0 &&
	   str_ends(e.msg, "line 2999"), "of long output the end is told");

	before = now();
	OK(sh("sleep 60 & sleep 60", "", 1, NULL, &e) < 0, "time runs out");
	SAME(e.msg, "did not end within 1 second", "and that is told");
	OK(now() - before < 5000 && now() - before >= 1000, "after that time");
}

static void clean_state(void)
{
	struct err e;
	int leak = open("/dev/null", O_RDONLY);         /* not close-on-exec */
	sigset_t blocked, old;

	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	OK(sh("for fd in 3 4 5 6 7 8 9; do test ! -e /proc/$$/fd/$fd || { ls -l /proc/$$/fd; exit 1; }; done", "", 0,
	      (char *const[]){ (char[]){ "PATH=/bin:/usr/bin" }, NULL }, &e) == 0, "no descriptor but three: %s", e.msg);
	/* One read(2) of the file: its text changes between two of them. */
	OK(sh("set -- $(/bin/grep -E '^Sig(Blk|Ign)' /proc/$$/status); "
	      "test $2$4 = 00000000000000000000000000000000 || { echo $@; exit 1; }",
	      "", 0, NULL, &e) == 0, "no signal blocked or ignored: %s", e.msg);
	OK(sh("set -- $(/bin/cat /proc/$$/stat); test $1 = $6", "", 0, NULL, &e) == 0, "a session of its own");
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	OK(sigismember(&blocked, SIGTERM), "the caller's mask is as before");
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	close(leak);
}

static void not_started(void)
{
	struct err e = { 0 };
	char *const argv[] = { (char[]){ "x" }, NULL };
	struct helper h = { .path = "/nowhere/x", .argv = argv };

	OK(helper_run(&h, &e) < 0 && e.num == ENOENT, "a missing program");
	OK(!strcasestr(e.msg, "no such file"), "in words that are not taken for the container's command: %s", e.msg);
	h.path = "/etc/passwd";
	OK(helper_run(&h, &e) < 0 && e.num == EACCES, "one that is not executable");
	OK(!strcasestr(e.msg, "permission denied"), "likewise: %s", e.msg);
	h.path = "/bin/true";
	h.cwd = "/nowhere";
	OK(helper_run(&h, &e) < 0 && e.num == ENOENT, "a missing working directory");
}

static struct hooks_plan planned(const struct oci_hooks *h, struct arena *a)
{
	struct hooks_plan p;
	struct err e = { 0 };

	OK(hooks_plan(&p, h, "1.3.0", "id", "/tmp", NULL, a, &e) == 0, "hooks are planned");
	return p;
}

#define SH(script) { .path = "/bin/sh", .args = { 3, (const char *[]){ "sh", "-c", script } } }

static void kinds(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct oci_hook good[] = { SH("test \"$(pwd)\" = /tmp"), { .path = "/bin/true" } };
	struct oci_hook bad[] = { SH("exit 0"), SH("echo why; exit 2"), SH("echo three > /tmp/husk-test-hooks.$PPID") };
	struct oci_hooks h = {
		.prestart = { 2, good }, .create_runtime = { 3, bad }, .poststart = { 3, bad }, .poststop = { 3, bad },
	};
	struct hooks_plan p = planned(&h, &a);
	struct err e = { 0 };
	char *mark = arena_printf(&a, "/tmp/husk-test-hooks.%d", (int)getpid());

	OK(hooks_run(&p, HOOK_PRESTART, "{}", 0, &e) == 0, "good hooks, in the bundle: %s", e.msg);
	OK(hooks_run(&p, HOOK_CREATE_CONTAINER, "{}", 0, &e) == 0, "no hooks at all");
	OK(hooks_run(&p, HOOK_CREATE_RUNTIME, "{}", 0, &e) < 0, "a bad one is an error");
	SAME(e.msg, "hooks.createRuntime[1]: \"/bin/sh\": exited with 2: why", "with place and reason");
	OK(access(mark, F_OK) < 0, "and the last one");
	OK(hooks_run(&p, HOOK_POSTSTART, "{}", 0, &e) < 0 && access(mark, F_OK) < 0, "for poststart as well");
	e = (struct err){ 0 };
	log_to(sink, LOG_WARNING);
	OK(hooks_run(&p, HOOK_POSTSTOP, "{}", 0, &e) == 0 && !e.msg[0], "for poststop it is none");
	SAME(warned, "hooks.poststop[1]: \"/bin/sh\": exited with 2: why\n", "but a warning");
	OK(access(mark, F_OK) == 0, "and the rest runs");
	unlink(mark);
}

static void state_text(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct oci_hook one[] = { { .path = "/bin/true" } };
	struct oci_hooks h = { .start_container = { 1, one } };
	struct pair notes[] = { { "\"pid\":", "\"pid\":1" }, { "pid", "x" } };
	str_map map = { 2, notes };
	struct hooks_plan p;
	struct err e = { 0 };

	OK(hooks_plan(&p, &h, "1.3.0", "an\"pid\":id", "/b", &map, &a, &e) == 0, "a state with traps");
	SAME(p.created_head, "{\"ociVersion\":\"1.3.0\",\"id\":\"an\\\"pid\\\":id\",\"status\":\"created\",\"pid\":", "up to the pid");
	SAME(p.tail, ",\"bundle\":\"/b\",\"annotations\":{\"\\\"pid\\\":\":\"\\\"pid\\\":1\",\"pid\":\"x\"}}", "and after it");
}

int main(void)
{
	helper();
	clean_state();
	not_started();
	kinds();
	state_text();
	return tap_done();
}
