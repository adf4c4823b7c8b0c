/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing /proc/self/mountinfo, on the host, for cgroup layouts that are not where everybody has
 * them.  Mount points are named by whoever mounted, so the text is taken as hostile.
 */
#include "sys/mountinfo.h"

#include <string.h>

#include "base/str.h"

/* A copy of the word with "\040" and its kin undone. */
static char *unescape(const char *word, size_t len, struct arena *a)
{
	char *copy = arena_alloc(a, len + 1), *out = copy;

	for (size_t i = 0; i < len; i++) {
		const char *p = word + i;

		if (p[0] == '\\' && i + 3 < len && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
		    p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			*out++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			i += 3;
		} else {
			*out++ = *p;
		}
	}
	return copy;
}

/* id parent major:minor root target options [tags...] - type source super-options */
static bool parse_line(const char *line, size_t size, struct mountinfo *m, struct arena *a)
{
	const char *copy = arena_strndup(a, line, size), *word;
	size_t len;
	int field = 0, after = -1;

	*m = (struct mountinfo){ 0 };
	while ((word = str_word(&copy, " ", &len))) {
		field++;
		if (field == 4)
			m->root = unescape(word, len, a);
		if (field == 5)
			m->target = unescape(word, len, a);
		if (after >= 0)
			after++;
		else if (field > 6 && len == 1 && *word == '-')
			after = 0;
		if (after == 1)
			m->type = unescape(word, len, a);
		if (after == 3)
			m->options = unescape(word, len, a);
	}
	return m->options;
}

bool mountinfo_next(const char **text, struct mountinfo *m, struct arena *a)
{
	while (**text) {
		const char *line = *text;
		size_t len = strcspn(line, "\n");

		*text = line + len + (line[len] == '\n');
		if (parse_line(line, len, m, a))
			return true;
	}
	return false;
}
