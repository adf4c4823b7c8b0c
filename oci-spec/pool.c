/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks are cut off one after the other, each behind its size; the pool is gone with the stack frame. */
#include "oci-spec/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 16ul       /* the size of the block, and what follows is aligned for anything */

static size_t *head_of(void *block)
{
	return (size_t *)((char *)block - HEAD);
}

static bool is_inside(const struct spec_pool *pool, const void *block)
{
	uintptr_t at = (uintptr_t)block, start = (uintptr_t)pool->room;

	return at >= start && at < start + sizeof(pool->room);
}

static void *take(void *ctx, size_t n)
{
	struct spec_pool *pool = ctx;
	size_t whole;
	char *block;

	if (n > PTRDIFF_MAX - 2 * HEAD)
		return NULL;
	whole = (n + 2 * HEAD - 1) / HEAD * HEAD;
	if (whole <= sizeof(pool->room) - pool->used) {
		block = pool->room + pool->used;
		pool->used += whole;
	} else {
		block = malloc(whole);
		if (!block)
			return NULL;
	}
	block += HEAD;
	*head_of(block) = n;
	return block;
}

static void give(void *ctx, void *block)
{
	if (block && !is_inside(ctx, block))
		free((char *)block - HEAD);
}

static void *change(void *ctx, void *block, size_t n)
{
	void *new = take(ctx, n);

	if (new && block) {
		memcpy(new, block, *head_of(block) < n ? *head_of(block) : n);
		give(ctx, block);
	}
	return new;
}

yajl_alloc_funcs spec_pool_functions(struct spec_pool *pool)
{
	return (yajl_alloc_funcs){ .malloc = take, .realloc = change, .free = give, .ctx = pool };
}
