/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UNIX sockets: the conversation of husk and init, the gate, console and seccomp listeners.
 * Both programs.  A received descriptor has an owner from the first instruction on: the parcel.
 */
#include "sys/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"

void parcel_undo(struct parcel *p)
{
	fd_close_all(p->fds, p->nfds);
	p->nfds = 0;
}

int socket_pair(int type, int fd[2], struct err *e)
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0)
		return err_sys(e, "socketpair");
	return 0;
}

static int open_socket(int type, struct err *e)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_sys(e, "socket") : fd;
}

static int connect_to(int type, const struct sockaddr_un *address, struct err *e)
{
	AUTO_FD int fd = open_socket(type, e);
	int ret;

	if (fd < 0)
		return -1;
	do
		ret = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return err_sys(e, "connect");
	return TAKE_FD(fd);
}

/* Connects to the socket file that FILE, an O_PATH descriptor, names: no length limit, no second look-up. */
static int connect_to_file(int type, int file, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", file);
	return connect_to(type, &address, e);
}

int socket_connect_at(int type, int dir, const char *name, struct err *e)
{
	AUTO_FD int file = fd_open_at(dir, name, O_PATH | O_NOFOLLOW, 0, e);
	int fd;

	if (file < 0)
		return -1;
	fd = connect_to_file(type, file, e);
	return fd < 0 ? err_in(e, "socket \"%s\"", name) : fd;
}

bool socket_is_heard_at(int type, int dir, const char *name)
{
	AUTO_FD int file = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FD int fd = -EBADF;
	struct err ignored;

	if (file >= 0)
		fd = connect_to_file(type, file, &ignored);
	return fd >= 0;
}

int socket_connect(int type, const char *path, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_FD int file = -EBADF;
	int fd;

	if (strlen(path) < sizeof(address.sun_path)) {
		strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
		fd = connect_to(type, &address, e);
	} else {
		file = fd_open(path, O_PATH, 0, e);
		if (file < 0)
			return -1;
		fd = connect_to_file(type, file, e);
	}
	return fd < 0 ? err_in(e, "socket \"%s\"", path) : fd;
}

int socket_bind_at(int type, int dir, const char *name, mode_t mode, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	AUTO_FD int fd = open_socket(type, e);
	int len;

	if (fd < 0)
		return -1;
	if (dir == AT_FDCWD)
		len = snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	else
		len = snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir, name);
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return err_set(e, ERR_USAGE, "socket \"%s\": the name is too long", name);
	/* The mode of the socket is that of the file, less the umask: never more open than MODE. */
	if (fchmod(fd, mode) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir, name, mode, 0) < 0)
		return err_sys(e, "socket \"%s\": bind", name);
	return TAKE_FD(fd);
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * SOCKET_MAX_FDS)];
};

int socket_send(int fd, const void *data, size_t n, const struct parcel *parcel, struct err *e)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t sent;

	if (parcel && parcel->nfds > 0) {
		size_t bytes = sizeof(int) * (size_t)parcel->nfds;
		struct cmsghdr *c;

		if (parcel->nfds > SOCKET_MAX_FDS)
			return err_set(e, ERR_BUG, "send: %d descriptors", parcel->nfds);
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), parcel->fds, bytes);
	}
	do
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return err_sys(e, "send");
	if ((size_t)sent != n)
		return err_set(e, ERR_PEER, "send: only %zd of %zu bytes were taken", sent, n);
	return 0;
}

/* Takes over the descriptors of a message, whoever sent it and however many. */
static void unpack(struct msghdr *msg, struct parcel *parcel)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (parcel->nfds < SOCKET_MAX_FDS)
				parcel->fds[parcel->nfds++] = fd;
			else
				(void)close(fd);
		}
	}
}

/* Of descriptors that do not fit beneath RLIMIT_NOFILE the kernel says no more than that the message is cut. */
static bool may_open_another(int fd)
{
	AUTO_FD int other = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return other >= 0 || errno != EMFILE;
}

ssize_t socket_receive(int fd, void *data, size_t n, struct parcel *parcel, struct err *e)
{
	struct iovec part = { .iov_base = data, .iov_len = n };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control;
	ssize_t got;

	if (parcel) {
		parcel->nfds = 0;
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "receive");
	if (parcel)
		unpack(&msg, parcel);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		bool has_room = may_open_another(fd);

		if (parcel)
			parcel_undo(parcel);
		errno = EMFILE;
		return !has_room ? err_sys(e, "receive descriptors") : err_set(e, ERR_PEER, "receive: a message that is too long");
	}
	return got;
}

void socket_await_end(int fd)
{
	/* No events but POLLHUP, which needs no asking. */
	struct pollfd p = { .fd = fd };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}
