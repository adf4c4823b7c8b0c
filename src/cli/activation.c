/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the environment, the only place besides the state directory's that does (sd_listen_fds(3), sd_notify(3)). */
#include "cli/activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/failure.h"
#include "sys/fd.h"

#define MOST_DESCRIPTORS 1024

void activation_find(struct activation *a)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID"), *notify = getenv("NOTIFY_SOCKET");
	uint64_t n = 0, whose = 0;

	*a = (struct activation){};
	if (notify && *notify)
		a->notify_socket = notify;
	if (!fds || !num_parse(fds, MOST_DESCRIPTORS, &n))
		return;
	if (pid && num_parse(pid, INT32_MAX, &whose) && (pid_t)whose != getpid())
		return;
	a->listen_fds = (unsigned)n;
	a->listen_names = getenv("LISTEN_FDNAMES");
}

unsigned activation_inherited(void)
{
	int fd = 3;

	while (fcntl(fd, F_GETFD) >= 0)
		fd++;
	return (unsigned)fd - 3;
}

int activation_pass(const struct globals *g, unsigned preserved, unsigned listen, struct err *e)
{
	if (failure_check_preserved(g, preserved + listen, e) < 0)
		return -1;
	if (preserved > g->inherited)
		return err_set(e, ERR_USAGE, "option --preserve-fds: descriptor %u is not open", 3 + g->inherited);
	for (unsigned n = 0; n < g->inherited && n < preserved + listen; n++)
		if (fd_set_cloexec((int)n + 3, false, e) < 0)
			return -1;
	return 0;
}
