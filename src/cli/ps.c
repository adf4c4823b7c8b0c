/* SPDX-License-Identifier: Apache-2.0 */
/* Calls ps(1) and filters its lines by the column whose heading is PID. On the host. */
#include "cli/ps.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"

#define OPTIONS_MAX 64

extern char **environ;

static int start_ps(char *const argv[], pid_t *child, struct err *e)
{
	posix_spawn_file_actions_t actions;
	int pipe_fds[2], num;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	if (posix_spawn_file_actions_init(&actions) != 0)
		abort();
	(void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
	num = posix_spawnp(child, "ps", &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	close(pipe_fds[1]);
	if (num != 0) {
		close(pipe_fds[0]);
		errno = num;
		return err_sys(e, "run ps");
	}
	return pipe_fds[0];
}

/* Which word of the heading is PID, -1 when none. */
static int find_column(const char *heading)
{
	const char *at = heading, *word;
	size_t len;
	int column = 0;

	while ((word = str_word(&at, " \t\n", &len))) {
		if (len == 3 && memcmp(word, "PID", 3) == 0)
			return column;
		if (len)
			column++;
	}
	return -1;
}

static bool is_listed(const char *line, int column, const pid_t *pids, size_t n)
{
	const char *at = line, *word;
	size_t len;
	uint64_t pid;

	while ((word = str_word(&at, " \t\n", &len))) {
		if (!len || column-- > 0)
			continue;
		if (!num_parse_n(word, len, INT32_MAX, &pid))
			return false;
		for (size_t i = 0; i < n; i++)
			if ((uint64_t)pids[i] == pid)
				return true;
		return false;
	}
	return false;
}

static int filter(FILE *f, const pid_t *pids, size_t n, struct err *e)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	int column;

	if (getline(&line, &size, f) < 0)
		return err_set(e, ERR_SYSTEM, "ps printed nothing");
	column = find_column(line);
	if (column < 0)
		return err_set(e, ERR_USAGE, "ps printed no column PID: other options are needed");
	(void)fputs(line, stdout);
	while (getline(&line, &size, f) >= 0)
		if (is_listed(line, column, pids, n))
			(void)fputs(line, stdout);
	return 0;
}

int ps_table(const pid_t *pids, size_t n, const char *const *options, struct err *e)
{
	const char *argv[OPTIONS_MAX + 3] = { "ps", "-ef" };
	pid_t child;
	FILE *f;
	int fd, status, result;

	for (size_t i = 0; options[i]; i++) {
		if (i >= OPTIONS_MAX)
			return err_set(e, ERR_USAGE, "too many options for ps");
		argv[i + 1] = options[i];
		argv[i + 2] = NULL;
	}
	fd = start_ps((char *const *)argv, &child, e);
	if (fd < 0)
		return -1;
	f = fdopen(fd, "r");
	if (!f)
		abort();
	result = filter(f, pids, n, e);
	(void)fclose(f);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return result;
}
