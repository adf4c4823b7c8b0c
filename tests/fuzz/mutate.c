/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main() for the fuzz targets where the compiler has no libFuzzer: mutates the given files.
 *
 * usage: fuzz-config SECONDS SEED FILE...
 *
 * The same seed gives the same inputs; one that crashes is left in ./crash-input.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define LARGEST (1u << 18)

static uint64_t state;

static uint32_t chance(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

static const char *const tokens[] = {
	"null", "true", "{", "}", "[", "]", "\"\"", "-1", "1e9", "0", ",", ":", "{}", "[]", "\"a\":", "\\u0000",
	"\\ud800", "18446744073709551616", "-9223372036854775809", "\"ociVersion\":\"1\",", "\xff", "[[[[[[[[",
	"{\"a\":", "\"limit\":", "65536", "4294967296",
};

static size_t mutate(uint8_t *s, size_t len)
{
	for (uint32_t n = 1 + chance(4); n && len; n--) {
		size_t at = chance(len), k;
		const char *t;

		switch (chance(8)) {
		case 0:                         /* one byte */
			s[at] = chance(256);
			break;
		case 1:                         /* a token over what is there */
		case 2:                         /* a token in between */
			t = tokens[chance(sizeof(tokens) / sizeof(tokens[0]))];
			k = strlen(t);
			if (len + k > LARGEST)
				break;
			if (chance(2)) {
				memmove(s + at + k, s + at, len - at);
				len += k;
			}
			if (at + k <= len)
				memcpy(s + at, t, k);
			break;
		case 3:                         /* take some out */
			k = chance(64);
			if (at + k < len) {
				memmove(s + at, s + at + k, len - at - k);
				len -= k;
			}
			break;
		case 4:                         /* repeat some */
			k = chance(64);
			if (at + k < len && len + k <= LARGEST) {
				memmove(s + at + k, s + at, len - at);
				len += k;
			}
			break;
		default:
			len = fuzz_json(s, len, LARGEST, chance(1u << 31));
			break;
		}
	}
	return len;
}

/* Only libFuzzer has it; a target's own mutator is not called from here. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max)
{
	return len;
}

static void run(const uint8_t *s, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees the first byte too far */

	memcpy(exact, s, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t seed[LARGEST], s[LARGEST];
	unsigned long count = 0;
	time_t end;

	if (argc < 4) {
		fprintf(stderr, "usage: %s SECONDS SEED FILE...\n", argv[0]);
		return 2;
	}
	end = time(NULL) + strtol(argv[1], NULL, 10);
	state = strtoul(argv[2], NULL, 10) * 2654435761u + 1;
	do {
		FILE *f = fopen(argv[3 + chance(argc - 3)], "re");
		size_t len, n;

		if (!f) {
			perror("fuzz");
			return 2;
		}
		n = fread(seed, 1, sizeof(seed), f);
		fclose(f);
		for (int i = 0; i < 100; i++, count++) {
			int fd;

			memcpy(s, seed, n);
			len = mutate(s, n);
			fd = open("crash-input", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
			if (fd < 0 || write(fd, s, len) < 0)
				perror("crash-input");
			close(fd);
			run(s, len);
		}
	} while (time(NULL) < end);
	unlink("crash-input");
	printf("%lu inputs, none harmful\n", count);
	return 0;
}
