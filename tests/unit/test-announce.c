/* SPDX-License-Identifier: Apache-2.0 */
/* How processes end and where it is kept; what commands announce and listeners hear. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "record/announce.h"
#include "record/ending.h"
#include "record/record.h"
#include "record/root.h"
#include "sys/calls.h"
#include "sys/process.h"
#include "unit/tap.h"

static char top[] = "/tmp/husk-test-announce-XXXXXX";
static struct err e;

static pid_t child_that(int code, int sig)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (sig)
			raise(sig);
		_exit(code);
	}
	return pid;
}

static void endings(void)
{
	AUTO_FD int self = sys_pidfd_open(getpid(), 0);
	struct process_end end;

	OK(process_how_ended(self, getpid(), &end) == 0, "who lives has not ended");
	for (int i = 0; i < 2; i++) {
		pid_t pid = child_that(42, i ? SIGKILL : 0);
		AUTO_FD int pidfd = sys_pidfd_open(pid, 0);

		OK(process_wait_gone(pidfd, 10000, &e) == 1, "a child ends");
		OK(process_how_ended(pidfd, pid, &end) == 1 && process_end_code(&end) == (i ? 137 : 42) && end.signaled == (i == 1),
		   "a zombie tells how");
		OK(process_wait(pidfd, &end, &e) == 0 && process_end_code(&end) == (i ? 137 : 42), "its parent hears the same");
		/* Linux 6.15 tells afterwards, too; older ones say that they do not know. */
		end.code = -1;
		OK(process_how_ended(pidfd, pid, &end) == 0 || process_end_code(&end) == (i ? 137 : 42), "afterwards the truth or nothing");
	}
}

static void kept(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	struct process_end end = { .signaled = true, .code = SIGSEGV, .core = true };
	struct oci_ending out, back;

	OK(record_reserve(&r, top, "kept", &e) == 0, "a record");
	OK(!ending_find(&back, &r, &a), "has no ending yet");
	ending_witness(&out, &end, &r, &a);
	ending_keep(&out, &r);
	OK(ending_find(&back, &r, &a) && back.code.v == 139 && back.signal == SIGSEGV && back.core && !back.oom, "what is kept comes back");
	SAME(back.time, out.time, "with its time");
	OK(record_remove(&r, &e) == 0 && access(top, F_OK) == 0, "the file goes with the record: %s", e.msg);
	ending_keep(&out, &r);
	OK(record_is_absent(top, "kept"), "and does not come again");
}

static void announcements(void)
{
	AUTO(arena) a = ARENA_NONE;
	AUTO(record) r = RECORD_NONE;
	AUTO(listener) l = LISTENER_NONE;
	AUTO_FD int root = record_open_root(top, true, &e);
	AUTO_FD int self = sys_pidfd_open(getpid(), 0);
	AUTO_FD int first = -EBADF, second = -EBADF, pidfd = -EBADF;
	struct oci_event event;

	OK(record_reserve(&r, top, "web", &e) == 0, "a container");
	r.saved.pid = 77;
	announce(&r, EVENT_CREATED, NULL, self);
	OK(!announce_is_heard(&r), "nobody listens");
	OK(listener_open(&l, root, &e) == 0, "a listener: %s", e.msg);
	OK(announce_is_heard(&r), "somebody listens");
	OK(listener_accept(&l, &e) < 0 && e.num == EAGAIN, "and has heard nothing of before");
	{
		AUTO(announcement) starting = ANNOUNCEMENT_NONE;

		announce(&r, EVENT_CREATED, NULL, self);
		announce_starting(&starting, &r);
		first = listener_accept(&l, &e);
		OK(first >= 0 && listener_hear(first, &event, &pidfd, &a, &e) == 1, "a message is there after its sender has left: %s", e.msg);
		OK(strcmp(event.type, EVENT_CREATED) == 0 && strcmp(event.id, "web") == 0 && event.pid == 77 && event.time, "it says what and who");
		OK(process_pidfd_number(pidfd) == process_pidfd_number(self), "and brings the process along");
		own_close(&pidfd);
		OK(listener_hear(first, &event, &pidfd, &a, &e) == 0, "no more comes");
		second = listener_accept(&l, &e);
		OK(listener_hear(second, &event, &pidfd, &a, &e) == 1 && strcmp(event.type, EVENT_STARTING) == 0 && pidfd < 0, "a start is held");
		OK(listener_hear(second, &event, &pidfd, &a, &e) < 0 && e.num == EAGAIN, "for as long as it lasts");
	}
	OK(listener_hear(second, &event, &pidfd, &a, &e) == 0, "and then is over");
	/* As if it had been killed: its socket is there, and nobody behind it. */
	own_close(&l.fd);
	announce(&r, EVENT_DELETED, NULL, -1);
	OK(!announce_is_heard(&r), "a dead listener's socket is taken away");
}

int main(void)
{
	if (!mkdtemp(top))
		return EXIT_FAILURE;
	endings();
	kept();
	announcements();
	OK(rmdir(top) == 0, "nothing is left");
	return tap_done();
}
