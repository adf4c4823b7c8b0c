/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the archive of yajl asks of glibc and musl has not: distributions build it with _FORTIFY_SOURCE, whose calls
 * check the size of the destination.  In husk only, where it is linked with musl; the checks are kept.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(to, from, n);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	if (n > room)
		abort();
	va_start(ap, format);
	len = vsnprintf(to, n, format, ap);
	va_end(ap);
	return len;
}

int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...)
{
	va_list ap;
	int len;

	(void)flag;
	va_start(ap, format);
	len = vsnprintf(to, room, format, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= room)
		abort();
	return len;
}
