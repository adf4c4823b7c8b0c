/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes system calls as it is told, from inside a container: each argument is one call,
 * "NR,ARG,ARG,..." in C notation, "@N" an address of N zero bytes,
 * shown if they become a text; "i386:..." by int 0x80.  Prints "ok" or the
 * number of errno, one line each.  Exits with 0.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long i386(const unsigned long a[7])
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret)
			 : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5])
			 : "memory", "r8", "r9", "r10", "r11");
	if (ret < 0) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
#else
	errno = ENOSYS;
	return -1;
#endif
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 1; i < argc; i++) {
		char *word = argv[i];
		unsigned long a[7] = { 0 };
		int compat = strncmp(word, "i386:", 5) == 0;
		const char *buffer = NULL;
		long ret;

		if (compat)
			word += 5;
		for (int n = 0; n < 7 && *word; n++) {
			if (*word == '@')
				a[n] = (unsigned long)(buffer = mmap(NULL, strtoul(word + 1, &word, 0),
								     PROT_READ | PROT_WRITE,
								     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
			else
				a[n] = strtoul(word, &word, 0);
			word += *word == ',';
		}
		ret = compat ? i386(a) : syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
		if (ret == -1)
			printf("%d\n", errno);
		else
			printf("ok%s%s\n", buffer && *buffer ? " " : "", buffer ? buffer : "");
	}
	return 0;
}
