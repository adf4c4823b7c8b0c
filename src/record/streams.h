/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the streams are that a container is given: in CRIU's words, by which a checkpoint knows them again wherever
 * the container has put them meanwhile.  On the host, in `create`, `run` and `restore`.
 */
#pragma once

#include "base/arena.h"
#include "oci-spec/spec.h"

/* Before the words for a file that is the host's /dev/null: one it will be, whatever streams the restored container is given. */
#define STREAMS_NULL    "/dev/null:"

/*
 * Of the caller's 0, 1 and 2, three words: "pipe:[42]", "socket:[42]", "file[1b:4]" (number of the mount and of the file,
 * in hexadecimal); "" for a terminal and everything else, which is found by other means.
 */
void streams_name(str_list *, struct arena *);
const char *streams_word(int fd, struct arena *);
