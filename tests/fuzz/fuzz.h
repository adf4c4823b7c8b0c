/* SPDX-License-Identifier: Apache-2.0 */
/* The entry that libFuzzer calls, and tests/fuzz/mutate.c where there is no libFuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Changes the LEN bytes of JSON at S, of room MAX, by SEED; returns the new length. */
size_t fuzz_json(uint8_t *s, size_t len, size_t max, unsigned seed);

/* For libFuzzer: this or its own mutations. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);
