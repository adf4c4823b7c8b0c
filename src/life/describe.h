/* SPDX-License-Identifier: Apache-2.0 */
/* `features` and `spec`: what this husk knows, and a config.json to begin with. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

const char *life_version(void);         /* of husk */
const char *life_commit(void);
const char *life_spec_version(void);    /* of the specification */

/* features.md of the runtime-spec, from the tables that the decoder itself uses. */
char *life_features(struct arena *, struct err *);

/* The text of it. UID, GID: who becomes root inside when ROOTLESS. */
char *life_template(bool rootless, unsigned uid, unsigned gid, struct arena *);
/* Writes DIR/FILE (not over an existing one); ROOTLESS: with a user namespace and what that demands. */
int life_spec(const char *dir, const char *file, bool rootless, struct err *);
