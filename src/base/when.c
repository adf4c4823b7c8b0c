/* SPDX-License-Identifier: Apache-2.0 */
/* The time as texts have it; see when.h. */
#include "base/when.h"

#include <time.h>

char *when_now(struct arena *a)
{
	struct timespec ts;
	struct tm utc;
	char seconds[32];

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (!gmtime_r(&ts.tv_sec, &utc) || !strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc))
		return arena_strdup(a, "1970-01-01T00:00:00Z");
	return arena_printf(a, "%s.%09ldZ", seconds, ts.tv_nsec);
}
