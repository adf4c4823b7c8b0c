/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of husk-bus, carried by husk (sys/seal.h); none when it was built without libsystemd. */
	.section .rodata
	.global husk_bus_start, husk_bus_end
	.balign 16
husk_bus_start:
	.incbin "husk-bus"
husk_bus_end:
	.section .note.GNU-stack, "", %progbits
