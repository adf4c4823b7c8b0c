/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and descriptors over UNIX sockets, and who owns what when something is wrong. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/fd.h"
#include "sys/socket.h"
#include "unit/tap.h"

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_messages(void)
{
	struct err e = { 0 };
	AUTO(parcel) got = { .nfds = 0 };
	char buf[8];
	int s[2];

	OK(socket_pair(SOCK_SEQPACKET, s, &e) == 0 && fcntl(s[0], F_GETFD) == FD_CLOEXEC, "a pair closes on exec");
	OK(socket_send(s[0], "hello", 5, NULL, &e) == 0 && socket_send(s[0], "x", 1, NULL, &e) == 0, "messages are sent");
	OK(socket_receive(s[1], buf, 8, &got, &e) == 5 && got.nfds == 0, "and received one by one");
	OK(socket_receive(s[1], buf, 8, NULL, &e) == 1, "also without a parcel");
	OK(socket_send(s[0], "123456789", 9, NULL, &e) == 0 && socket_receive(s[1], buf, 8, &got, &e) < 0 &&
	   e.kind == ERR_PEER, "one that is too long is an error");
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	OK(socket_receive(s[1], buf, 8, &got, &e) < 0 && e.num == EAGAIN, "none is EAGAIN where that was asked for");
	close(s[0]);
	OK(socket_receive(s[1], buf, 8, &got, &e) == 0, "the end is 0");
	OK(socket_send(s[1], "x", 1, NULL, &e) < 0 && e.num == EPIPE, "sending then is EPIPE and no signal");
	close(s[1]);
}

static void test_descriptors(void)
{
	struct err e = { 0 };
	struct parcel out = { .nfds = 0 }, got = { .nfds = 0 };
	int s[2], before;
	char c;

	socket_pair(SOCK_SEQPACKET, s, &e);
	before = open_descriptors();
	out.fds[out.nfds++] = s[0];
	out.fds[out.nfds++] = 0;
	OK(socket_send(s[0], "x", 1, &out, &e) == 0, "descriptors are sent");
	OK(socket_receive(s[1], &c, 1, &got, &e) == 1 && got.nfds == 2, "and received");
	OK(fd_same(got.fds[0], s[0]) && fd_same(got.fds[1], 0), "in order");
	OK(fcntl(got.fds[0], F_GETFD) == FD_CLOEXEC, "closing on exec");
	parcel_undo(&got);
	OK(got.nfds == 0 && open_descriptors() == before, "the parcel closes them");

	socket_send(s[0], "x", 1, &out, &e);
	OK(socket_receive(s[1], &c, 1, NULL, &e) < 0 && open_descriptors() == before,
	   "who expects none gets none: an error, nothing left open");
	socket_send(s[0], "too long", 8, &out, &e);
	OK(socket_receive(s[1], &c, 1, &got, &e) < 0 && got.nfds == 0 && open_descriptors() == before,
	   "nor with a message that was cut");
	for (out.nfds = 0; out.nfds < SOCKET_MAX_FDS; out.nfds++)
		out.fds[out.nfds] = 0;
	OK(socket_send(s[0], "x", 1, &out, &e) == 0 && socket_receive(s[1], &c, 1, &got, &e) == 1 &&
	   got.nfds == SOCKET_MAX_FDS, "as many as fit");
	parcel_undo(&got);
	out.nfds = SOCKET_MAX_FDS + 1;
	OK(socket_send(s[0], "x", 1, &out, &e) < 0 && e.kind == ERR_BUG, "not one more");
	close(s[0]);
	close(s[1]);
}

/* A sender with more descriptors than we have room for. */
static void test_flood(void)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int) * 40)]; } control = { .bytes = "" };
	struct iovec part = { .iov_base = "x", .iov_len = 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct parcel got = { .nfds = 0 };
	struct err e = { 0 };
	int s[2], before;
	char buf;

	socket_pair(SOCK_SEQPACKET, s, &e);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * 40);
	memset(CMSG_DATA(c), 0, sizeof(int) * 40);
	before = open_descriptors();
	OK(sendmsg(s[0], &m, 0) == 1, "forty descriptors in one message");
	OK(socket_receive(s[1], &buf, 1, &got, &e) < 0 && open_descriptors() == before, "are refused, none stays open");
	close(s[0]);
	close(s[1]);
}

static void test_paths(void)
{
	char work[] = "/tmp/husk-sock-XXXXXX", deep[PATH_MAX];
	struct err e = { 0 };
	struct stat st;
	AUTO_FD int dir = -EBADF, s = -EBADF, c = -EBADF;
	size_t n;

	if (!mkdtemp(work))
		abort();
	n = (size_t)snprintf(deep, sizeof(deep), "%s", work);
	for (int i = 0; i < 3; i++) {
		n += (size_t)snprintf(deep + n, sizeof(deep) - n, "/%0100d", i);
		mkdir(deep, 0700);
	}
	dir = fd_open(deep, O_PATH | O_DIRECTORY, 0, &e);
	umask(0);
	s = socket_bind_at(SOCK_STREAM, dir, "socket", 0600, &e);
	umask(022);
	OK(s >= 0 && fstatat(dir, "socket", &st, 0) == 0 && st.st_mode == (S_IFSOCK | 0600),
	   "a socket is bound in a deep folder with its mode: %s", e.msg);
	OK(socket_bind_at(SOCK_STREAM, dir, "socket", 0600, &e) < 0 && e.num == EADDRINUSE, "but not twice");
	c = socket_connect_at(SOCK_STREAM, dir, "socket", &e);
	OK(c < 0 && e.num == ECONNREFUSED, "nobody listens yet");
	listen(s, 2);
	c = socket_connect_at(SOCK_STREAM, dir, "socket", &e);
	OK(c >= 0, "now one can connect below the folder");
	own_close(&c);
	snprintf(deep + n, sizeof(deep) - n, "/socket");
	c = socket_connect(SOCK_STREAM, deep, &e);
	OK(c >= 0, "and by a path of %zu bytes", strlen(deep));
	OK(symlinkat("socket", dir, "link") == 0 && socket_connect_at(SOCK_STREAM, dir, "link", &e) < 0, "a link below the folder is not followed");
	OK(socket_connect(SOCK_STREAM, "/nowhere", &e) < 0 && e.num == ENOENT, "nothing there");
	SAME(e.msg, "socket \"/nowhere\": connect: no such file or directory", "and the message says so");
	unlinkat(dir, "socket", 0);
	unlinkat(dir, "link", 0);
	deep[n] = '\0';
	for (int i = 0; i < 4; i++) {
		rmdir(deep);
		*strrchr(deep, '/') = '\0';
	}
}

int main(void)
{
	test_messages();
	test_descriptors();
	test_flood();
	test_paths();
	return tap_done();
}
