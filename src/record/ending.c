/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, keeping and telling how a container ended; see ending.h. */
#include "record/ending.h"

#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/when.h"
#include "parts/cgroup/control.h"
#include "record/groups.h"
#include "record/status.h"
#include "sys/fd.h"

#define ENDING_MAX 4096

SPEC_TYPE(ending, "ending",
	VALUE (ending, code,   "code", REQUIRED),
	VALUE (ending, signal, "signal"),
	VALUE (ending, core,   "coreDumped"),
	VALUE (ending, oom,    "oomKilled"),
	VALUE (ending, time,   "time"));

static bool has_oom_kills(const struct record *r)
{
	AUTO(cgroup) cg = CGROUP_NONE;
	struct err ignored;

	return groups_open(&cg, r, &ignored) == 0 && cgroup_oom_kills(&cg) > 0;
}

static void fill(struct oci_ending *out, const struct process_end *end, const struct record *r)
{
	*out = (struct oci_ending){
		.code = { .set = true, .v = (uint32_t)process_end_code(end) },
		.signal = end->signaled ? (uint32_t)end->code : 0, .core = end->core, .oom = has_oom_kills(r),
	};
}

void ending_witness(struct oci_ending *out, const struct process_end *end, const struct record *r, struct arena *a)
{
	fill(out, end, r);
	out->time = when_now(a);
}

bool ending_witness_pidfd(struct oci_ending *out, int pidfd, const struct record *r, struct arena *a)
{
	struct process_end end;

	if (process_how_ended(pidfd, r->saved.pid, &end) != 1)
		return false;
	ending_witness(out, &end, r, a);
	return true;
}

static bool load(struct oci_ending *out, const struct record *r, struct arena *a)
{
	struct err ignored;
	struct spec_error why;
	char text[ENDING_MAX], name[RECORD_PATH_MAX];
	int dir = record_at(r, ENDING_NAME, name);
	void *decoded;

	/* Looked for first: most have none, and a message that says so would cost more than the look. */
	if (!file_is_at(dir, name) || file_read_at(dir, name, text, sizeof(text), &ignored) <= 0 ||
	    spec_decode(&oci_ending_type, text, strlen(text), a, &decoded, &why) < 0)
		return false;
	*out = *(struct oci_ending *)decoded;
	return true;
}

bool ending_find(struct oci_ending *out, const struct record *r, struct arena *a)
{
	AUTO_FD int pidfd = -EBADF;
	struct process_end end;

	if (load(out, r, a))
		return true;
	pidfd = status_open_ended(r);
	if (pidfd < 0 || process_how_ended(pidfd, r->saved.pid, &end) != 1)
		return false;
	fill(out, &end, r);
	return true;
}

void ending_keep(const struct oci_ending *ending, const struct record *r)
{
	AUTO(arena) mem = ARENA_NONE;
	const char *text = spec_encode(&oci_ending_type, ending, &mem, false);
	struct err e;

	if (file_replace_at(r->dir, ENDING_NAME, text, strlen(text), 0600, &e) < 0 && e.num != ENOENT)
		log_warning("keep how \"%s\" ended: %s", r->id, e.msg);
}
