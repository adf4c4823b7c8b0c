/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where messages go.  Only cli/ (and init's main) sets the sink; everything below may trace and
 * warn, and reports failures by struct err instead.  The sink is the one mutable global.
 */
#pragma once

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

typedef void log_sink(enum log_level, const char *text);

void log_to(log_sink *, enum log_level most);
enum log_level log_level(void);

/* Who wants the messages of some calls as values, in the place of the sink. Embed it to find the rest of yourself. */
struct log_tap { void (*say)(struct log_tap *, enum log_level, const char *text); };
/* Until the next call; NULL: the sink again. Returns the one before, to be put back. */
struct log_tap *log_listen(struct log_tap *);

void log_say(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_say(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_say(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_say(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_say(LOG_DEBUG, __VA_ARGS__)
