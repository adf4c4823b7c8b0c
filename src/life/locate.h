/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and judging config.json: errors that say where in the text. On the host. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"

#define CONFIG_MAX (16u << 20)

/* The bytes of the file at PATH, NUL added. */
char *config_read(const char *path, struct arena *, size_t *len, struct err *);
/* Decoded into A. FILE: its name in messages. */
int config_decode(struct oci_config **, const char *file, const char *text, size_t len, struct arena *, struct err *);
/*
 * An error that begins with a JSON path (behind the stage of init, when it has one) gets its place in TEXT, and one of kind
 * ERR_SPEC " (FILE, line N)" in the message.  Returns -1.  BASE: what the paths begin with that TEXT
 * does not have ("process." for a file that holds a process).
 */
int config_locate(struct err *, const char *base, const char *file, const char *text, size_t len);
