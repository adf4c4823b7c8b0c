/* SPDX-License-Identifier: Apache-2.0 */
/* The Test Anything Protocol: OK(condition, "sentence about behaviour"), then return tap_done(). */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused))
static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);         /* a crash must not swallow it, a fork not double it */
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	return good;
}

/* A function, since gcc thinks of the NULL that SAME compares with. */
__attribute__((noinline, unused))
static void tap_differ(const char *got, const char *want)
{
	printf("#  got: %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
}

#define OK(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define SAME(got, want, ...) ({ const char *g_ = (got), *w_ = (want); \
	bool s_ = (g_ && w_) ? strcmp(g_, w_) == 0 : g_ == w_; \
	if (!tap_ok(s_, __FILE__, __LINE__, __VA_ARGS__)) \
		tap_differ(g_, w_); \
	s_; })
#define SKIP(why, ...) do { printf("ok %d - ", ++tap_count); printf(__VA_ARGS__); printf(" # SKIP %s\n", (why)); } while (0)

__attribute__((unused))
static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	fflush(stdout);
	return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
