/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks from the saved configuration, with the state as it is now. */
#include "life/hooks.h"

#include "life/state.h"

int life_hooks(const struct record *r, const struct oci_config *config, enum hook_kind kind, enum status status,
	       struct arena *a, struct err *e)
{
	struct life_state state = {
		.id = r->id, .bundle = r->saved.bundle, .status = status,
		.pid = status == STATUS_STOPPED ? 0 : r->saved.pid, .annotations = config->annotations,
	};
	struct hooks_plan plan = {};

	if (!config->hooks)
		return 0;
	if (hooks_plan(&plan, config->hooks, config->oci_version, r->id, r->saved.bundle, &config->annotations, a, e) < 0)
		return -1;
	if (!hooks_exist(&plan, kind))
		return 0;
	return hooks_run(&plan, kind, life_line_json(&state, a), 0, e);
}
