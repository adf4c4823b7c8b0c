/* SPDX-License-Identifier: Apache-2.0 */
#include "parts/guard/listener.h"

#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "sys/socket.h"

char *listener_message(const struct seccomp_plan *p, pid_t pid, const struct oci_state *state, struct arena *a)
{
	const char *names[] = { "seccompFd" };
	struct oci_state copy = *state;
	struct oci_process_state message = {
		.oci_version = state->oci_version, .fds = { 1, names }, .pid = pid,
		.metadata = p->listener_metadata, .state = &copy,
	};

	return spec_encode(&oci_process_state_type, &message, a, false);
}

int listener_send(const struct seccomp_plan *p, int listener, pid_t pid, const struct oci_state *state, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	const struct parcel parcel = { .fds = { listener }, .nfds = 1 };
	const char *text = listener_message(p, pid, state, &mem);
	AUTO_FD int fd = socket_connect(SOCK_STREAM, p->listener_path, e);

	if (fd < 0 || socket_send(fd, text, strlen(text), &parcel, e) < 0)
		return err_in(e, "seccomp agent \"%s\"", p->listener_path);
	return 0;
}
