/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the container gets a notification socket, and where. Pure, in husk. */
#include "parts/notify/notify.h"

#include <stddef.h>
#include <sys/un.h>

#include <string.h>

int notify_plan(struct notify_plan *p, const char *host, const char *state_dir, struct arena *a, struct err *e)
{
	*p = (struct notify_plan){ 0 };
	if (!host || !*host)
		return 0;
	/* sd_notify(3): a path, or '@' and an abstract name. */
	if (host[0] != '/' && host[0] != '@')
		return err_set(e, ERR_USAGE, "NOTIFY_SOCKET=\"%.200s\": neither a path nor an abstract name", host);
	if (strlen(host) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(e, ERR_USAGE, "NOTIFY_SOCKET=\"%.200s\": too long", host);
	p->host = arena_strdup(a, host);
	p->dir = arena_printf(a, "%s/" NOTIFY_DIR, state_dir);
	p->socket = arena_strdup(a, NOTIFY_INSIDE "/" NOTIFY_NAME);
	return 0;
}
