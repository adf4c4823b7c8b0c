/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of sd_notify for containers: `create` makes the directory that is bound into the container,
 * `start` listens in it and tells the service manager that the container is ready.
 */
#include "parts/notify/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "base/trace.h"
#include "sys/fd.h"
#include "sys/socket.h"

#define MESSAGE_MAX 4096

int notify_make(const struct notify_plan *p, int state, struct err *e)
{
	AUTO_FD int dir = -EBADF;

	if (!p->host)
		return 0;
	if (mkdirat(state, NOTIFY_DIR, 0755) < 0)
		return err_sys(e, "make the directory of the notification socket");
	dir = fd_open_at(state, NOTIFY_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (dir < 0)
		return -1;
	/* Whatever the caller's umask: the payload's user has to get to the socket. */
	if (fchmod(dir, 0755) < 0)
		return err_sys(e, "open the directory of the notification socket to others");
	return 0;
}

int notify_open(int state, struct err *e)
{
	AUTO_FD int dir = fd_open_at(state, NOTIFY_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, e);

	if (dir < 0)
		return -1;
	/* Whoever the payload runs as must be able to write; the directory is reachable from inside only. */
	return socket_bind_at(SOCK_DGRAM, dir, NOTIFY_NAME, 0777, e);
}

static bool says_ready(const char *message)
{
	size_t len;
	const char *line;

	while ((line = str_word(&message, "\n", &len)) != NULL)
		if (len == strlen("READY=1") && memcmp(line, "READY=1", len) == 0)
			return true;
	return false;
}

/* Straight to the address, abstract ones too; the manager learns of the container's process by MAINPID. */
static int tell(const char *host, pid_t pid, struct err *e)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char buf[64];
	struct text t = TEXT(buf);

	if (fd < 0)
		return err_sys(e, "make a socket");
	memcpy(to.sun_path, host, strnlen(host, sizeof(to.sun_path) - 1));
	if (host[0] == '@')
		to.sun_path[0] = '\0';
	text_addf(&t, "MAINPID=%d\nREADY=1", (int)pid);
	if (sendto(fd, buf, t.len, MSG_NOSIGNAL, (const struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strnlen(host, sizeof(to.sun_path) - 1))) < 0)
		return err_sys(e, "NOTIFY_SOCKET=\"%s\": send", host);
	return 0;
}

int notify_hear(int socket, const char *host, pid_t pid, struct err *e)
{
	char message[MESSAGE_MAX + 1];
	ssize_t n = recv(socket, message, MESSAGE_MAX, MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_sys(e, "receive from the container's notification socket");
	message[n > 0 ? n : 0] = '\0';
	if (n <= 0 || !says_ready(message))
		return 0;
	return tell(host, pid, e) < 0 ? -1 : 1;
}

int notify_serve(int socket, const char *host, pid_t pid, int pidfd, struct err *e)
{
	TRACE("wait for readiness");
	struct pollfd p[2] = { { socket, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (p[0].revents & POLLIN) {
			int heard = notify_hear(socket, host, pid, e);

			if (heard)
				return heard;
			continue;
		}
		if (p[1].revents)
			return 0;
	}
}
