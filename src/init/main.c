/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of husk-init: placeholder until the stages are there. */
int main(void)
{
	return 1;
}
