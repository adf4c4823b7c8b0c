/* SPDX-License-Identifier: Apache-2.0 */
/* `husk mounts add` and `husk mounts remove`. */
#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "cli/commands.h"
#include "life/mounts.h"
#include "sys/fd.h"

#define MOUNTS_MAX (16u << 20)

static const struct option_row no_options[] = { OPTIONS_END };

static int read_file(const char *path, struct mounts_file *out, struct arena *a, struct err *e)
{
	bool is_stdin = str_eq(path, "-");
	AUTO_FD int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : fd_open(path, O_RDONLY | O_NOCTTY, 0, e);

	out->name = is_stdin ? "standard input" : path;
	if (fd < 0)
		return is_stdin ? err_sys(e, "%s", out->name) : -1;
	out->text = fd_read_all(fd, MOUNTS_MAX, a, &out->len, e);
	return out->text ? 0 : err_in(e, "%s", out->name);
}

static int mounts(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	AUTO(arena) mem = ARENA_NONE;
	struct target target = { .root = g->root, .id = arguments->v[1] };
	const char *verb = arguments->v[0];
	struct mounts_file file;

	(void)values;
	if (!str_eq(verb, "add") && !str_eq(verb, "remove"))
		return err_set(e, ERR_USAGE, "mounts: \"%s\" is neither add nor remove", verb);
	if (read_file(arguments->v[2], &file, &mem, e) < 0)
		return -1;
	return str_eq(verb, "add") ? life_mounts_add(&target, &file, e) : life_mounts_remove(&target, &file, e);
}

const struct command command_mounts = {
	.name = "mounts", .arguments = "add|remove CONTAINER-ID FILE",
	.summary = "add mounts to a container that is there, or take them out",
	.notes = "FILE holds a JSON array of mounts, written as \"mounts\" is in config.json; - is standard input. The container "
		 "may be created, running or paused, and needs a mount namespace of its own.\n\n"
		 "add makes all of the mounts or none. They mean what they would have meant in config.json; what changes a mount "
		 "that is there (remount), and the type cgroup, is refused.\n\n"
		 "remove looks at the destinations alone. It takes away what add has put there and nothing else, the mount "
		 "added last first, and with it what was added beneath. Directories made for a mount stay.\n\n"
		 "  husk mounts add web - << END\n"
		 "  [{\"destination\": \"/data\", \"source\": \"/srv\", \"options\": [\"rbind\", \"ro\"]}]\n"
		 "  END",
	.options = no_options, .min = 3, .max = 3, .run = mounts,
};
