/* SPDX-License-Identifier: Apache-2.0 */
/* From the path of a message to a place in the text; what the encoder writes; words. */
#include "oci-spec/config.h"

#include "base/arena.h"
#include "oci-spec/features.h"
#include "oci-spec/state.h"
#include "unit/tap.h"

static const char doc[] =
	"{\n"
	"  \"ociVersion\": \"1.3.0\",\n"
	"  \"skipped\": [{\"mounts\": \"}]\\\"\"}, [[]], {}, -1e5, true],\n"
	"  \"mounts\": [\n"
	"    {\"destination\": \"/a\", \"options\": [\"ro\", \"r,[o\"]},\n"
	"    {\"options\": [ \"x\" , \"y\" ,\"z\"], \"destination\": \"/b\"}\n"
	"  ],\n"
	"  \"linux\": {\"sysctl\": {\"net.ipv4\": \"0\", \"net.ipv4.ip_forward\": \"1\", \"a\\\"b\": \"\"},\n"
	"    \"netDevices\": {\"eth0\": {\"name\": \"c\u00e4\u00e4\"}, \"e:1\": {\"name\": \"d\"}}, \"namespaces\": []},\n"
	"  \"annotations\": {\"\\u0061\\/b\": \"v\"}\n"
	"}\n";

static const struct { const char *path; bool found; unsigned line, column; } places[] = {
	{ "ociVersion", true, 2, 17 },
	{ "mounts", true, 4, 13 },
	{ "mounts[0]", true, 5, 5 },
	{ "mounts[0].options[1]", true, 5, 45 },
	{ "mounts[0].options[1]: unknown option \"r,[o\"", true, 5, 45 },
	{ "mounts[1].options[2]", true, 6, 30 },
	{ "mounts[1].destination", true, 6, 51 },
	{ "linux.sysctl[\"net.ipv4.ip_forward\"]", true, 8, 64 },
	{ "linux.sysctl.net.ipv4.ip_forward: no", true, 8, 64 },
	{ "linux.sysctl.net.ipv4", true, 8, 36 },
	{ "linux.sysctl[\"a\\\"b\"]", true, 8, 77 },
	{ "linux.netDevices[\"eth0\"].name", true, 9, 37 },
	{ "linux.netDevices[\"e:1\"].name: taken", true, 9, 61 },
	{ "annotations[\"a/b\"]", true, 10, 32 },
	/* the innermost that exists */
	{ "mounts[2].destination", true, 4, 13 },
	{ "mounts[1].type", true, 6, 5 },
	{ "linux.namespaces[0]", true, 9, 82 },
	{ "linux.seccomp.flags", true, 8, 12 },
	{ "ociVersion.x", true, 2, 17 },
	{ "mounts[x]", true, 4, 13 },
	{ "mounts[99999999999999999999]", true, 4, 13 },
	/* nothing of it exists */
	{ "process.cwd: required, but missing", false, 1, 1 },
	{ "", false, 1, 1 },
	{ ": x", false, 1, 1 },
	{ "[0]", false, 1, 1 },
	{ "mount", false, 1, 1 },
	{ "mounts2", false, 1, 1 },
};

static void test_places(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		unsigned line, column;
		bool found = spec_locate(doc, strlen(doc), places[i].path, &line, &column);

		if (!OK(found == places[i].found && line == places[i].line && column == places[i].column,
			"\"%s\" is at %u:%u", places[i].path, places[i].line, places[i].column))
			printf("#  got: %d %u:%u\n", found, line, column);
	}
}

/* Any text, cut anywhere: an answer, and nothing read beyond its end (sanitizers watch). */
static void test_broken(void)
{
	static const char *const texts[] = { doc, "{\"a\":{\"b\":[\"\\", "{\"a\" \"a\"", "[1 2", "{\"a\":]}", "}", "\"a", "\\" };
	unsigned line, column;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t n = 0; n <= strlen(texts[i]); n++) {
			char *exact = malloc(n ? n : 1);

			memcpy(exact, texts[i], n);
			for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++)
				spec_locate(exact, n, places[k].path, &line, &column);
			spec_locate(exact, n, "a.b[0][\"\\", &line, &column);
			spec_locate(exact, n, "a[\"b\\u00", &line, &column);
			free(exact);
		}
	OK(true, "a text that is cut anywhere does no harm");
}

static void test_encode(void)
{
	struct arena a = ARENA_NONE;
	struct pair pairs[] = { { "b\"", "1\n" }, { "a", "\xff/\xc3\xa4\xed\xa0\x80" } };
	struct oci_state state = { .oci_version = "1.3.0", .id = "web", .status = OCI_STATUS_PAUSED,
				   .bundle = "/b\xc3", .annotations = { 2, pairs } };
	struct oci_enabled yes = { { true, true } }, no = { { true, false } }, unknown = { { false } };
	struct oci_linux_features linux_ = { .apparmor = &yes, .selinux = &no, .net_devices = &unknown,
					     .namespaces = spec_enum_words(&oci_namespaces, &a) };
	const char *none[1];
	struct oci_features features = { .oci_version_min = "1.0.0", .oci_version_max = "1.3.0",
					 .hooks = { 0, none }, .linux_ = &linux_ };
	struct oci_resources res = { .memory = &(struct oci_memory){ .limit = { true, 0 }, .swap = { true, -1 },
				     .disable_oom_killer = { true, false } },
				     .cpu = &(struct oci_cpu){ .shares = { true, UINT64_MAX } } };
	struct oci_process_state sent = { .oci_version = "1.3.0", .pid = 7, .state = &state };

	SAME(spec_encode(&oci_state_type, &state, &a, false),
	     "{\"ociVersion\":\"1.3.0\",\"id\":\"web\",\"status\":\"paused\",\"bundle\":\"/b\ufffd\","
	     "\"annotations\":{\"b\\\"\":\"1\\n\",\"a\":\"\ufffd/\u00e4\ufffd\ufffd\ufffd\"}}",
	     "a state; what is not UTF-8 becomes U+FFFD");
	SAME(spec_encode(&oci_features_type, &features, &a, false),
	     "{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.3.0\",\"hooks\":[],\"linux\":{\"namespaces\":"
	     "[\"pid\",\"network\",\"mount\",\"ipc\",\"uts\",\"user\",\"cgroup\",\"time\"],\"apparmor\":{\"enabled\":true},"
	     "\"selinux\":{\"enabled\":false},\"netDevices\":{}}}", "false, empty and unknown are three things");
	SAME(spec_encode(&oci_resources_type, &res, &a, false),
	     "{\"memory\":{\"limit\":0,\"swap\":-1,\"disableOOMKiller\":false},\"cpu\":{\"shares\":18446744073709551615}}",
	     "numbers that are there are written, also 0");
	SAME(spec_encode(&oci_process_state_type, &sent, &a, false) ? "x" : NULL, "x", "objects in objects");
	arena_undo(&a);
}

static void test_words(void)
{
	OK(spec_enum_value(&oci_seccomp_actions, "SCMP_ACT_NOTIFY") == OCI_ACT_NOTIFY, "words have values");
	OK(spec_enum_value(&oci_seccomp_actions, "scmp_act_notify") == 0, "letters count");
	SAME(spec_enum_name(&oci_propagations, OCI_PROP_RUNBINDABLE), "runbindable", "values have words");
	SAME(spec_enum_name(&oci_propagations, 0), NULL, "0 has none");
	SAME(spec_enum_name(&oci_propagations, 99), NULL, "nor has a number that does not exist");
}

int main(void)
{
	test_places();
	test_broken();
	test_encode();
	test_words();
	return tap_done();
}
