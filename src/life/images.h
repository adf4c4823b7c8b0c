/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `checkpoint` puts a container, and `restore` finds it: CRIU's images, its log, and descriptors.json. On
 * the host.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config.h"
#include "parts/criu/criu.h"

struct images {
	int dir, logs;
	const char *log_path;           /* of CRIU's log, for errors */
	bool is_mapped;                 /* DIR lies on a mount with the ids of a user namespace */
};

#define IMAGES_NONE ((struct images){ .dir = -EBADF, .logs = -EBADF })

void images_undo(struct images *);

/* Makes both directories when they are missing. LOGS NULL: as DIR; LOG: name of CRIU's log. */
int images_make(struct images *, const char *dir, const char *logs, const char *log, struct arena *, struct err *);
/* The images must be there. */
int images_open(struct images *, const char *dir, const char *logs, const char *log, struct arena *, struct err *);
/*
 * In a new user namespace the processes read their images themselves, as its root, whom a directory of mode 0700 does not
 * let in: it is opened again on a mount where what is root's belongs to that root.  Where the file system has no such
 * mounts, others must be allowed to enter.
 */
int images_map_ids(struct images *, const struct oci_config *, struct arena *, struct err *);
/*
 * For a CRIU in a mount namespace of its own: the same directories as it sees them, since it mounts beneath them,
 * and the kernel mounts nothing beneath a directory of another mount namespace.
 */
int images_see_as(struct images *, pid_t criu, struct err *);
/* PARENT, relative to the images, must be a directory of images, too. */
int images_check_parent(const struct images *, const char *parent, struct err *);

/*
 * What the container's descriptors 0, 1 and 2 were, in CRIU's words where they come from outside: "pipe:[42]",
 * "file[1b:4]"; "/dev/null:" before it says what it was. Behind them such null devices under other numbers.  The
 * file has the name and the form that runc and crun give it.
 */
struct oci_descriptors { str_list list; };
int images_save_descriptors(const struct images *, const struct oci_descriptors *, struct arena *, struct err *);
int images_load_descriptors(const struct images *, struct oci_descriptors **, struct arena *, struct err *);

/*
 * The file with more options of CRIU: the annotation org.criu.config, "" is none; without it what is there of
 * husk's and runc's default files.
 */
const char *images_config_file(const str_map *annotations);
