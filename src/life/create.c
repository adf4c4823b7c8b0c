/* SPDX-License-Identifier: Apache-2.0 */
/* `create`: make it, then let go of it. */
#include "life/create.h"

#include "base/own.h"
#include "life/making.h"

int life_create(const struct create_request *rq, struct err *e)
{
	char room[ARENA_ROOM] __attribute__((aligned(16)));
	AUTO(making) m = MAKING_NONE;

	m.mem = arena_in(room, sizeof(room));
	if (making_create(&m, rq, e) < 0)
		return err_in(e, "create \"%s\"", rq->id);
	making_keep(&m);
	return 0;
}
