/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoder refuses, and how it says so: each fault with its path, line and column. */
#include "oci-spec/config.h"

#include "base/arena.h"
#include "base/num.h"
#include "unit/tap.h"

/* Decodes TEXT from memory that ends where it ends, so that sanitizers see each byte too far. */
static const void *decode(const struct spec_type *t, const char *text, size_t len, struct arena *a,
			  struct err *e)
{
	char *exact = malloc(len ? len : 1);
	struct spec_error fault;
	void *out = NULL;

	memcpy(exact, text, len);
	*e = (struct err){ 0 };
	if (spec_decode(t, exact, len, a, &out, &fault) < 0)
		spec_fail(e, "config.json", &fault);
	free(exact);
	return out;
}

struct fault { const struct spec_type *type; const char *text, *says; };

static const struct fault faults[] = {
	/* not JSON, or not an object */
	{ &oci_config_type, "", "config.json: not valid JSON: premature EOF (line 1, column 1)" },
	{ &oci_config_type, "{", "config.json: not valid JSON: premature EOF (line 1, column 2)" },
	{ &oci_config_type, "null", "config.json: expected object, got null (line 1, column 1)" },
	{ &oci_config_type, " []", "config.json: expected object, got array (line 1, column 2)" },
	{ &oci_config_type, "1", "config.json: expected object, got number (line 1, column 1)" },
	{ &oci_config_type, "\"\"", "config.json: expected object, got string (line 1, column 1)" },
	{ &oci_config_type, "{\"ociVersion\": \"1.0.0\"} x",
	  "config.json: not valid JSON: trailing garbage (line 1, column 25)" },
	{ &oci_config_type, "{\"ociVersion\": \"1.0.0\"}\n{}",
	  "config.json: not valid JSON: trailing garbage (line 2, column 1)" },
	{ &oci_config_type, "{\"ociVersion\": \"1.0.0\", }",
	  "config.json: not valid JSON: invalid object key (must be a string) (line 1, column 25)" },
	{ &oci_config_type, "{\n\t/* no */ \"ociVersion\": \"1.0.0\" }",
	  "config.json: not valid JSON: probable comment found in input text, comments are not enabled (line 2, column 2)" },
	{ &oci_config_type, "{\"hostname\": \"\xff\"}",
	  "config.json: hostname: not valid JSON: invalid bytes in UTF8 string (line 1, column 14)" },

	/* types */
	{ &oci_config_type, "{\"ociVersion\": 1}",
	  "config.json: ociVersion: expected string, got number (line 1, column 16)" },
	{ &oci_config_type, "{\n  \"process\": {\"noNewPrivileges\": \"true\"}}",
	  "config.json: process.noNewPrivileges: expected boolean, got string (line 2, column 34)" },
	{ &oci_config_type, "{\"process\": {\"user\": \"nobody\"}}",
	  "config.json: process.user: expected object, got string (line 1, column 22)" },
	{ &oci_config_type, "{\"linux\": {\"seccomp\": [\"nope\"]}}",
	  "config.json: linux.seccomp: expected object, got array (line 1, column 23)" },
	{ &oci_config_type, "{\"process\": {\"args\": {}}}",
	  "config.json: process.args: expected array, got object (line 1, column 22)" },
	{ &oci_config_type, "{\"process\": {\"args\": [\"a\",\n \"b\", 3]}}",
	  "config.json: process.args[2]: expected string, got number (line 2, column 7)" },
	{ &oci_config_type, "{\"process\": {\"args\": [null]}}",
	  "config.json: process.args[0]: expected string, got null (line 1, column 23)" },
	{ &oci_config_type, "{\"mounts\": [{\"destination\": \"/a\"}, true]}",
	  "config.json: mounts[1]: expected object, got boolean (line 1, column 36)" },
	{ &oci_config_type, "{\"mounts\": [{\"destination\": \"/a\"}, {\"destination\": \"/b\", \"options\": [\"ro\", []]}]}",
	  "config.json: mounts[1].options[1]: expected string, got array (line 1, column 76)" },
	{ &oci_config_type, "{\"annotations\": {\"a.b\": 1}}",
	  "config.json: annotations[\"a.b\"]: expected string, got number (line 1, column 25)" },
	{ &oci_config_type, "{\"annotations\": {\"a\": null}}",
	  "config.json: annotations[\"a\"]: expected string, got null (line 1, column 23)" },
	{ &oci_config_type, "{\"linux\": {\"netDevices\": {\"eth0\": {\"name\": 5}}}}",
	  "config.json: linux.netDevices[\"eth0\"].name: expected string, got number (line 1, column 44)" },
	{ &oci_config_type, "{\"linux\": {\"netDevices\": {\"eth0\": \"x\"}}}",
	  "config.json: linux.netDevices[\"eth0\"]: expected object, got string (line 1, column 35)" },

	/* numbers */
	{ &oci_process_type, "{\"user\": {\"uid\": 1.0}}",
	  "config.json: user.uid: expected integer, got 1.0 (line 1, column 18)" },
	{ &oci_process_type, "{\"user\": {\"uid\": 1e3}}",
	  "config.json: user.uid: expected integer, got 1e3 (line 1, column 18)" },
	{ &oci_process_type, "{\"user\": {\"uid\": -1}}",
	  "config.json: user.uid: -1 is out of range (line 1, column 18)" },
	{ &oci_process_type, "{\"user\": {\"uid\": 4294967296}}",
	  "config.json: user.uid: 4294967296 is out of range (line 1, column 18)" },
	{ &oci_process_type, "{\"user\": {\"additionalGids\": [0, 4294967295, 4294967296]}}",
	  "config.json: user.additionalGids[2]: 4294967296 is out of range (line 1, column 45)" },
	{ &oci_process_type, "{\"oomScoreAdj\": -2147483649}",
	  "config.json: oomScoreAdj: -2147483649 is out of range (line 1, column 17)" },
	{ &oci_process_type, "{\"oomScoreAdj\": 2147483648}",
	  "config.json: oomScoreAdj: 2147483648 is out of range (line 1, column 17)" },
	{ &oci_process_type, "{\"consoleSize\": {\"height\": 18446744073709551616}}",
	  "config.json: consoleSize.height: 18446744073709551616 is out of range (line 1, column 28)" },
	{ &oci_resources_type, "{\"memory\": {\"limit\": 9223372036854775808}}",
	  "config.json: memory.limit: 9223372036854775808 is out of range (line 1, column 22)" },
	{ &oci_resources_type, "{\"memory\": {\"limit\": 99999999999999999999999999999999999999999999999999}}",
	  "config.json: memory.limit: 9999999999999999999999999999999999999999 is out of range (line 1, column 22)" },
	{ &oci_resources_type, "{\"blockIO\": {\"weight\": 65536}}",
	  "config.json: blockIO.weight: 65536 is out of range (line 1, column 24)" },
	{ &oci_resources_type, "{\"memory\": {\"limit\": \"1G\"}}",
	  "config.json: memory.limit: expected integer, got string (line 1, column 22)" },

	/* members */
	{ &oci_config_type, "{\n}", "config.json: ociVersion: required, but missing (line 1, column 1)" },
	{ &oci_config_type, "{\"ociVersion\": null}",
	  "config.json: ociVersion: required, but missing (line 1, column 1)" },
	{ &oci_config_type, "{\"ociVersion\": \"1\",\n \"process\": {\"args\": []}}",
	  "config.json: process.cwd: required, but missing (line 2, column 13)" },
	{ &oci_config_type, "{\"mounts\": [{\"destination\": \"/\"},\n {}]}",
	  "config.json: mounts[1].destination: required, but missing (line 2, column 2)" },
	{ &oci_config_type, "{\"ociVersion\": \"1\",\n \"ociVersion\": \"1\"}",
	  "config.json: ociVersion: given twice (line 2, column 2)" },
	{ &oci_config_type, "{\"ociVersion\": null,\n \"ociVersion\": \"1\"}",
	  "config.json: ociVersion: given twice (line 2, column 2)" },
	{ &oci_config_type, "{\"mounts\": [{\"type\": \"a\", \"type\": \"a\"}]}",
	  "config.json: mounts[0].type: given twice (line 1, column 27)" },
	{ &oci_config_type, "{\"annotations\": {\"a\": \"1\", \"b\": \"2\",\n  \"a\": \"1\"}}",
	  "config.json: annotations[\"a\"]: given twice (line 2, column 3)" },
	{ &oci_config_type, "{\"annotations\": {\"a\": \"1\", \"\\u0061\": \"2\"}}",
	  "config.json: annotations[\"a\"]: given twice (line 1, column 28)" },
	{ &oci_config_type, "{\"linux\": {\"resources\": {\"rdma\": {\"x\": {}, \"x\": {}}}}}",
	  "config.json: linux.resources.rdma[\"x\"]: given twice (line 1, column 44)" },
	{ &oci_config_type, "{\"annotations\": {\"\": \"1\"}}",
	  "config.json: annotations[\"\"]: a key is empty (line 1, column 18)" },

	/* strings */
	{ &oci_config_type, "{\"hostname\": \"a\\u0000b\"}",
	  "config.json: hostname: string contains a NUL byte (line 1, column 14)" },
	{ &oci_config_type, "{\"annotations\": {\"a\\u0000\": \"b\"}}",
	  "config.json: annotations: a key contains a NUL byte (line 1, column 18)" },
	{ &oci_config_type, "{\"x\\u0000\": \"b\"}", "config.json: a key contains a NUL byte (line 1, column 2)" },
	{ &oci_config_type, "{\"hostname\": \"\\ud800\"}",
	  "config.json: hostname: string contains half a surrogate pair (line 1, column 14)" },
	{ &oci_config_type, "{\"hostname\": \"\\uDC00x\"}",
	  "config.json: hostname: string contains half a surrogate pair (line 1, column 14)" },
	{ &oci_config_type, "{\"hostname\": \"\\ud800\\u0041\"}",
	  "config.json: hostname: string contains half a surrogate pair (line 1, column 14)" },
	{ &oci_config_type, "{\"hostname\": \"\u00e4\u20ac\", \"mounts\": 1}",
	  "config.json: mounts: expected array, got number (line 1, column 30)" },

	/* words */
	{ &oci_config_type, "{\"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"pidd\"}]}}",
	  "config.json: linux.namespaces[1].type: unknown namespace type \"pidd\" (line 1, column 53)" },
	{ &oci_config_type, "{\"linux\": {\"namespaces\": [{\"type\": \"\"}]}}",
	  "config.json: linux.namespaces[0].type: unknown namespace type \"\" (line 1, column 36)" },
	{ &oci_config_type, "{\"linux\": {\"seccomp\": {\"architectures\": [\"SCMP_ARCH_X86\", \"\\n\\u001b[2J\"]}}}",
	  "config.json: linux.seccomp.architectures[1]: unknown seccomp architecture \"\\u000a\\u001b[2J\" (line 1, column 59)" },
	{ &oci_process_type, "{\"scheduler\": {\"policy\": \"sched_other\"}}",
	  "config.json: scheduler.policy: unknown scheduler policy \"sched_other\" (line 1, column 26)" },
	{ &oci_config_type, "{\"linux\": {\"personality\": {}}}",
	  "config.json: linux.personality.domain: required, but missing (line 1, column 27)" },
	{ &oci_config_type, "{\"vm\": {\"image\": {\"path\": \"/a\", \"format\": \"iso\"}}}",
	  "config.json: vm.image.format: unknown image format \"iso\" (line 1, column 43)" },
};

static void test_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct arena a = ARENA_NONE;
		struct err e;

		decode(faults[i].type, faults[i].text, strlen(faults[i].text), &a, &e);
		if (!OK(strcmp(e.msg, faults[i].says) == 0, "%s", faults[i].says))
			printf("#  got: %s\n", e.msg);
		arena_undo(&a);
	}
}

static const char *message(const char *text, size_t len, struct arena *a)
{
	struct err e;

	decode(&oci_config_type, text, len, a, &e);
	return arena_strdup(a, e.msg);
}

static void test_sizes(void)
{
	struct arena a = ARENA_NONE;
	size_t big = (16u << 20) + 1;
	char *s = malloc(big);
	char deep[200] = "{\"x\": ";
	size_t n = strlen(deep);

	memset(s, ' ', big);
	memcpy(s, "{\"ociVersion\": \"1\"}", 19);
	SAME(message(s, big, &a), "config.json: larger than 16 MiB", "a byte more than 16 MiB is refused");
	SAME(message(s, big - 1, &a), "", "16 MiB are accepted");

	for (int i = 0; i < 22; i++)
		deep[n++] = '[';
	for (int i = 0; i < 22; i++)
		deep[n++] = ']';
	memcpy(deep + n, ", \"ociVersion\": \"1\"}", 21);
	SAME(message(deep, strlen(deep), &a), "", "23 levels are accepted");
	memset(deep + 6, '[', 24);
	SAME(message(deep, 30, &a), "config.json: nested too deeply (line 1, column 30)", "25 levels are refused");

	/* A map with more keys than are compared one by one. */
	n = snprintf(s, big, "{\"ociVersion\": \"1\", \"annotations\": {");
	for (int i = 0; i < 1000; i++)
		n += snprintf(s + n, big - n, "\"k%d\": \"v\",", i);
	memcpy(s + n - 1, "}}", 3);
	SAME(message(s, n + 1, &a), "", "a thousand different keys are accepted");
	n += snprintf(s + n - 1, big - n, ",\"k999\": \"v\"}}") - 1;
	SAME(message(s, n, &a), "config.json: annotations[\"k999\"]: given twice (line 1, column 36)",
	     "a key that was given twice among a thousand is found");
	free(s);
	arena_undo(&a);
}

struct notes { struct arena *a; char *text; };

static void note(void *ctx, const char *path, const char *meant, unsigned line, unsigned column)
{
	struct notes *n = ctx;

	n->text = arena_printf(n->a, "%s%s%s%s %u:%u;", n->text, path, meant ? "=" : "", meant ? meant : "",
			       line, column);
}

static void test_unknown(void)
{
	static const char text[] =
		"{\"ociVersion\": \"1\", \"windows\": {\"a\": [{\"b\": null}], \"a\": 1},\n"
		" \"Process\": 1, \"process\": {\"cwd\": \"/\", \"nonewprivileges\": true},\n"
		" \"mounts\": [{\"destination\": \"/\", \"x\\ny\": []}]}";
	struct arena a = ARENA_NONE;
	struct notes n = { &a, arena_strdup(&a, "") };
	const struct spec_watch watch = { .unknown = note, .ctx = &n };
	struct spec_error fault;
	void *out = NULL;

	OK(spec_decode(&oci_config_type, text, strlen(text), &a, &out, &fault) == 0,
	   "members that the specification does not have are no error");
	OK(spec_decode_watched(&oci_config_type, text, strlen(text), &a, &out, &watch, &fault) == 0,
	   "nor are they when somebody asks for them");
	SAME(n.text, "windows 1:21;Process=process 2:2;process.nonewprivileges=noNewPrivileges 2:40;"
	     "mounts[0].x\\u000ay 3:34;", "each is told with its place and what it resembles");
	OK(!((struct oci_config *)out)->process->no_new_privileges, "and none is taken for another");
	arena_undo(&a);
}

/* Without an escape it is yajl that refuses it; no C string of ours may end before the text does. */
static void test_raw_nul(void)
{
	static const char value[] = "{\"ociVersion\": \"1.3.0\", \"hostname\": \"a\0b\"}", key[] = "{\"ociVersion\0\": \"1.3.0\"}",
			  number[] = "{\"process\": {\"oomScoreAdj\": 1\0" "0}}";
	const struct { const char *text; size_t len; } all[] = {
		{ value, sizeof(value) - 1 }, { key, sizeof(key) - 1 }, { number, sizeof(number) - 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct arena a = ARENA_NONE;
		struct spec_error fault;
		void *out = NULL;

		OK(spec_decode(&oci_config_type, all[i].text, all[i].len, &a, &out, &fault) < 0 &&
		   strncmp(fault.message, "not valid JSON", 14) == 0, "a raw NUL byte is refused: %s", fault.message);
		arena_undo(&a);
	}
}

static void test_keys_in_any_order(void)
{
	static const char text[] = "{\"hostname\": \"h\", \"ociVersion\": \"1.3.0\", \"process\": {\"args\": [\"a\"], \"cwd\": \"/\"}, \"h\": 1,"
				   " \"hostnam\": 2, \"hostnames\": 3, \"domainname\": \"d\", \"\": 4}";
	struct arena a = ARENA_NONE;
	struct spec_error fault;
	void *out = NULL;
	const struct oci_config *c;

	if (!OK(spec_decode(&oci_config_type, text, strlen(text), &a, &out, &fault) == 0, "keys come in any order: %s", fault.message))
		return;
	c = out;
	SAME(c->hostname, "h", "a key is not taken for one that it begins");
	SAME(c->domainname, "d", "nor one that begins it");
	SAME(c->process->cwd, "/", "and each finds its member");
	arena_undo(&a);
}

static void test_values(void)
{
	static const char text[] =
		"{\"ociVersion\": \"1.3.0\", \"hostname\": \"\\u00e4\\ud83d\\ude00\\\\\\\"\", \"domainname\": null,"
		" \"process\": {\"cwd\": \"/\", \"args\": [], \"oomScoreAdj\": -1000, \"rlimits\": [{\"type\": \"RLIMIT_CORE\","
		" \"soft\": 18446744073709551615, \"hard\": 0}], \"user\": {\"uid\": 4294967295, \"gid\": 0, \"additionalGids\": [5, 6]},"
		" \"scheduler\": {\"policy\": \"SCHED_OTHER\", \"flags\": [\"SCHED_FLAG_DL_OVERRUN\"]}},"
		" \"annotations\": {\"b\": \"\", \"a\": \"1\"},"
		" \"linux\": {\"resources\": {\"memory\": {\"limit\": -1, \"disableOOMKiller\": false},"
		" \"rdma\": {\"mlx\": {\"hcaHandles\": 3}}},"
		" \"rootfsPropagation\": \"rslave\", \"timeOffsets\": {\"boottime\": {\"secs\": -9223372036854775808}}}}";
	struct arena a = ARENA_NONE;
	struct err e;
	const struct oci_config *c = decode(&oci_config_type, text, strlen(text), &a, &e);

	if (!OK(c, "a document with all kinds of members is decoded: %s", e.msg))
		return;
	SAME(c->hostname, "\u00e4\U0001F600\\\"", "escapes, also of pairs, are resolved");
	OK(!c->domainname && !c->root && !c->vm && !c->mounts.v, "null and absent members are absent");
	OK(c->process->args.v && !c->process->args.n, "an empty list is there, and empty");
	OK(!c->process->env.v, "an absent list is not");
	OK(c->process->oom_score_adj.set && c->process->oom_score_adj.v == -1000, "negative numbers");
	OK(c->process->rlimits.v[0].soft == UINT64_MAX && c->process->user->uid == UINT32_MAX, "the largest numbers");
	OK(c->linux_->time_offsets->boottime->secs == INT64_MIN, "the smallest number");
	OK(c->process->user->additional_gids.n == 2 && c->process->user->additional_gids.v[1] == 6, "lists of numbers");
	OK(c->process->scheduler->policy == OCI_SCHED_OTHER, "a word whose number in the kernel is 0 is not absent");
	OK(c->process->scheduler->flags.v[0] == OCI_SCHED_FLAG_DL_OVERRUN, "lists of words");
	OK(c->annotations.n == 2 && strcmp(c->annotations.v[0].key, "b") == 0, "maps keep the order of the document");
	OK(c->linux_->resources->memory->limit.v == -1, "-1 for unlimited");
	OK(c->linux_->resources->memory->disable_oom_killer.set && !c->linux_->resources->memory->disable_oom_killer.v,
	   "false is not absent");
	OK(!c->linux_->resources->memory->swap.set, "an absent number is not 0");
	SAME(c->linux_->resources->rdma.v[0].device, "mlx", "the elements of a dictionary know their key");
	OK(c->linux_->resources->rdma.v[0].hca_handles.v == 3 && !c->linux_->resources->rdma.v[0].hca_objects.set,
	   "and have their members");
	OK(c->linux_->rootfs_propagation == OCI_PROP_RSLAVE, "words");
	arena_undo(&a);
}

/* Each way to cut a good document short, or to break one byte of it, is an error or another good one. */
static void test_cuts(void)
{
	static const char text[] = "{\"ociVersion\":\"1\\u00e4\",\"mounts\":[{\"destination\":\"/\",\"options\":[\"a\"]}],"
				   "\"annotations\":{\"k\":\"v\"},\"x\":[1,{}]}";
	bool all = true;

	for (size_t n = 0; n < strlen(text); n++) {
		struct arena a = ARENA_NONE;
		struct err e;

		all = all && !decode(&oci_config_type, text, n, &a, &e) && e.kind == ERR_SPEC;
		arena_undo(&a);
	}
	OK(all, "a document that ends too early is an error wherever it ends");
}

int main(void)
{
	test_faults();
	test_sizes();
	test_unknown();
	test_values();
	test_raw_nul();
	test_keys_in_any_order();
	test_cuts();
	return tap_done();
}
