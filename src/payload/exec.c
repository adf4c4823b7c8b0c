/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last thing that husk-init does: become the program that the container is for.  Runs inside, as its
 * user, with everything dropped.  The wordings are what engines look for (docker run's 127 and 126).
 */
#include "payload/exec.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "parts/task/environment.h"

/* What execvp(3) searches when PATH is unset; runc and crun agree on this one. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* errno says why not, when it is not. */
static bool is_executable(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return false;
	}
	/* As the effective user: real and effective ids are equal here. */
	return access(file, X_OK) == 0;
}

int payload_find(const char *name, char *const *envp, char *program, size_t size, struct err *e)
{
	const char *path = environment_value(envp, "PATH"), *dir;
	size_t len;
	int why = ENOENT;

	if (!path)
		path = DEFAULT_PATH;
	if (strchr(name, '/')) {
		struct text t = { .s = program, .size = size };

		text_add(&t, name);
		if (t.cut)
			return err_set(e, ERR_SPEC, "exec: \"%.100s...\": name too long", name);
		if (is_executable(program))
			return 0;
		/* Podman knows only one of the two texts, and answers 126 for that. */
		if (errno == EISDIR) {
			err_set(e, ERR_SYSTEM, "exec: \"%s\": is a directory: permission denied", name);
			e->num = EACCES;
			return -1;
		}
		return err_sys(e, "exec: \"%s\"", name);
	}
	while (*name && (dir = str_word(&path, ":", &len))) {
		struct text t = { .s = program, .size = size };

		text_addn(&t, dir, len);
		text_addf(&t, "%s%s", len ? "/" : "./", name);
		if (t.cut)
			continue;
		if (is_executable(program))
			return 0;
		if (errno == EACCES)
			why = EACCES;
	}
	err_set(e, ERR_SYSTEM, why == ENOENT ? "exec: \"%s\": executable file not found in $PATH" :
		"exec: \"%s\": permission denied", name);
	e->num = why;
	return -1;
}

int payload_exec(const char *program, const char *const *args, char *const *envp, struct err *e)
{
	execve(program, (char *const *)args, envp);
	return err_sys(e, "exec \"%s\"", program);
}
