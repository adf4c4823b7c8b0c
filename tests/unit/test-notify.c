/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify for containers: what passes from the container's socket to the manager's, and when. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "parts/notify/notify.h"
#include "unit/tap.h"

static void send_to(const char *path, const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(to.sun_path, path, strlen(path));
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		perror("# sendto");
	close(fd);
}

static void planning(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct notify_plan p;
	struct err e = { 0 };

	OK(notify_plan(&p, NULL, "/run/husk/x", &a, &e) == 0 && !p.host, "no NOTIFY_SOCKET, nothing to do");
	OK(notify_plan(&p, "", "/run/husk/x", &a, &e) == 0 && !p.host, "nor with an empty one");
	OK(notify_plan(&p, "relative", "/run/husk/x", &a, &e) < 0 && e.kind == ERR_USAGE, "a relative path is refused");
	OK(notify_plan(&p, "@abstract", "/run/husk/x", &a, &e) == 0, "an abstract name is not");
	SAME(p.dir, "/run/husk/x/notify", "the container's socket lies in the state directory");
	SAME(p.socket, "/run/notify/notify.sock", "and is seen there from inside");
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	char top[] = "/tmp/husk-test-notify.XXXXXX", got[200];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct notify_plan p;
	struct err e = { 0 };
	int dir, manager, inside, pidfd;
	pid_t pid = getpid(), child;
	ssize_t n;

	planning();
	if (!mkdtemp(top))
		return EXIT_FAILURE;
	dir = open(top, O_PATH | O_DIRECTORY);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/manager", top);
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	OK(bind(manager, (struct sockaddr *)&at, sizeof(at)) == 0, "a service manager");
	OK(notify_plan(&p, at.sun_path, top, &a, &e) == 0, "is named by NOTIFY_SOCKET");
	OK(notify_make(&p, dir, &e) == 0, "the directory is made: %s", e.msg);
	inside = notify_open(dir, &e);
	OK(inside >= 0, "the socket is bound: %s", e.msg);

	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	send_to(arena_printf(&a, "%s/notify/notify.sock", top), "STATUS=working\nMAINPID=1\n");
	send_to(arena_printf(&a, "%s/notify/notify.sock", top), "FDSTORE=1\nREADY=1\nMAINPID=1");
	OK(notify_serve(inside, p.host, 4711, pidfd, &e) == 1, "READY=1 ends the waiting: %s", e.msg);
	n = recv(manager, got, sizeof(got) - 1, MSG_DONTWAIT);
	got[n > 0 ? n : 0] = '\0';
	SAME(got, "MAINPID=4711\nREADY=1", "the manager hears of it, and of the right process");
	OK(recv(manager, got, sizeof(got), MSG_DONTWAIT) < 0, "and of nothing else");

	child = fork();
	if (child == 0)
		_exit(0);
	close(pidfd);
	pidfd = (int)syscall(SYS_pidfd_open, child, 0);
	OK(notify_serve(inside, p.host, child, pidfd, &e) == 0, "a process that ends is not waited for");
	waitpid(child, NULL, 0);
	send_to(arena_printf(&a, "%s/notify/notify.sock", top), "READY=1");
	unlink(at.sun_path);
	OK(notify_serve(inside, p.host, 1, pidfd, &e) < 0, "a manager that is gone is an error: %s", e.msg);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", top, (char *)NULL);
	return tap_done();
}
