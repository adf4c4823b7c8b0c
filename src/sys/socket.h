/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX sockets and the descriptors that travel over them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define SOCKET_MAX_FDS 16

struct parcel { int fds[SOCKET_MAX_FDS]; int nfds; };   /* received ones belong to the receiver */

void parcel_undo(struct parcel *);                      /* closes what is left in it */

/* type: SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET (man 7 unix). O_CLOEXEC. */
int socket_pair(int type, int fd[2], struct err *);

/* Paths of any length, through a directory descriptor (/proc/self/fd/N/name fits in sun_path). */
int socket_connect_at(int type, int dir, const char *name, struct err *);
int socket_connect(int type, const char *path, struct err *);
/* Does somebody listen there?  Says no reason, which would take longer to write than the answer. */
bool socket_is_heard_at(int type, int dir, const char *name);
int socket_bind_at(int type, int dir, const char *name, mode_t, struct err *);

/* One message, with descriptors that stay the sender's. EPIPE and EAGAIN in e->num; no SIGPIPE. */
int socket_send(int fd, const void *, size_t, const struct parcel *, struct err *);
/* Sleeps until the other side has closed, whatever it says before. */
void socket_await_end(int fd);
/* One message; *p gets its descriptors (O_CLOEXEC). 0 at the end of the conversation. Truncation is an error. */
ssize_t socket_receive(int fd, void *, size_t, struct parcel *, struct err *);
