/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: reserve, lock, save, load, remove; what is half made; the gate; names. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "record/gate.h"
#include "record/leftovers.h"
#include "record/record.h"
#include "record/root.h"
#include "record/status.h"
#include "record/updated.h"
#include "record/words.h"
#include "sys/fd.h"
#include "unit/tap.h"

static char root[] = "/tmp/husk-test-record-XXXXXX";
static struct err e;

static bool has(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return access(path, F_OK) == 0;
}

static void test_ids(void)
{
	char long_id[300];

	memset(long_id, 'a', sizeof(long_id));
	long_id[256] = '\0';
	OK(record_check_id("web-1_2.3+x", &e) == 0, "letters, digits and _+-. are an id");
	OK(record_check_id("", &e) < 0, "an empty id is none");
	OK(record_check_id(".", &e) < 0 && record_check_id("..", &e) < 0, "nor is a dot or two");
	OK(record_check_id("-x", &e) < 0, "nor what looks like an option");
	OK(record_check_id("a/b", &e) < 0 && record_check_id("../../x", &e) < 0, "nor a path");
	OK(record_check_id("a b", &e) < 0 && record_check_id("a\nb", &e) < 0 && record_check_id("a%b", &e) < 0,
	   "nor blanks, newlines, percent signs");
	OK(record_check_id(long_id, &e) < 0, "nor 256 characters");
	long_id[255] = '\0';
	OK(record_check_id(long_id, &e) == 0, "255 are fine");
}

static void test_transaction(void)
{
	{
		AUTO(record) r = RECORD_NONE;

		OK(record_reserve(&r, root, "one", &e) == 0, "an id can be reserved");
		OK(has("one"), "it is there");
		AUTO(record) other = RECORD_NONE;
		OK(record_reserve(&other, root, "one", &e) < 0, "but not twice");
		SAME(e.msg, WORDS_EXISTS, "and the message says so");
		OK(has("one"), "the loser removes nothing of the winner");
	}
	OK(!has("one"), "without keep the directory disappears");
}

static void test_round_trip(void)
{
	AUTO(arena) mem = ARENA_NONE;
	struct pair pairs[] = { { "a", "b" }, { "c", "\"\n" } };
	struct oci_saved_group groups[] = { { .hierarchy = "", .path = "/sys/fs/cgroup/x", .made = 1, .inode = 77 } };
	size_t len;
	{
		AUTO(record) r = RECORD_NONE;

		OK(record_reserve(&r, root, "two", &e) == 0, "reserved");
		r.saved = (struct oci_saved){ .bundle = "/b", .created = "2026-01-01T00:00:00Z", .pid = 42,
			.start_time = 1ull << 40, .complete = true, .manager = "cgroupfs", .own_pids = true };
		r.saved.annotations.v = pairs;
		r.saved.annotations.n = 2;
		r.saved.groups.v = groups;
		r.saved.groups.n = 1;
		OK(record_save(&r, &mem, &e) == 0 && record_save_config(&r, "{ }\n", 4, &e) == 0, "saved");
		record_keep(&r);
	}
	AUTO(record) r = RECORD_NONE;
	OK(record_load(&r, root, "two", &mem, &e) == 0, "loaded");
	OK(r.saved.pid == 42 && r.saved.start_time == 1ull << 40 && r.saved.complete && r.saved.own_pids, "numbers are back");
	SAME(r.saved.annotations.v[1].value, "\"\n", "annotations are back");
	OK(r.saved.groups.n == 1 && r.saved.groups.v[0].inode == 77, "cgroups are back");
	SAME(record_load_config(&r, &mem, &len, &e), "{ }\n", "config.json is back, byte for byte");
	OK(len == 4, "with its length");
	OK(record_lock(&r, 0, &mem, &e) == 1, "it can be locked");
	OK(record_remove(&r, &e) == 0 && !has("two"), "and removed");
	OK(record_is_absent(root, "two"), "then it is absent");
}

static void test_half_made(void)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	AUTO(record) again = RECORD_NONE;
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/half", root);
	mkdir(path, 0700);
	OK(record_open(&r, root, "half", &mem, &e) == 0 && !r.is_readable, "a directory without record opens");
	OK(status_of(&r, NULL) == STATUS_STOPPED, "it is stopped");
	OK(record_load(&again, root, "half", &mem, &e) < 0 && e.kind == ERR_STATE, "but cannot be used");
	snprintf(path, sizeof(path), "%s/half/record.json", root);
	f = fopen(path, "w");
	fputs("{\"version\":1,\"id\":", f);
	fclose(f);
	OK(record_lock(&r, 0, &mem, &e) == 1 && !r.is_readable, "nor with a torn record");
	OK(record_remove(&r, &e) == 0 && !has("half"), "it can be removed");
}

/* Another process holds the lock while CHILD runs. */
static void test_lock(void)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	int ready[2], go[2];
	pid_t child;
	char c;

	OK(pipe(ready) == 0 && pipe(go) == 0, "pipes");
	child = fork();
	if (child == 0) {
		AUTO(record) mine = RECORD_NONE;

		if (record_reserve(&mine, root, "busy", &e) < 0 || write(ready[1], "", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		(void)record_remove(&mine, &e);
		_exit(0);
	}
	OK(read(ready[0], &c, 1) == 1, "another process reserves");
	OK(record_open(&r, root, "busy", &mem, &e) == 0, "we open without waiting");
	OK(record_is_busy(&r), "and see that it is busy");
	OK(status_of(&r, NULL) == STATUS_CREATING, "so it is being created");
	OK(record_lock(&r, 20, &mem, &e) == 0, "the lock is not given within 20 ms");
	OK(write(go[1], "", 1) == 1 && waitpid(child, NULL, 0) == child, "the other one deletes it");
	OK(record_lock(&r, 1000, &mem, &e) < 0, "the lock of what is gone is an error");
	SAME(e.msg, WORDS_ABSENT, "that says so");
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
}

static void test_root(void)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/open", root);
	mkdir(path, 0700);
	chmod(path, 0777);
	OK(record_open_root(path, false, &e) < 0 && e.kind == ERR_USAGE, "a directory that others may write is refused");
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", root);
	OK(record_open_root(path, false, &e) < 0 && e.num == ENOENT, "an absent one is absent");
	snprintf(path, sizeof(path), "%s/a/b/c", root);
	fd = record_open_root(path, true, &e);
	OK(fd >= 0, "and made with its parents");
	close(fd);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a/b", root);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", root);
	rmdir(path);
	setenv("XDG_RUNTIME_DIR", "", 1);
	if (geteuid() == 0)
		OK(record_root_path(NULL, path, sizeof(path), &e) == 0 && strcmp(path, "/run/husk") == 0,
		   "an empty XDG_RUNTIME_DIR counts as unset");
	else
		SKIP("not root", "an empty XDG_RUNTIME_DIR counts as unset");
}

static void test_gate(void)
{
	AUTO_FD int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int gate = -EBADF;

	OK(!gate_is_waiting(dir, GATE_NAME), "no gate, nobody waits");
	gate = gate_make(dir, &e);
	OK(gate >= 0 && gate_is_waiting(dir, GATE_NAME), "somebody waits behind a bound gate");
	own_close(&gate);
	OK(!gate_is_waiting(dir, GATE_NAME), "nobody when it is closed");
	unlinkat(dir, GATE_NAME, 0);
}

/* What a container may have left in a directory that it could write. */
static void test_leftovers(void)
{
	AUTO_FD int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int at = -EBADF;

	OK(leftovers_remove(dir, "n", &e) == 0, "nothing there, nothing to do");
	OK(mkdirat(dir, "n", 0700) == 0 && symlinkat("/etc", dir, "n/link") == 0, "a link to the host");
	at = openat(dir, "n", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int depth = 0; depth < 3000; depth++) {
		int down;

		if (mkdirat(at, "d", 0700) < 0 || mkdirat(at, "e", 0700) < 0)
			break;
		down = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = down;
	}
	OK(leftovers_remove(dir, "n", &e) == 0 && !has("n"), "a tree of 3000 levels goes");
	OK(access("/etc/passwd", F_OK) == 0, "what the link pointed to stays");
}

static int count(void *self, const char *id, struct err *unused)
{
	(void)id, (void)unused;
	++*(int *)self;
	return 0;
}

static int add_name(void *self, const char *id, struct err *unused)
{
	(void)unused;
	text_add(self, id);
	text_add(self, " ");
	return 0;
}

static void test_each(void)
{
	static const char *const ids[] = { "web-2", "web-10", "web-", "web", "a" };
	struct record all[ARRAY_SIZE(ids)];
	char names[64] = "";
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		all[i] = RECORD_NONE;
		OK(record_reserve(&all[i], root, ids[i], &e) == 0, "container \"%s\"", ids[i]);
	}
	OK(record_each(root, count, &n, &e) == 0 && n == ARRAY_SIZE(ids), "each is called for all");
	OK(record_each(root, add_name, &TEXT(names), &e) == 0, "and again");
	SAME(names, "a web web- web-10 web-2 ", "in the order of their names");
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		record_undo(&all[i]);
	n = 0;
	OK(record_each("/nonexistent/husk", count, &n, &e) == 0 && n == 0, "no state directory, no containers");
}

static bool file_is(const struct record *r, const char *name)
{
	return faccessat(r->dir, name, F_OK, 0) == 0;
}

static void test_updated(void)
{
	AUTO(arena) mem = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	struct cgroup_put put = { "memory", "memory.limit_in_bytes", "5" };
	struct cgroup_puts puts = { &put, 1 }, back;
	struct oci_pids pids = { .limit = { .set = true, .v = 0 } };
	struct oci_resources limits = { .pids = &pids };
	struct oci_updated u = { .resources = &limits }, *got;

	if (record_reserve(&r, root, "updated", &e) < 0)
		return;
	OK(updated_load(&r, &got, &mem, &e) == 0 && !got && updated_load_pending(&r, &got, &mem, &e) == 0 && !got,
	   "a container that was never updated");
	updated_set_before(&u, &puts, &mem);
	OK(updated_announce(&r, &u, &e) == 0, "an update is announced");
	OK(updated_load(&r, &got, &mem, &e) == 0 && !got, "which does not make it true");
	OK(updated_load_pending(&r, &got, &mem, &e) == 0 && got && got->resources->pids->limit.set, "but it is known");
	updated_before(got, &back, &mem);
	OK(back.n == 1 && str_eq(back.v[0].controllers, "memory") && str_eq(back.v[0].file, put.file) && str_eq(back.v[0].text, "5"),
	   "with the way back");
	OK(updated_keep(&r, &e) == 0 && updated_load(&r, &got, &mem, &e) == 0 && got && got->resources->pids->limit.v == 0, "it becomes true");
	OK(updated_load_pending(&r, &got, &mem, &e) == 0 && !got, "in one step");
	OK(updated_keep(&r, &e) < 0, "what was not announced does not");
	OK(updated_announce(&r, &u, &e) == 0, "another one");
	updated_drop(&r);
	OK(!file_is(&r, ANNOUNCED_FILE) && file_is(&r, UPDATED_FILE), "is dropped, and the last one stays");
	OK(file_replace_at(r.dir, UPDATED_FILE, "{", 1, 0600, &e) == 0 && updated_load(&r, &got, &mem, &e) < 0 && e.kind == ERR_STATE,
	   "a broken file is an error: %s", e.msg);
	OK(updated_announce(&r, &u, &e) == 0 && record_remove(&r, &e) == 0 && !has("updated"), "both go with the container");
}

int main(void)
{
	if (!mkdtemp(root))
		return 1;
	test_ids();
	test_transaction();
	test_round_trip();
	test_half_made();
	test_lock();
	test_root();
	test_gate();
	test_each();
	test_leftovers();
	test_updated();
	OK(rmdir(root) == 0, "nothing is left behind");
	return tap_done();
}
