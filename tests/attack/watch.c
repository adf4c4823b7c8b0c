/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile container does while somebody else enters it: looks into every process that appears, as fast as it
 * can, and prints what it gets: "exe PID TARGET", "cwd PID TARGET", "root PID TARGET", "fdN PID TARGET", "mem PID TARGET".
 * Runs for argv[1] seconds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void show(const char *what, int pid, const char *path)
{
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return;
	target[n] = '\0';
	printf("%s %d %s\n", what, pid, target);
	fflush(stdout);
}

static void look(int pid)
{
	static const char *const links[] = { "exe", "cwd", "root" };
	char path[64];
	int fd;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		show(links[i], pid, path);
	}
	for (int n = 0; n < 40; n++) {
		char what[16];

		snprintf(what, sizeof(what), "fd%d", n);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, n);
		show(what, pid, path);
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		show("mem", pid, path);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? strtol(argv[1], NULL, 10) : 1);

	printf("ready\n");
	fflush(stdout);
	while (time(NULL) < end) {
		DIR *proc = opendir("/proc");
		struct dirent *d;

		if (!proc)
			return 1;
		while ((d = readdir(proc))) {
			int pid = (int)strtol(d->d_name, NULL, 10);

			if (pid > 1 && pid != getpid())
				look(pid);
		}
		closedir(proc);
	}
	return 0;
}
