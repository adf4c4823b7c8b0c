/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of yajl's parser and generator while one document is read or written: on the caller's stack, without
 * asking libc and the kernel for pages and giving them back for each of a thousand records.  What does not fit
 * comes from malloc(3).
 */
#pragma once

#include <stddef.h>
#include <yajl/yajl_common.h>

#define SPEC_POOL_SIZE 8192

struct spec_pool {
	size_t used;
	char room[SPEC_POOL_SIZE] __attribute__((aligned(16)));
};

/* POOL (used = 0) must outlive the parser or generator that is made with these. */
yajl_alloc_funcs spec_pool_functions(struct spec_pool *pool);
