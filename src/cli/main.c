/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of husk: placeholder until the commands are there. */
int main(void)
{
	return 1;
}
