/* SPDX-License-Identifier: Apache-2.0 */
/* The entry that libFuzzer calls, and tests/fuzz/mutate.c where there is no libFuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
