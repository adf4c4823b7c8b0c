/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and judging config.json and its like: errors that say where in the text. On the host. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"

#define CONFIG_MAX (16u << 20)

/* The bytes of the file at PATH, NUL added. */
char *document_read(const char *path, struct arena *, size_t *len, struct err *);
/* TEXT as a struct of TYPE in A; NULL: error. FILE: its name in messages. Unknown members: WARNS, or a line at debug level. */
void *document_decode(const struct spec_type *type, const char *file, bool warns, const char *text, size_t len, struct arena *,
		      struct err *);
/* The same for config.json: with what helps somebody who has none. */
char *config_read(const char *path, struct arena *, size_t *len, struct err *);
int config_decode(struct oci_config **, const char *file, const char *text, size_t len, struct arena *, struct err *);
/*
 * An error that begins with a JSON path (behind the stage of init, when it has one) gets its place in TEXT, and one of kind
 * ERR_SPEC " (FILE, line N)" in the message.  Returns -1.  BASE: what the paths begin with that TEXT
 * does not have ("process." for a file that holds a process).
 */
int config_locate(struct err *, const char *base, const char *file, const char *text, size_t len);
