/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of any origin as JSON strings. On the host: wherever husk writes JSON that is no document of the specification. */
#include "base/json.h"

#include <stddef.h>

/* Length of the UTF-8 character at S, 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		     s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (len == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0)))
		return 0;
	if (len == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90)))
		return 0;
	return len;
}

void json_quote(FILE *f, const char *text)
{
	(void)fputc('"', f);
	for (const unsigned char *c = (const unsigned char *)text; *c; ) {
		size_t len = utf8_length(c);

		if (!len)
			(void)fputs("\\ufffd", f);
		else if (*c == '"' || *c == '\\')
			(void)fprintf(f, "\\%c", *c);
		else if (*c == '\n')
			(void)fputs("\\n", f);
		else if (*c < ' ' || *c == 0x7f)
			(void)fprintf(f, "\\u%04x", *c);
		else
			(void)fwrite(c, 1, len, f);
		c += len ? len : 1;
	}
	(void)fputc('"', f);
}
