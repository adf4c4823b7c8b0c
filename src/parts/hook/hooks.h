/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: programs of whoever wrote config.json, run at six moments of a container's life.
 *
 * Four kinds run on the host (hooks_run, in husk): prestart, createRuntime, poststart, poststop.  Two run in the container's
 * namespaces (hooks_apply, in husk-init): createContainer before pivot_root, startContainer after it.
 * All get the state as JSON on standard input, exactly the arguments and the environment of the config (none when
 * absent: the image's environment in a hook was CVE-2025-23266), no other descriptors, default signals, a session of
 * their own.  What they print is kept for the error message.  Source: config.md "POSIX-platform Hooks".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "oci-spec/config.h"

enum hook_kind {
	HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER, HOOK_POSTSTART, HOOK_POSTSTOP,
	HOOK_KINDS
};

struct hook {
	const char *path;
	char *const *argv, *const *envp;        /* both end with NULL */
	unsigned timeout;                       /* seconds; 0: none */
};

struct hook_list { const struct hook *v; size_t n; };

struct hooks_plan {
	struct hook_list kind[HOOK_KINDS];
	const char *out, *err;                  /* files of the host that get what hooks print; NULL: kept for errors */
	const char *cwd;                        /* the bundle; startContainer runs in "/" */
	/* The state for hooks in init, who puts its pid between the two parts: {..."pid": <pid> ,...} */
	const char *creating_head, *created_head, *tail;
};

/* As config.json has them. */
static inline const char *hook_kind_name(enum hook_kind k)
{
	switch (k) {
	case HOOK_PRESTART:         return "prestart";
	case HOOK_CREATE_RUNTIME:   return "createRuntime";
	case HOOK_CREATE_CONTAINER: return "createContainer";
	case HOOK_START_CONTAINER:  return "startContainer";
	case HOOK_POSTSTART:        return "poststart";
	case HOOK_POSTSTOP:         return "poststop";
	case HOOK_KINDS:            break;
	}
	return "?";
}

/* A hook may hang: who asks for level info learns which one is waited for. */
static inline void hook_tell(enum hook_kind k, size_t i, const struct hook *h)
{
	log_info("hooks.%s[%zu]: waiting for \"%.300s\"", hook_kind_name(k), i, h->path);
}

/* H may be NULL. BUNDLE is absolute. The rest goes into the state. */
int hooks_plan(struct hooks_plan *, const struct oci_hooks *h, const char *oci_version, const char *id,
	       const char *bundle, const str_map *annotations, struct arena *, struct err *);

static inline bool hooks_exist(const struct hooks_plan *p, enum hook_kind which)
{
	return p->kind[which].n > 0;
}

/*
 * Host: runs all of KIND in order, STATE on their standard input.  The first failure ends it, except for poststop,
 * where each failure is logged as a warning and the rest runs (runtime.md); returns 0 then.  PURPOSE: a pidfd without whose
 * process they make no sense, and are killed; or 0.
 */
int hooks_run(const struct hooks_plan *, enum hook_kind, const char *state, int purpose, struct err *);
/* The file that p->out or p->err names, made if need be, to append to. *FD is the caller's; untouched when PATH is NULL. */
int hooks_open(const char *path, int *fd, struct err *);
/* Init: createContainer ("creating") and startContainer ("created"). OUT, ERR: of hooks_open(), on the host; no descriptor: none. */
int hooks_apply(const struct hooks_plan *, enum hook_kind, int out, int err, struct err *);
