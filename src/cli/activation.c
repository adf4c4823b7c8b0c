/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the environment, the only place besides the state directory's that does (sd_listen_fds(3), sd_notify(3)). */
#include "cli/activation.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/failure.h"
#include "cli/output.h"
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

int activation_pass(const struct globals *g, unsigned n, struct err *e)
{
	struct err ignored;     /* a number that is not open: there is nothing to pass on */

	if (failure_check_preserved(g, n, e) < 0)
		return -1;
	for (unsigned fd = 3; fd < 3 + n; fd++)
		if ((int)fd != output_descriptor())
			(void)fd_set_cloexec((int)fd, false, &ignored);
	return 0;
}
