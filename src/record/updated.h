/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `update` has changed since create: the limits as they are now, kept beside config.json, whose bytes stay those
 * that came in.  Without the file they are those of config.json.
 *
 * An update is announced before its first write, with the way back, in a file of another name; that file gets the name of
 * the first when all is done.  So the one step of rename(2) makes it true, and a husk that is killed
 * before leaves an announcement, which the next command on the container takes back (life/living.h).  On
 * the host, under the lock of the record.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "oci-spec/config-linux.h"
#include "parts/cgroup/update.h"
#include "record/record.h"

#define UPDATED_FILE    "updated.json"
#define ANNOUNCED_FILE  "updating.json"

/* One write of the way back; see struct cgroup_put. */
struct oci_put { const char *hierarchy, *file, *text; };

struct oci_updated {
	struct oci_resources *resources;        /* all of them, not only what was updated */
	struct oci_rdt *rdt;                    /* NULL: as in config.json */
	LIST_OF(struct oci_put) before;         /* the way back while it is only announced */
	str_list schemata;                      /* and that of resctrl */
};

extern const struct spec_type oci_put_type, oci_updated_type;

/* The last update that is true; *OUT is NULL when there was none. */
int updated_load(const struct record *, struct oci_updated **out, struct arena *, struct err *);
/* The one that was announced and never became true; *OUT is NULL when there is none. */
/* Is there one that was announced and not carried out to its end? */
bool updated_is_pending(const struct record *);
int updated_load_pending(const struct record *, struct oci_updated **out, struct arena *, struct err *);

int updated_announce(struct record *, const struct oci_updated *, struct err *);
int updated_keep(struct record *, struct err *);
void updated_drop(struct record *);

void updated_set_before(struct oci_updated *, const struct cgroup_puts *, struct arena *);
void updated_before(const struct oci_updated *, struct cgroup_puts *, struct arena *);
