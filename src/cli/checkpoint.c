/* SPDX-License-Identifier: Apache-2.0 */
/* `husk checkpoint` and `husk restore`: the options of runc's and crun's, and what they become. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cli/activation.h"
#include "cli/commands.h"
#include "life/checkpoint.h"
#include "life/restore.h"

/* What both have. */
struct shared_values {
	const char *images, *logs, *cgroups;
	struct words empty;
	bool tcp_established, ext_unix_sk, shell_job, file_locks, auto_dedup, lazy_pages;
};

struct checkpoint_values {
	struct shared_values shared;
	const char *parent, *page_server, *network_lock;
	struct opt_u64 status_fd;
	bool leave_running, tcp_skip_in_flight, link_remap, pre_dump;
};

struct restore_values {
	struct shared_values shared;
	const char *bundle, *console_socket, *pid_file, *lsm_profile, *lsm_mount_context;
	bool detach, tcp_close, no_pivot, no_subreaper;
};

#define SHARED(T, member) offsetof(struct T, shared.member)

#define SHARED_OPTIONS(T)                                                                                                               \
	OPTION("image-path", 0, TEXT, SHARED(T, images), "DIR", "where the images are (./checkpoint)"),                                 \
	OPTION("work-path", 0, TEXT, SHARED(T, logs), "DIR",                                                                            \
	  "where CRIU works: its log, its sockets, its statistics (as --image-path)"),                                                  \
	OPTION("tcp-established", 0, FLAG, SHARED(T, tcp_established), "", "keep open TCP connections"),                                \
	OPTION("ext-unix-sk", 0, FLAG, SHARED(T, ext_unix_sk), "",                                                                      \
	  "allow UNIX sockets whose other end is outside of the container"),                                                            \
	OPTION("shell-job", 0, FLAG, SHARED(T, shell_job), "",                                                                          \
	  "allow a session and a terminal that are the caller's"),                                                                      \
	OPTION("file-locks", 0, FLAG, SHARED(T, file_locks), "",                                                                        \
	  "keep file locks; safe when nobody outside of the container holds them"),                                                     \
	OPTION("manage-cgroups-mode", 0, TEXT, SHARED(T, cgroups), "soft|full|strict|none|props|ignore",                                \
	  "ignore at the checkpoint keeps nothing of the cgroups; at the restore the container's own cgroup is made from config.json, " \
	  "and soft (the default) makes those beneath it, with their settings; full sets its settings, too, to those of the "           \
	  "checkpoint; strict does the same, but only when the cgroup is not there yet; none and props make no cgroups, and "           \
	  "props sets the settings; with ignore all processes stay in the container's own"),                                            \
	OPTION("empty-ns", 0, WORDS, SHARED(T, empty), "network",                                                                       \
	  "make this namespace, but leave out what is in it: a hook or the engine fills it"),                                           \
	OPTION("auto-dedup", 0, FLAG, SHARED(T, auto_dedup), "",                                                                        \
	  "memory that newer images hold as well is cut out of older ones"),                                                            \
	OPTION("lazy-pages", 0, FLAG, SHARED(T, lazy_pages), "",                                                                        \
	  "memory follows when it is needed, from the page server of the checkpoint, by way of criu lazy-pages")

#define AT(member) offsetof(struct checkpoint_values, member)

static const struct option_row checkpoint_options[] = {
	SHARED_OPTIONS(checkpoint_values),
	OPTION("parent-path", 0, TEXT, AT(parent), "DIR",
	  "images of an earlier --pre-dump, relative to --image-path: only what has changed since is written"),
	OPTION("leave-running", 0, FLAG, AT(leave_running), "", "let the container run on; otherwise it is deleted"),
	OPTION("pre-dump", 0, FLAG, AT(pre_dump), "",
	  "write only the memory, and let the container run: a later checkpoint with --parent-path stops it for a shorter time"),
	OPTION("tcp-skip-in-flight", 0, FLAG, AT(tcp_skip_in_flight), "", "leave out TCP connections that are just being made"),
	OPTION("link-remap", 0, FLAG, AT(link_remap), "", "allow files that are open under a name that is gone, linking them anew"),
	OPTION("page-server", 0, TEXT, AT(page_server), "ADDRESS:PORT",
	  "send the memory to this criu page-server; with --lazy-pages, be one"),
	OPTION("status-fd", 0, U64, AT(status_fd), "N",
	  "with --lazy-pages: descriptor that gets a NUL byte once pages can be asked for"),
	OPTION("network-lock", 0, TEXT, AT(network_lock), "iptables|nftables|skip",
	  "what keeps packets from TCP connections meanwhile"),
	OPTIONS_END
};

#undef AT
#define AT(member) offsetof(struct restore_values, member)

static const struct option_row restore_options[] = {
	SHARED_OPTIONS(restore_values),
	OPTION("bundle", 'b', TEXT, AT(bundle), "DIR", "the bundle: where config.json lies (.)"),
	OPTION("detach", 'd', FLAG, AT(detach), "", "return once the container runs"),
	OPTION("pid-file", 0, TEXT, AT(pid_file), "FILE", "write the process number here"),
	OPTION("console-socket", 0, TEXT, AT(console_socket), "SOCKET", "UNIX socket that gets the terminal's master"),
	OPTION("tcp-close", 0, FLAG, AT(tcp_close), "", "open TCP connections come back as closed ones"),
	OPTION("lsm-profile", 0, TEXT, AT(lsm_profile), "TYPE:NAME",
	  "confine the processes by this profile, not by that of the checkpoint: apparmor:NAME or selinux:LABEL"),
	OPTION("lsm-mount-context", 0, TEXT, AT(lsm_mount_context), "LABEL", "SELinux label of the container's mounts, as above"),
	OPTION("no-subreaper", 0, FLAG, AT(no_subreaper), "", "do not adopt the container's orphans"),
	OPTION("no-pivot", 0, NO_FLAG, 0, "", "accepted, without effect: CRIU always enters the root by pivot_root(2)"),
	OPTION("parent-path", 0, NO_TEXT, 0, "DIR", "accepted, without effect: the images name their parent"),
	OPTIONS_END
};

/* ---- words ------------------------------------------------------------------------- */

static const struct word { const char *word; int value; } cgroup_modes[] = {
	{ "soft", CRIU_CGROUPS_SOFT }, { "full", CRIU_CGROUPS_FULL }, { "strict", CRIU_CGROUPS_STRICT },
	{ "none", CRIU_CGROUPS_NONE }, { "props", CRIU_CGROUPS_PROPS }, { "ignore", CRIU_CGROUPS_IGNORE }, {}
}, network_locks[] = {
	{ "iptables", CRIU_LOCK_IPTABLES }, { "nftables", CRIU_LOCK_NFTABLES }, { "skip", CRIU_LOCK_SKIP }, {}
};

static int word_value(const struct word *words, const char *text, const char *option, int *value, struct err *e)
{
	for (; text && words->word; words++) {
		if (str_eq(words->word, text)) {
			*value = words->value;
			return 0;
		}
	}
	return text ? err_set(e, ERR_USAGE, "option %s: \"%s\" is none of its words", option, text) : 0;
}

static int fill_shared(struct criu_options *o, const struct shared_values *v, struct err *e)
{
	int cgroups = CRIU_CGROUPS_SOFT;

	if (word_value(cgroup_modes, v->cgroups, "--manage-cgroups-mode", &cgroups, e) < 0)
		return -1;
	for (size_t i = 0; i < v->empty.n; i++)
		if (!str_eq(v->empty.v[i], "network"))
			return err_set(e, ERR_USAGE, "option --empty-ns: \"%s\" is not network", v->empty.v[i]);
	*o = (struct criu_options){
		.tcp_established = v->tcp_established, .ext_unix_sk = v->ext_unix_sk, .shell_job = v->shell_job,
		.file_locks = v->file_locks, .auto_dedup = v->auto_dedup, .lazy_pages = v->lazy_pages,
		.empty_network = v->empty.n > 0, .cgroups = (enum criu_cgroups)cgroups, .status_fd = -1,
	};
	return 0;
}

/* HOST in memory of the caller's. */
static int split_address(const char *text, char host[256], struct criu_options *o, struct err *e)
{
	const char *colon = strrchr(text, ':');
	struct text t = { .s = host, .size = 256 };
	uint64_t port;

	if (!colon || colon == text || !num_parse(colon + 1, 65535, &port) || !port)
		return err_set(e, ERR_USAGE, "option --page-server: \"%s\" is not ADDRESS:PORT", text);
	text_addn(&t, text, (size_t)(colon - text));
	if (t.cut)
		return err_set(e, ERR_USAGE, "option --page-server: the address is too long");
	o->page_server = host;
	o->page_server_port = (unsigned)port;
	return 0;
}

static int fill_checkpoint(struct checkpoint_request *rq, const struct checkpoint_values *v, char host[256], struct err *e)
{
	struct criu_options *o = &rq->criu;
	int lock = CRIU_LOCK_DEFAULT;

	if (fill_shared(o, &v->shared, e) < 0 || word_value(network_locks, v->network_lock, "--network-lock", &lock, e) < 0 ||
	    (v->page_server && split_address(v->page_server, host, o, e) < 0))
		return -1;
	if (v->status_fd.set) {
		if (v->status_fd.v > INT_MAX || fcntl((int)v->status_fd.v, F_GETFD) < 0)
			return err_set(e, ERR_USAGE, "option --status-fd: descriptor %llu is not open", (unsigned long long)v->status_fd.v);
		o->status_fd = (int)v->status_fd.v;
	}
	if (o->lazy_pages && !o->page_server)
		return err_set(e, ERR_USAGE, "option --lazy-pages: where the pages are asked for has to be said with --page-server");
	if (v->pre_dump && o->lazy_pages)
		return err_set(e, ERR_USAGE, "options --pre-dump and --lazy-pages: one of them");
	o->leave_running = v->leave_running;
	o->tcp_skip_in_flight = v->tcp_skip_in_flight;
	o->link_remap = v->link_remap;
	o->network_lock = (enum criu_network_lock)lock;
	o->parent = v->parent;
	rq->images = v->shared.images ? v->shared.images : "checkpoint";
	rq->logs = v->shared.logs;
	rq->pre_dump = v->pre_dump;
	return 0;
}

static int checkpoint(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	struct target target = target_of(g, arguments);
	struct checkpoint_request rq;
	char host[256];

	return fill_checkpoint(&rq, values, host, e) < 0 ? -1 : life_checkpoint(&target, &rq, e);
}

static int fill_restore(struct restore_request *rq, const struct globals *g, const struct restore_values *v, const char *id,
			char bundle[PATH_MAX], char config[PATH_MAX], struct err *e)
{
	if (fill_shared(&rq->criu, &v->shared, e) < 0)
		return -1;
	if (v->lsm_profile && !str_starts(v->lsm_profile, "apparmor:") && !str_starts(v->lsm_profile, "selinux:"))
		return err_set(e, ERR_USAGE, "option --lsm-profile: \"%s\" is neither apparmor:NAME nor selinux:LABEL", v->lsm_profile);
	rq->criu.tcp_close = v->tcp_close;
	rq->criu.lsm_profile = v->lsm_profile;
	rq->criu.lsm_mount_context = v->lsm_mount_context;
	rq->images = v->shared.images ? v->shared.images : "checkpoint";
	rq->logs = v->shared.logs;
	rq->create = (struct create_request){
		.id = id, .bundle = bundle, .config = config, .root = g->root, .console_socket = v->console_socket,
		.pid_file = v->pid_file, .detach = v->detach, .no_subreaper = v->no_subreaper,
	};
	activation_find(&rq->create.activation);
	/* The images know which descriptors the container has. */
	rq->create.activation.listen_fds = 0;
	if (find_manager(g, &rq->create.manager, e) < 0)
		return -1;
	return find_bundle(v->bundle ? v->bundle : ".", NULL, bundle, config, e);
}

static int restore(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	char bundle[PATH_MAX], config[PATH_MAX];
	struct restore_request rq;
	int code = 0;

	if (fill_restore(&rq, g, values, arguments->v[0], bundle, config, e) < 0 || life_restore(&rq, &code, e) < 0)
		return -1;
	return code;
}

const struct command command_checkpoint = {
	.name = "checkpoint", .arguments = "CONTAINER-ID", .summary = "write a running container into images",
	.notes = "CRIU does the work (criu.org), and root has to ask for it. The annotation org.criu.config names a file with more options "
		 "of CRIU; without it /etc/criu/husk.conf or /etc/criu/runc.conf is read.\n\nWhen it fails the container runs "
		 "on. What exec has started is left out, since CRIU keeps the container's process and what comes from it.",
	.options = checkpoint_options, .size = sizeof(struct checkpoint_values), .min = 1, .max = 1, .run = checkpoint,
};

const struct command command_restore = {
	.name = "restore", .arguments = "NEW-ID", .summary = "make a container again from the images of husk checkpoint",
	.notes = "The bundle's config.json says where bind mounts come from and what the cgroup is; the rest is in the images. In the "
		 "foreground the exit code is that of the container's process, 128+N when signal N ended it.",
	.options = restore_options, .size = sizeof(struct restore_values), .min = 1, .max = 1, .run = restore,
};
