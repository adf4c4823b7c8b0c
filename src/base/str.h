/* SPDX-License-Identifier: Apache-2.0 */
/* Text in buffers of fixed size, without allocation; and the few questions one asks of strings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Few characters, as a rule: musl's memcpy(3) takes longer to begin than their copy takes in all. */
char *str_copy(char *to, const char *from, size_t n);

/* A buffer that remembers whether something did not fit: one check at the end is enough. */
struct text {
	char *s;
	size_t len, size;
	bool cut;
};

#define TEXT(buf) ((struct text){ .s = (buf), .size = sizeof(buf) })

void text_add(struct text *, const char *);
void text_addn(struct text *, const char *, size_t);
/* N in decimal: in a tenth of the time of text_addf(). */
void text_addu(struct text *, uint64_t n);
void text_addf(struct text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool str_eq(const char *, const char *);                /* NULL equals NULL only */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* After PREFIX in S, or NULL when S does not start with it. */
const char *str_after(const char *s, const char *prefix);

/* Control characters become '?': a newline or an escape sequence out of a hostile name must not forge a line of our log. */
void str_keep_one_line(char *);

/* The next word of *LIST up to one of SEPARATORS; *LEN its length. NULL at the end. Empty words are given. */
const char *str_word(const char **list, const char *separators, size_t *len);
/* Is WORD (N bytes) among them? */
bool str_has_word(const char *list, const char *separators, const char *word, size_t n);
