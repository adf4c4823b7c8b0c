/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams and terminal size for the plan. Pure, in husk. */
#include "parts/task/stdio.h"

int stdio_plan(struct stdio_plan *p, bool terminal, const struct oci_box *size, unsigned preserved, uid_t uid,
	       struct err *e)
{
	*p = (struct stdio_plan){ .terminal = terminal, .preserved = preserved, .uid = uid };
	if (!terminal || !size)
		return 0;       /* consoleSize counts with a terminal only (config.md) */
	if (size->height > UINT16_MAX)
		return err_set(e, ERR_SPEC, "process.consoleSize.height: above %u", UINT16_MAX);
	if (size->width > UINT16_MAX)
		return err_set(e, ERR_SPEC, "process.consoleSize.width: above %u", UINT16_MAX);
	p->rows = (uint16_t)size->height;
	p->columns = (uint16_t)size->width;
	return 0;
}
