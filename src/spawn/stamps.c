/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the page that init stamps: made at birth, told to the trace when the command is done with init. */
#include "spawn/stamps.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "base/trace.h"
#include "sys/calls.h"

int crumb_make(struct err *e)
{
	AUTO_FD int fd = sys_memfd_create("husk-stage", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "memfd_create");
	if (ftruncate(fd, sizeof(struct crumb)) < 0)
		return err_sys(e, "grow the page of the stage");
	return TAKE_FD(fd);
}

/* From front to back, so that the stamps are there that the number before them counts. */
bool crumb_read(struct crumb *c, int fd)
{
	*c = (struct crumb){ .stage = 0 };
	return fd >= 0 && pread(fd, c, sizeof(*c), 0) == (ssize_t)sizeof(*c);
}

void stamps_tell(const struct crumb *c, const struct stamps_owner *who)
{
	bool is_final = !who->bridge, has_ended = who->executed || who->waits;
	uint64_t end = who->executed ? who->executed : trace_now();
	uint64_t begin[ARRAY_SIZE(c->stamp) + 1];
	uint32_t n = MIN(__atomic_load_n(&c->n, __ATOMIC_ACQUIRE), (uint32_t)ARRAY_SIZE(c->stamp));

	if (!trace_is_on())
		return;
	/* Of the gate at which it waits only `start` can tell the end. */
	if (who->waits && n && c->stamp[n - 1].stage == STAGE_GATE) {
		n--;
		end = c->stamp[n].begin ? c->stamp[n].begin : end;
	}
	begin[n] = end;
	/* What was not stamped took no time that we know of. */
	for (uint32_t i = n; i-- > 0; )
		begin[i] = c->stamp[i].begin ? MIN(c->stamp[i].begin, begin[i + 1]) : begin[i + 1];
	for (uint32_t i = 0; i < n && c->stamp[i].stage != STAGE_MAX; i++) {
		bool failed = i + 1 < n && c->stamp[i + 1].stage == STAGE_MAX;

		trace_add(&(struct trace_event){
			.name = stage_name(c->stamp[i].stage),
			.error = failed || (i + 1 == n && !has_ended) ? "init did not get beyond this stage" : NULL,
			.side = is_final ? TRACE_INIT : TRACE_BRIDGE, .pid = is_final ? who->init : who->bridge,
			.begin = begin[i], .end = begin[i + 1],
		});
		is_final |= c->stamp[i].stage == STAGE_FORK;
	}
}
