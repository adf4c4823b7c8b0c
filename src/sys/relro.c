/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the linker keeps apart to be read only once it has been relocated: tables, some with pointers to functions.  Making it so
 * is the loader's duty (PT_GNU_RELRO, elf(5)); a static program has none, and musl's start does not do it.  In husk only, where
 * it is linked with musl, before main().
 */
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

extern const char __ehdr_start[] __attribute__((visibility("hidden")));

__attribute__((constructor)) static void protect_relocated(void)
{
	const ElfW(Phdr) *segment = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	uintptr_t page = ~(uintptr_t)(getauxval(AT_PAGESZ) - 1);

	for (unsigned long n = getauxval(AT_PHNUM); n > 0; n--, segment++) {
		uintptr_t begin = (uintptr_t)__ehdr_start + segment->p_vaddr, end = begin + segment->p_memsz;

		/* It hardens, and nothing depends on it. */
		if (segment->p_type == PT_GNU_RELRO)
			(void)mprotect((void *)(begin & page), (end & page) - (begin & page), PROT_READ);
	}
}
