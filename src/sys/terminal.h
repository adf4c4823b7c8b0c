/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo terminals: the container's side by descriptor (TIOCGPTPEER), and the caller's own terminal. */
#pragma once

#include <stdint.h>
#include <termios.h>

#include "base/err.h"

/* Opens a new pair in the devpts whose root directory is PTS ("ptmx" beneath it). */
int terminal_make(int pts, int *master, int *slave, struct err *);
int terminal_resize(int fd, uint16_t rows, uint16_t columns, struct err *);
int terminal_copy_size(int from, int to, struct err *);
/* A session of its own with SLAVE as controlling terminal, and as 0, 1, 2. */
int terminal_adopt(int slave, struct err *);
/* Raw mode; *old for terminal_restore. */
int terminal_raw(int fd, struct termios *old, struct err *);
int terminal_restore(int fd, const struct termios *, struct err *);
