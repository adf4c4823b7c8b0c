/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both host ends of the gate: `create` makes it, `start` opens it.  A socket with a name and not
 * a FIFO, because a connect(2) tells at once, without side effect, whether somebody waits behind it.
 */
#include "record/gate.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "base/trace.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/socket.h"

int gate_make(int dir, struct err *e)
{
	TRACE("make gate");
	int fd = socket_bind_at(SOCK_DGRAM, dir, GATE_NAME, 0600, e);

	if (fd < 0)
		return err_in(e, "make the gate");
	return fd;
}

bool gate_is_waiting(int dir, const char *name)
{
	/* Most containers run and have none, which is seen sooner by looking than by opening. */
	return file_is_at(dir, name) && socket_is_heard_at(SOCK_DGRAM, dir, name);
}

/* Sends init its end of a new pair; ours is returned. Init then holds the only copy of its end. */
static int send_pair(int dir, int page, struct err *e)
{
	AUTO_FD int gate = socket_connect_at(SOCK_DGRAM, dir, GATE_NAME, e);
	AUTO_FD int ours = -EBADF;
	AUTO_FD int theirs = -EBADF;
	int pair[2];

	if (gate < 0)
		return -1;
	if (socket_pair(SOCK_SEQPACKET, pair, e) < 0)
		return -1;
	ours = pair[0];
	theirs = pair[1];
	if (socket_send(gate, "", 1, &(struct parcel){ .fds = { theirs, page }, .nfds = page >= 0 ? 2 : 1 }, e) < 0)
		return -1;
	return TAKE_FD(ours);
}

/* How long `start` waits to see that an init of an older husk, which tells nothing, lives on. */
#define OLD_INIT_MSEC 1000

int gate_open(int dir, int pidfd, int page, struct err *e)
{
	TRACE("gate to execve");
	AUTO_FD int fd = send_pair(dir, page, e);
	AUTO(parcel) parcel = {};
	bool is_near = false;
	struct err said;
	ssize_t n;

	if (fd < 0)
		return err_in(e, "open the gate");
	/*
	 * The other end is alive in init, or queued in its socket: both go with it, so that end of file
	 * comes in every case, and no time limit is needed (startContainer hooks have theirs).  What it says on its
	 * way is read then, so as not to be woken in between.
	 */
	socket_await_end(fd);
	do {
		n = socket_receive(fd, &said, sizeof(said), &parcel, e);
		if (n < 0)
			return err_in(e, "wait for the container's process");
		is_near |= n == 1;
	} while (n == 1);
	/* A process that is killed closes its files a moment before it is dead. */
	if (n == 0 && !is_near && process_wait_gone(pidfd, OLD_INIT_MSEC, &said) != 0)
		return err_set(e, ERR_STATE, "the container's process was killed before it could execute its program");
	/* Executed; or killed in the last microseconds, which is the end of any process. */
	if (n == 0) {
		/* Nobody waits here any more; who looks need not knock to know. */
		(void)unlinkat(dir, GATE_NAME, 0);
		return 0;
	}
	if ((size_t)n != sizeof(said))
		return err_set(e, ERR_PEER, "init sent %zd bytes at the gate", n);
	err_received(&said);
	*e = said;
	return -1;
}
