/* SPDX-License-Identifier: Apache-2.0 */
/* The chapters of husk(8) that no option table holds. */
#include "cli/facts.h"

#include <stddef.h>

static const struct fact environment[] = {
	{ "XDG_RUNTIME_DIR", "Where the state directory lies when husk does not run as root, or in a user namespace." },
	{ "NOTIFY_SOCKET", "The socket of sd_notify(3). The container gets one of its own, whose messages are passed on." },
	{ "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES", "Socket activation, sd_listen_fds(3): create, run and exec pass the "
	  "descriptors on to the process, whose LISTEN_PID is its own number." },
	{ "PATH", "ps looks for ps(1) there. The container's PATH is that of its configuration." },
	{}
};

static const struct fact files[] = {
	{ "/run/husk", "The state directory of root: a folder per container. See --root." },
	{ "$XDG_RUNTIME_DIR/husk", "The same for others; /run/user/UID/husk without that variable." },
	{ "config.json", "In the bundle: the configuration. create keeps a copy: later changes to the file have no effect." },
	{ "/run/systemd/journal/socket, /dev/log", "Where --log=journald:NAME and --log=syslog:NAME send to." },
	{ "/sys/fs/cgroup", "The control groups; v1, v2 and both together are understood." },
	{}
};

static const struct fact signals[] = {
	{ "all but SIGKILL, SIGSTOP, SIGCHLD", "run and exec in the foreground pass them on to the process of the container." },
	{ "SIGWINCH", "With a terminal its new size is passed on." },
	{}
};

static const struct fact annotations[] = {
	{ "run.oci.keep_original_groups", "Not \"0\" or \"false\": the process keeps the caller's supplementary groups." },
	{ "run.oci.mount_context_type", "How linux.mountLabel is given to a mount: context (default), fscontext, defcontext or "
	  "rootcontext." },
	{}
};

const struct chapter chapters[] = {
	{ "ENVIRONMENT", "Nothing of it reaches the container but what is said here.", environment },
	{ "FILES", NULL, files },
	{ "SIGNALS", NULL, signals },
	{ "ANNOTATIONS", "These annotations of config.json change what husk does. Who takes configurations from strangers has to "
	  "look at them: husk features lists them as potentially unsafe.", annotations },
	{}
};
