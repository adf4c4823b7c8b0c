/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One more process in a container that runs (`husk exec`), as a list, made of the same stages as that of create.  In
 * husk-init.
 */
#include "init/stages.h"

#include <sched.h>
#include <unistd.h>

#include "base/own.h"
#include "sys/calls.h"
#include "sys/root.h"

/* With a mount namespace of its own, setns(2) has put us into its root; without one it is told by descriptor. */
static int enter_root(struct init *in, struct err *e)
{
	AUTO_FD int root = TAKE_FD(in->target_root);

	/* Both have done their duty: nothing of them may be there when "working directory" is looked up. */
	close(TAKE_FD(in->target));
	return in->plan->ns.join & CLONE_NEWNS ? 0 : root_enter(root, e);
}

const struct stage join_stages[] = {
	{ STAGE_OOM_SCORE,     stage_oom_score     }, /* before we are undumpable, and with the host's privileges */
	{ STAGE_CLEAN_STATE,   stage_clean_state   }, /* undumpable before setns(2): the container must not trace us */
	{ STAGE_JOIN,          stage_join          }, /* all at once, by the pidfd of its init */
	{ STAGE_USER_NS,       stage_user_ns       }, /* root inside the user namespace that was joined */
	{ STAGE_FORK,          stage_fork          }, /* its child is in the PID namespace; asks INIT */
	{ STAGE_SESSION,       stage_session       }, /* away from the caller's terminal */
	{ STAGE_PLACE,         stage_place         }, /* through descriptors of the host, whatever the namespaces; may ask PLACE */
	{ STAGE_ENTER_ROOT,    enter_root          }, /* before any path of the container is looked at */
	{ STAGE_KEYRING,       stage_keyring       }, /* the container's, by its name */
	{ STAGE_TERMINAL,      stage_terminal      }, /* out of the container's devpts; asks CONSOLE */
	{ STAGE_ENVIRONMENT,   stage_environment   }, /* HOME stands in the container's /etc/passwd */
	{ STAGE_LABELS,        stage_labels        }, /* while we may still write attr/exec */
	{ STAGE_TASK,          stage_task          }, /* while we may still give stdio to the user */
	{ STAGE_USER,          stage_user          }, /* as in create, and so on down to the end */
	{ STAGE_CAPABILITIES,  stage_capabilities  }, /* setuid(2) has cleared the effective set; before a filter that might forbid it */
	{ STAGE_SECCOMP_EARLY, stage_seccomp_early }, /* asks NOTIFY */
	{ STAGE_NO_NEW_PRIVS,  stage_no_new_privs  }, /* after the labels */
	{ STAGE_CWD,           stage_cwd           }, /* as the user */
	{ STAGE_PROGRAM,       stage_program       }, /* as the user */
	{ STAGE_DESCRIPTORS,   stage_descriptors   }, /* all but the promised ones close on exec */
	{ STAGE_READY,         stage_ready         }, /* asks nothing: husk waits for the socket to close by execve(2) */
	{ STAGE_LIMITS,        stage_limits        }, /* late, as in create */
	{ STAGE_SECCOMP,       stage_seccomp       }, /* last */
	{ STAGE_PAYLOAD,       stage_payload       }, /* does not return */
	{ 0 }
};
