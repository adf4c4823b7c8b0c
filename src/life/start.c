/* SPDX-License-Identifier: Apache-2.0 */
/* `start`: the gate of a created container is opened, once. */
#include "life/start.h"

#include <errno.h>

#include "base/own.h"
#include "life/begin.h"
#include "life/locate.h"
#include "life/target.h"
#include "record/status.h"
#include "record/words.h"

static int check_status(enum status status, struct err *e)
{
	switch (status) {
	case STATUS_CREATED:
		return 0;
	case STATUS_RUNNING:
		return err_set(e, ERR_STATE, WORDS_START_AGAIN);
	case STATUS_STOPPED:
		return err_set(e, ERR_STATE, WORDS_START_STOPPED);
	case STATUS_CREATING:
	case STATUS_PAUSED:
		return err_set(e, ERR_STATE, "cannot start a container that is %s", status_word(status));
	}
	return err_set(e, ERR_BUG, "no such status");
}

static int load_config(struct oci_config **config, const struct record *r, struct arena *a, struct err *e)
{
	size_t len;
	char *text = record_load_config(r, a, &len, e);

	return text ? config_decode(config, "config.json", text, len, a, e) : -1;
}

static int start(const struct target *target, struct err *e)
{
	ARENA_HERE(mem);
	AUTO(record) r = RECORD_NONE;
	AUTO(child) init = CHILD_NONE;
	struct oci_config *config = NULL;

	child_keep(&init);              /* another command's */
	if (target_load(&r, target, &mem, e) < 0 || check_status(status_of(&r, &init.pidfd), e) < 0)
		return -1;
	if (!r.saved.plain && load_config(&config, &r, &mem, e) < 0)
		return -1;
	/* Before the gate is opened: behind it the container would end. */
	if (config && !config->process)
		return err_set(e, ERR_SPEC, "process: required to start the container, but missing");
	return begin(&r, config, &init, &mem, e);
}

int life_start(const struct target *target, struct err *e)
{
	return start(target, e) < 0 ? err_in(e, "start \"%s\"", target->id) : 0;
}
