/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed copy of husk-init, made by husk before a container's first process is cloned.
 * A process in the container can open /proc/PID/exe of init, but not change a byte of it.
 */
#include "sys/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/own.h"
#include "base/trace.h"
#include "sys/calls.h"
#include "sys/fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010u
#endif

int seal_program(const void *bytes, size_t n, const char *name, struct err *e)
{
	TRACE("seal husk-init");
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	AUTO_FD int fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	/* kernel < 6.3: no MFD_EXEC, every memfd is executable. */
	if (fd < 0 && errno == EINVAL)
		fd = sys_memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(e, "memfd_create \"%s\"", name);
	if (fd_write_all(fd, bytes, n, e) < 0)
		return err_in(e, "copy \"%s\" to memory", name);
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_sys(e, "seal \"%s\"", name);
	return TAKE_FD(fd);
}
