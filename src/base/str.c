/* SPDX-License-Identifier: Apache-2.0 */
/* Text in buffers of fixed size, and questions about strings; both programs, no allocation. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *str_copy(char *to, const char *from, size_t n)
{
	char *p = to;

	for (; n >= 8; n -= 8, p += 8, from += 8)
		memcpy(p, from, 8);
	while (n--)
		*p++ = *from++;
	return to;
}

void text_addn(struct text *t, const char *s, size_t n)
{
	if (!t->size) {
		t->cut = t->cut || n;
		return;
	}
	if (n >= t->size - t->len) {
		n = t->size - t->len - 1;
		t->cut = true;
	}
	str_copy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
	text_addn(t, s, strlen(s));
}

void text_addu(struct text *t, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	text_addn(t, p, (size_t)(digits + sizeof(digits) - p));
}

void text_addf(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->size ? t->s + t->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->cut = true;
	} else if ((size_t)n >= room) {
		t->cut = true;
		t->len = t->size ? t->size - 1 : 0;
	} else {
		t->len += (size_t)n;
	}
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s && strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_starts(const char *s, const char *prefix)
{
	return str_after(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = s ? strlen(s) : 0, m = strlen(suffix);

	return s && n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* Mostly there is one separator, and a few characters before it: strcspn(3) would not even have begun. */
static size_t word_length(const char *word, const char *separators)
{
	size_t n = 0;

	if (separators[1])
		return strcspn(word, separators);
	while (word[n] && word[n] != separators[0])
		n++;
	return n;
}

const char *str_word(const char **list, const char *separators, size_t *len)
{
	const char *word = *list;

	if (!word)
		return NULL;
	*len = word_length(word, separators);
	*list = word[*len] ? word + *len + 1 : NULL;
	return word;
}

bool str_has_word(const char *list, const char *separators, const char *word, size_t n)
{
	const char *w;
	size_t len;

	while ((w = str_word(&list, separators, &len)))
		if (len == n && memcmp(w, word, n) == 0)
			return true;
	return false;
}

void str_keep_one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}
