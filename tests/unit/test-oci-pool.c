/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of yajl on the stack, and what does not fit into it. */
#include "oci-spec/pool.h"

#include <stdint.h>
#include <string.h>

#include "unit/tap.h"

static bool is_within(const struct spec_pool *pool, const char *p)
{
	return p >= pool->room && p < pool->room + sizeof(pool->room);
}

int main(void)
{
	struct spec_pool pool = { .used = 0 };
	yajl_alloc_funcs f = spec_pool_functions(&pool);
	char *small = f.malloc(f.ctx, 100), *more, *large;

	OK(is_within(&pool, small) && (uintptr_t)small % 16 == 0, "a small block lies in the pool, aligned");
	memset(small, 'a', 100);
	more = f.realloc(f.ctx, small, 3000);
	OK(is_within(&pool, more) && more[0] == 'a' && more[99] == 'a', "a block that grows keeps what it holds");
	memset(more, 'b', 3000);
	large = f.realloc(f.ctx, more, 20000);
	OK(!is_within(&pool, large) && large[0] == 'b' && large[2999] == 'b', "what does not fit comes from elsewhere");
	memset(large, 'c', 20000);
	large = f.realloc(f.ctx, large, 40000);
	OK(large[19999] == 'c', "and can grow there");
	f.free(f.ctx, large);
	f.free(f.ctx, more);
	f.free(f.ctx, NULL);
	OK(f.realloc(f.ctx, NULL, 10), "a block that grows from nothing");
	OK(!f.malloc(f.ctx, SIZE_MAX - 8), "no memory for more than there can be");
	return tap_done();
}
