/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the message says, taken apart for programs: nobody has to search our texts for a path or an errno.  Runs last in a
 * command that failed.
 */
#include "cli/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/errno.h"
#include "base/own.h"
#include "cli/codes.h"
#include "sys/fd.h"

int failure_fd(const struct globals *g)
{
	int mode;

	if (!g->error_fd.set || g->error_fd.v > INT32_MAX)
		return -1;
	mode = fcntl((int)g->error_fd.v, F_GETFL);
	return mode < 0 || (mode & O_ACCMODE) == O_RDONLY ? -1 : (int)g->error_fd.v;
}

int failure_check(const struct globals *g, struct err *e)
{
	if (g->error_fd.set && failure_fd(g) < 0)
		return err_set(e, ERR_USAGE, "option --error-fd: %llu is not a descriptor that is open for writing",
			       (unsigned long long)g->error_fd.v);
	return 0;
}

int failure_check_preserved(const struct globals *g, unsigned n, struct err *e)
{
	if (g->error_fd.set && g->error_fd.v >= 3 && g->error_fd.v - 3 < n)
		return err_set(e, ERR_USAGE, "option --error-fd: descriptor %llu is one of those that are passed on (--preserve-fds, "
			       "LISTEN_FDS)", (unsigned long long)g->error_fd.v);
	return 0;
}

/*
 * The most that a command needs at a time: create with all hierarchies of cgroup v1 (up to HOST_V1_MAX), a terminal and
 * hooks.  What the caller passes on (--preserve-fds) comes on top.
 */
#define DESCRIPTORS     64

void failure_explain(struct err *e)
{
	struct rlimit limit;

	/* Higher limits are reached by files that the caller left open, or are not what the kernel means (inotify(7)). */
	if (e->num == EMFILE && !e->hint[0] && getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS)
		err_hint(e, "no more than %llu descriptors may be open here (RLIMIT_NOFILE, ulimit -n); husk needs up to %d",
			 (unsigned long long)limit.rlim_cur, DESCRIPTORS);
}

/* A member that is known. */
static void text_member(FILE *f, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	(void)fprintf(f, ",\"%s\":", key);
	json_quote(f, value);
}

static void number_member(FILE *f, const char *key, unsigned value)
{
	if (value)
		(void)fprintf(f, ",\"%s\":%u", key, value);
}

void failure_print(FILE *f, const struct err *e, const char *command, int code)
{
	const char *name = e->num ? errno_name(e->num) : NULL;

	(void)fprintf(f, "{\"kind\":\"%s\",\"exitCode\":%d", exit_class_of(e->kind), code);
	text_member(f, "command", command);
	text_member(f, "stage", e->stage);
	text_member(f, "path", e->path);
	text_member(f, "file", e->file);
	number_member(f, "line", e->line);
	number_member(f, "column", e->column);
	if (e->num)
		(void)fprintf(f, ",\"errno\":{\"name\":\"%s\",\"number\":%d}", name ? name : "", e->num);
	text_member(f, "message", e->msg);
	text_member(f, "hint", e->hint);
	(void)fputs("}\n", f);
}

void failure_report(const struct globals *g, const struct err *e, const char *command, int code)
{
	AUTO_FREE char *text = NULL;
	struct err ignored;
	size_t size = 0;
	FILE *f;
	int fd = failure_fd(g);

	f = fd < 0 ? NULL : open_memstream(&text, &size);
	if (!f)
		return;
	failure_print(f, e, command, code);
	/* The reader may be gone: that must not hide our exit code, and nothing else is written any more. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (fclose(f) == 0)
		(void)fd_write_all(fd, text, size, &ignored);
}
