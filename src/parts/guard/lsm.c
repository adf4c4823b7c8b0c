/* SPDX-License-Identifier: Apache-2.0 */
/* On the host, in `restore`: the kernel tells of a missing AppArmor profile too late there, when CRIU asks for it. */
#include "parts/guard/lsm.h"

#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

#define PROFILES        "/sys/kernel/security/apparmor/profiles"
#define PROFILES_MAX    (16u << 20)

/* Lines "NAME (MODE)"; names may hold blanks. */
static bool is_listed(const char *text, const char *profile)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *rest = str_after(line, profile);

		if (rest && str_starts(rest, " ("))
			return true;
	}
	return false;
}

int lsm_check_loaded(const char *profile, struct arena *a, struct err *e)
{
	struct err ignored;
	AUTO_FD int fd = fd_open(PROFILES, O_RDONLY, 0, &ignored);
	const char *text;
	size_t len;

	/* Stacks and other namespaces are not in the list; nor is there one where securityfs is not mounted. */
	if (fd < 0 || str_eq(profile, "unconfined") || profile[0] == ':' || strstr(profile, "//&"))
		return 0;
	text = fd_read_all(fd, PROFILES_MAX, a, &len, e);
	if (!text)
		return err_in(e, "\"" PROFILES "\"");
	return is_listed(text, profile) ? 0 : err_set(e, ERR_SYSTEM, "AppArmor profile \"%s\" is not loaded", profile);
}
