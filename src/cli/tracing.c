/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of --trace is a valid JSON document at any time: it is written as an empty one when the command begins, and the spans
 * replace its end in one go.  Commands that run at the same time take turns (flock(2)).  In between it is closed: no descriptor
 * of ours is in the way of --preserve-fds, or could reach a container.
 */
#include "cli/tracing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fd.h"

/* How the document begins and ends. */
static const char head[] = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n]}\n";
static const char tail[] = "\n]}\n";

#define TAIL (sizeof(tail) - 1)
#define HEAD (sizeof(head) - 1 - TAIL)

void tracing_undo(struct tracing *t)
{
	if (t->begin)
		trace_to(NULL, NULL);
	timeline_undo(&t->timeline);
}

static bool has_at(int fd, off_t at, const char *text, size_t n)
{
	char buf[HEAD + TAIL];

	return pread(fd, buf, n, at) == (ssize_t)n && memcmp(buf, text, n) == 0;
}

/* Where the end of the document begins, and *IS_FIRST: no event stands before it. */
static off_t find_end(int fd, bool *is_first, struct err *e)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, "not a regular file");
	end = st.st_size - (off_t)TAIL;
	if (end < (off_t)HEAD || !has_at(fd, 0, head, HEAD) || !has_at(fd, end, tail, TAIL))
		return err_set(e, ERR_USAGE, "the file is there and is not a trace of husk's; it is left as it is");
	*is_first = end == (off_t)HEAD;
	return end;
}

/* Ours alone as long as it is open. */
static int open_file(const char *path, off_t *end, bool *is_first, struct err *e)
{
	AUTO_FD int fd = fd_open(path, O_RDWR | O_CREAT | O_NOCTTY | O_NONBLOCK, 0644, e);
	struct stat st;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "lock");
	if (S_ISREG(st.st_mode) && st.st_size == 0 &&
	    fd_write_all(fd, head, HEAD + TAIL, e) < 0)
		return -1;
	*end = find_end(fd, is_first, e);
	return *end < 0 ? -1 : TAKE_FD(fd);
}

int tracing_open(struct tracing *t, const struct globals *g, struct err *e)
{
	AUTO_FD int fd = -EBADF;
	bool is_first;
	off_t end;

	if (!g->trace && !g->timing)
		return 0;
	if (g->trace) {
		fd = open_file(g->trace, &end, &is_first, e);
		if (fd < 0)
			return err_in(e, "option --trace: \"%s\"", g->trace);
	}
	t->begin = trace_clock();
	t->path = g->trace;
	t->shows_table = g->timing;
	trace_to(timeline_add, &t->timeline);
	return 0;
}

static bool write_at(int fd, const char *text, size_t n, off_t at)
{
	while (n) {
		ssize_t done = pwrite(fd, text, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		n -= (size_t)done;
		at += done;
	}
	return true;
}

static int append(const struct tracing *t, const char *command, struct err *e)
{
	AUTO_FREE char *text = NULL;
	bool is_first;
	off_t end;
	AUTO_FD int fd = open_file(t->path, &end, &is_first, e);
	size_t size = 0;
	FILE *f = fd < 0 ? NULL : open_memstream(&text, &size);

	if (!f)
		return fd < 0 ? -1 : err_sys(e, "memory");
	(void)fputs(is_first ? "\n" : ",\n", f);
	timeline_json(f, &t->timeline, command, timeline_epoch());
	(void)fputs(tail, f);
	if (fclose(f) != 0)
		return err_sys(e, "memory");
	if (write_at(fd, text, size, end))
		return 0;
	err_sys(e, "write");
	/* As it was: the room for that was there before. */
	if (!write_at(fd, tail, TAIL, end) || ftruncate(fd, end + (off_t)TAIL) < 0)
		log_warning("the trace \"%s\" is broken", t->path);
	return -1;
}

void tracing_show(struct tracing *t, const char *command, const char *line, const struct err *why)
{
	char name[64];
	struct text text = TEXT(name);
	struct err e;

	if (!t->begin)
		return;
	trace_add(&(struct trace_event){
		.name = command, .detail = line, .error = why ? why->msg : NULL, .side = TRACE_HOST, .pid = getpid(),
		.begin = t->begin, .end = trace_clock(),
	});
	timeline_sort(&t->timeline);
	text_add(&text, "husk ");
	text_add(&text, command);
	if (t->path && append(t, name, &e) < 0)
		log_warning("option --trace: \"%s\": %s", t->path, e.msg);
	if (t->shows_table)
		timeline_table(stderr, &t->timeline);
}
