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
	{ "/run/husk/ID/updated.json", "The limits that husk update has left, beside the configuration as it was at create. While an "
	  "update is at work there is updating.json: with it the next command takes back an update whose husk was killed." },
	{ "/run/husk/ID/ended", "How a container ended, once a command of husk has seen it (wait, stop, run, events --all)." },
	{ "/run/husk/.listeners", "The sockets of husk events --all, to which the other commands tell what they do." },
	{ "config.json", "In the bundle: the configuration. create keeps a copy: later changes to the file have no effect." },
	{ "/run/systemd/journal/socket, /dev/log", "Where --log=journald:NAME and --log=syslog:NAME send to." },
	{ "/sys/fs/cgroup", "The control groups; v1, v2 and both together are understood." },
	{}
};

static const struct fact signals[] = {
	{ "all but SIGKILL, SIGSTOP, SIGCHLD", "run and exec in the foreground pass them on to the process of the container." },
	{ "SIGINT, SIGTERM, SIGHUP, SIGQUIT", "End husk events --all, with exit code 0." },
	{ "SIGWINCH", "With a terminal its new size is passed on." },
	{}
};

static const struct fact annotations[] = {
	{ "org.systemd.property.NAME", "With --cgroup-manager=systemd: sets the property NAME of the unit to a value in the text form of "
	  "GVariant, like uint64 7 or ['a', 'b']. NAME may end with Sec: the value is then a number of seconds." },
	{ "run.oci.hooks.stdout", "Absolute path of a file of the host: what hooks print is appended to it, instead of being kept for "
	  "error messages. So does run.oci.hooks.stderr." },
	{ "run.oci.hooks.stderr", "See run.oci.hooks.stdout." },
	{ "run.oci.keep_original_groups", "\"1\": the process keeps the caller's supplementary groups." },
	{ "run.oci.mount_context_type", "How linux.mountLabel is given to a mount: context (default), fscontext, defcontext or "
	  "rootcontext." },
	{ "run.oci.pidfd_receiver", "Absolute path of a UNIX socket that gets a pidfd of the container's process, as with "
	  "--pidfd-socket." },
	{ "run.oci.seccomp.receiver", "Absolute path of a UNIX socket: stands in for a linux.seccomp.listenerPath that is not given." },
	{ "run.oci.seccomp_bpf_data", "A filter of classic BPF in base64, loaded in place of the system calls and actions of "
	  "linux.seccomp." },
	{ "run.oci.seccomp_fail_unknown_syscall", "\"1\": a name in linux.seccomp that is no system call is an error." },
	{ "run.oci.systemd.force_cgroup_v1", "Destination of a mount of the configuration, in whose place the cgroup v1 hierarchy "
	  "name=systemd is mounted." },
	{ "run.oci.systemd.subgroup", "Path of a cgroup beneath systemd's unit, which takes the unit's place as the container's own: "
	  "process and limits are there. Empty: none, as without the annotation (crun's default is \"container\"). Of no meaning "
	  "without the systemd manager." },
	{ "run.oci.delegate-cgroup", "Path of a cgroup within the container's own (cgroup v2 only): the process begins there, while its "
	  "cgroup namespace begins at the container's own. It has no limits of its own and belongs to the process's user, who may "
	  "divide it." },
	{ "org.criu.config", "File with more options for CRIU, which checkpoint and restore hand on; its options may name programs "
	  "that CRIU calls." },
	{ "run.oci.handler", "Refused, as is run.oci.seccomp.plugins." },
	{}
};

static const struct fact rootless[] = {
	{ "--systemd-cgroup", "The user's own systemd makes the container's scope, with the controllers that are delegated to it "
	  "(Delegate= of user@.service)." },
	{ "--cgroup-manager=cgroupfs", "The cgroup is made beside the caller's. Where that belongs to somebody else, as in the "
	  "session of a login, the container stays in the caller's cgroup, and limits are refused: systemd-run --user --scope "
	  "-p Delegate=yes husk ... has a place for them." },
	{ "exec from another session", "The kernel does not let a user move a process from there into the container's cgroup: with "
	  "--systemd-cgroup his systemd is asked to, otherwise exec is refused." },
	{}
};

const struct chapter chapters[] = {
	{ "ENVIRONMENT", "Nothing of it reaches the container but what is said here.", environment },
	{ "FILES", NULL, files },
	{ "SIGNALS", NULL, signals },
	{ "CGROUPS WITHOUT ROOT", "Limits need cgroup v2 and a cgroup that is delegated to the user.", rootless },
	{ "ANNOTATIONS", "These annotations of config.json change what husk does. Who takes configurations from strangers has to "
	  "look at them: husk features lists them as potentially unsafe.", annotations },
	{}
};
