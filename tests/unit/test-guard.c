/* SPDX-License-Identifier: Apache-2.0 */
/* What is planned for capabilities, LSM labels, the session keyring, and what a seccomp agent is sent. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/log.h"
#include "base/own.h"
#include "parts/guard/caps.h"
#include "parts/guard/keyring.h"
#include "parts/guard/listener.h"
#include "parts/guard/lsm.h"
#include "sys/socket.h"
#include "unit/tap.h"

#define BIT(n) (UINT64_C(1) << (n))
#define NAMES(...) { sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *), (const char *[]){ __VA_ARGS__ } }

static unsigned warnings;
static char last_warning[300];

static void hear(enum log_level level, const char *text)
{
	if (level != LOG_WARNING)
		return;
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static const struct host host = {
	.last_cap = CAP_CHECKPOINT_RESTORE, .capabilities = ((BIT(41) - 1) & ~BIT(CAP_SYS_RESOURCE)),
};

static void test_caps(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct caps_plan p;
	struct err e = {};
	struct oci_capabilities c = {
		.bounding = NAMES("CAP_CHOWN", "CAP_KILL"), .permitted = NAMES("CAP_CHOWN", "CAP_KILL"),
		.effective = NAMES("CAP_CHOWN"),
	};

	OK(caps_number("CAP_CHOWN") == 0 && caps_number("CAP_CHECKPOINT_RESTORE") == 40, "capabilities have numbers");
	OK(caps_number("CHOWN") < 0 && caps_number("cap_chown") < 0 && caps_number("") < 0, "names are exact");
	OK(!caps_name(41) && caps_name(40), "41 of them");

	OK(caps_plan(&p, NULL, false, false, &host, &a, &e) == 0 && !p.bounding && !p.permitted, "none asked for: none");
	caps_plan(&p, &c, false, false, &host, &a, &e);
	OK(p.bounding == (BIT(CAP_CHOWN) | BIT(CAP_KILL)) && p.effective == BIT(CAP_CHOWN), "as asked for");
	OK(p.inheritable == 0 && p.ambient == 0, "nothing is inheritable that is not asked for");
	OK(warnings == 0 && !p.keep_admin, "without a warning");

	c.bounding = (str_list)NAMES("CAP_CHOWN", "CAP_NOSUCH", "CAP_SYS_RESOURCE");
	OK(caps_plan(&p, &c, false, true, &host, &a, &e) == 0, "what cannot be granted is no error");
	OK(p.bounding == BIT(CAP_CHOWN) && warnings == 2 && p.keep_admin, "but a warning");
	SAME(last_warning, "process.capabilities.bounding[2]: \"CAP_SYS_RESOURCE\" cannot be granted here and is left out",
	     "that says where");
	caps_plan(&p, &c, true, false, &host, &a, &e);
	OK(p.bounding & BIT(CAP_SYS_RESOURCE), "a user namespace of its own has all of them");

	warnings = 0;
	c = (struct oci_capabilities){
		.bounding = NAMES("CAP_CHOWN", "CAP_KILL"), .permitted = NAMES("CAP_CHOWN"),
		.effective = NAMES("CAP_CHOWN", "CAP_KILL"), .inheritable = NAMES("CAP_CHOWN", "CAP_FOWNER"),
		.ambient = NAMES("CAP_CHOWN", "CAP_KILL"),
	};
	caps_plan(&p, &c, false, false, &host, &a, &e);
	OK(p.effective == BIT(CAP_CHOWN), "effective is part of permitted");
	OK(p.inheritable == BIT(CAP_CHOWN), "inheritable is part of bounding");
	OK(p.ambient == BIT(CAP_CHOWN), "ambient is part of permitted and inheritable");
	OK(warnings == 3, "each with a warning");

	const char *add[] = { "CAP_KILL", "CAP_CHOWN" }, *bad[] = { "CAP_X" };

	caps_plan(&p, NULL, false, false, &host, &a, &e);
	p.inheritable = BIT(CAP_CHOWN);
	OK(caps_plan_add(&p, add, 2, "--cap", false, &host, &e) == 0 && p.permitted == (BIT(CAP_KILL) | BIT(CAP_CHOWN)) &&
	   p.bounding == p.permitted && p.effective == p.permitted, "--cap adds to three sets");
	OK(p.inheritable == BIT(CAP_CHOWN) && p.ambient == BIT(CAP_CHOWN), "not to the inheritable one, and so not to the "
	   "ambient one");
	OK(caps_plan_add(&p, bad, 1, "--cap", false, &host, &e) < 0 && e.kind == ERR_USAGE, "--cap CAP_X is an error");
	SAME(e.msg, "--cap: unknown capability \"CAP_X\"", "that says which");
}

static void test_lsm(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct host both = { .has_apparmor = true, .has_selinux = true }, none = {};
	struct oci_process p = { .apparmor_profile = "docker-default", .selinux_label = "u:r:t:s0" };
	struct lsm_plan lsm;
	struct err e = {};

	OK(lsm_plan(&lsm, &p, &both, &a, &e) == 0, "labels are planned");
	SAME(lsm.apparmor, "docker-default", "for AppArmor");
	SAME(lsm.selinux, "u:r:t:s0", "for SELinux");
	OK(lsm_plan(&lsm, &p, &none, &a, &e) < 0 && e.kind == ERR_UNSUPPORTED, "asked for and absent: an error");
	OK(!strncmp(e.msg, "process.apparmorProfile: ", 25), "at its place: %s", e.msg);
	p.apparmor_profile = "unconfined";
	OK(lsm_plan(&lsm, &p, &none, &a, &e) < 0 && !strncmp(e.msg, "process.selinuxLabel: ", 22), "likewise SELinux");
	p.selinux_label = "";
	OK(lsm_plan(&lsm, &p, &none, &a, &e) == 0 && !lsm.apparmor && !lsm.selinux, "unconfined needs no AppArmor");
	OK(lsm_plan(&lsm, &p, &both, &a, &e) == 0, "but is said where there is one");
	SAME(lsm.apparmor, "unconfined", "so that a confined caller does not pass its profile on");
	p.apparmor_profile = "a\nb";
	OK(lsm_plan(&lsm, &p, &both, &a, &e) < 0 && e.kind == ERR_SPEC, "no control characters");
	p = (struct oci_process){ .apparmor_profile = "one" };
	lsm_plan(&lsm, &p, &both, &a, &e);
	OK(lsm_plan_override(&lsm, "two", NULL, &both, &a, &e) == 0, "exec --apparmor");
	SAME(lsm.apparmor, "two", "overrules");
	OK(lsm_plan_override(&lsm, NULL, "x", &none, &a, &e) < 0, "exec --process-label without SELinux is an error");
	OK(lsm_plan(&lsm, NULL, &none, &a, &e) == 0 && !lsm.apparmor, "no process: nothing");
}

static void test_keyring(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct host plain = {}, selinux = { .has_selinux = true };
	struct keyring_plan k;
	struct err e = {};

	keyring_plan(&k, "web", false, false, "l", false, &plain, &a, &e);
	SAME(k.name, "_ses.web", "the keyring bears the container's name");
	OK(!k.label && k.permissions == 0x3f1b0000 && !k.is_optional, "its owner may search it");
	keyring_plan(&k, "web", false, false, "l", true, &selinux, &a, &e);
	SAME(k.label, "l", "with SELinux it has the label of the process");
	OK(k.permissions == 0x3f130008 && k.is_optional, "in a user namespace others may, and quota is no error");
	keyring_plan(&k, "web", false, true, NULL, false, &plain, &a, &e);
	OK(k.name && !k.permissions, "exec joins it as it is");
	keyring_plan(&k, "web", true, false, NULL, false, &plain, &a, &e);
	OK(!k.name, "--no-new-keyring");
}

static void test_listener(void)
{
	AUTO(arena) a = ARENA_NONE;
	char dir[] = "/tmp/husk-listener-XXXXXX", buf[1000];
	const char *want = "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"pid\":42,\"metadata\":\"m\\\"1\",\"state\":"
			   "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"status\":\"creating\",\"pid\":42,\"bundle\":\"/b\"}}";
	const struct oci_state state = {
		.oci_version = "1.3.0", .id = "web", .status = OCI_STATUS_CREATING, .pid = 42, .bundle = "/b",
	};
	struct seccomp_plan p = { .has_listener = true, .listener_metadata = "m\"1" };
	struct err e = {};
	AUTO_FD int server = -EBADF;
	AUTO_FD int conn = -EBADF;
	AUTO_FD int sent = dup(0);
	AUTO(parcel) got = { .nfds = 0 };
	ssize_t n;

	SAME(listener_message(&p, 42, &state, &a), want, "the container process state");
	if (!mkdtemp(dir)) {
		SKIP("no /tmp", "sending");
		return;
	}
	p.listener_path = arena_printf(&a, "%s/agent", dir);
	OK(listener_send(&p, sent, 42, &state, &e) < 0, "no agent: an error: %s", e.msg);
	server = socket_bind_at(SOCK_STREAM, AT_FDCWD, p.listener_path, 0700, &e);
	if (!OK(server >= 0 && listen(server, 1) == 0, "an agent listens"))
		return;
	OK(listener_send(&p, sent, 42, &state, &e) == 0, "it is sent %s", e.msg);
	conn = accept(server, NULL, NULL);
	n = socket_receive(conn, buf, sizeof(buf) - 1, &got, &e);
	buf[n > 0 ? n : 0] = 0;
	SAME(buf, want, "the state arrives");
	OK(got.nfds == 1, "with one descriptor");
	OK(read(conn, buf, 1) == 0, "and the connection ends");
	unlink(p.listener_path);
	rmdir(dir);
}

int main(void)
{
	log_to(hear, LOG_WARNING);
	test_caps();
	test_lsm();
	test_keyring();
	test_listener();
	return tap_done();
}
