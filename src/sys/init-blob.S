/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of husk-init, carried by husk (sys/seal.h). */
	.section .rodata
	.global husk_init_start, husk_init_end
	.balign 16
husk_init_start:
	.incbin "husk-init"
husk_init_end:
	.section .note.GNU-stack, "", %progbits
