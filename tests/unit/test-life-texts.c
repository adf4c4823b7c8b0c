/* SPDX-License-Identifier: Apache-2.0 */
/* What engines read: the state, features, the template of `spec`, and the wordings, one test per caller. */
#include "base/own.h"
#include "life/describe.h"
#include "life/locate.h"
#include "life/state.h"
#include "oci-spec/features.h"
#include "record/words.h"
#include "unit/tap.h"

static struct err e;

static void test_state(void)
{
	AUTO(arena) mem = ARENA_NONE;
	struct pair pair = { "k", "v" };
	struct life_state s = { .id = "web", .bundle = "/b", .rootfs = "/b/rootfs", .created = "2026-01-01T00:00:00.000000001Z",
				.owner = "root", .status = STATUS_RUNNING, .pid = 7, .annotations = { .n = 1, .v = &pair } };

	SAME(life_line_json(&s, &mem),
	     "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"pid\":7,\"status\":\"running\",\"bundle\":\"/b\",\"rootfs\":\"/b/rootfs\","
	     "\"created\":\"2026-01-01T00:00:00.000000001Z\",\"annotations\":{\"k\":\"v\"},\"owner\":\"root\"}",
	     "the state has the members that engines read");
	s.status = STATUS_STOPPED;
	s.pid = 0;
	OK(strstr(life_line_json(&s, &mem), "\"pid\":0,\"status\":\"stopped\"") != NULL, "pid is 0 when stopped");
	OK(strchr(life_line_json(&s, &mem), '\n') == NULL, "hooks get one line");
}

static void test_features(void)
{
	AUTO(arena) mem = ARENA_NONE;
	const char *json = life_features(&mem, &e);
	struct spec_error why;
	struct oci_features *f;
	bool has_rro = false, has_user = false;
	void *out = NULL;

	OK(json && spec_decode(&oci_features_type, json, strlen(json), &mem, &out, &why) == 0, "features can be read back");
	f = out;
	for (size_t i = 0; i < f->mount_options.n; i++)
		has_rro |= strcmp(f->mount_options.v[i], "rro") == 0;
	for (size_t i = 0; i < f->linux_->namespaces.n; i++)
		has_user |= strcmp(f->linux_->namespaces.v[i], "user") == 0;
	OK(has_rro, "containerd, Docker, CRI-O: mountOptions has rro");
	OK(has_user && f->linux_->mount_extensions->idmap->enabled.v, "containerd: user namespaces with idmapped mounts");
	OK(*f->oci_version_min && *f->oci_version_max, "CRI-O: both versions are there");
}

static void test_template(void)
{
	AUTO(arena) mem = ARENA_NONE;

	for (int rootless = 0; rootless < 2; rootless++) {
		const char *text = life_template(rootless, 1000, 1001, &mem);
		struct oci_config *config;

		OK(config_decode(&config, "config.json", text, strlen(text), &mem, &e) == 0, "the template is valid: %s", e.msg);
		OK((config->linux_->uid_mappings.n == 1) == rootless, "with mappings only when rootless");
	}
}

static void test_words(void)
{
	OK(strstr(WORDS_ABSENT, "does not exist") != NULL, "containerd: kill and delete of what is gone");
	OK(!strstr(WORDS_ABSENT, "no such file or directory"), "Podman: not taken for a missing command");
	OK(strstr(WORDS_NOT_RUNNING, "container not running") != NULL, "containerd, CRI-O: kill after the end");
	OK(strstr(WORDS_FINISHED, "process already finished") != NULL, "containerd: kill that lost the race");
	OK(strstr(WORDS_EXISTS, "already exists") != NULL, "everybody: create of what is there");
	OK(strstr(WORDS_EXEC_PAUSED, "cannot exec in a paused container") != NULL, "tools that match on runc's text");
}

static void test_locate(void)
{
	static const char text[] = "{\n\t\"ociVersion\": \"1.0.0\",\n\t\"mounts\": [\n\t\t{\"destination\": \"/x\"}\n\t]\n}\n";

	(void)err_set(&e, ERR_SPEC, "mounts[0].destination: bad");
	(void)config_locate(&e, "", "config.json", text, strlen(text));
	SAME(e.msg, "mounts[0].destination: bad (config.json, line 4)", "a planner's error gets its line");
	(void)err_set(&e, ERR_SYSTEM, "mounts[0]: no");
	(void)config_locate(&e, "", "config.json", text, strlen(text));
	SAME(e.msg, "mounts[0]: no", "an error of the kernel does not");
}

int main(void)
{
	test_state();
	test_features();
	test_template();
	test_words();
	test_locate();
	return tap_done();
}
