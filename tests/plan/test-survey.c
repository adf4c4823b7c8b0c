/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey of `check`: which problems a document has, on hosts that exist on paper.  Here stand the cases that are hard
 * for who looks on behind a complaint: lists that shrink, causes told twice, stand-ins that are wrong in their turn.
 */
#include <string.h>

#include "base/own.h"
#include "plan/hosts.h"
#include "plan/survey.h"
#include "unit/tap.h"

#define TOP "\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"r\"}, \"process\": {\"cwd\": \"/\", \"args\": [\"x\"]}"
#define LINUX(x) "{" TOP ", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"uts\"}], " x "}}"

/* "path; path: message; ..." of the errors (W: or of the warnings), in the order of the document. */
static const char *found(const char *text, const char *host_name, bool warnings, bool messages, struct arena *a)
{
	const struct host host = host_named(host_name);
	const struct create_request rq = { .id = "ID", .bundle = "/bundle", .root = "/run/husk" };
	const char *all = "";
	struct survey s;

	survey_decode(&s, text, strlen(text), a);
	survey_plan(&s, &rq, &host, a);
	problems_sort(&s.problems);
	for (size_t i = 0; i < s.problems.n; i++) {
		const struct problem *p = &s.problems.v[i];

		if (p->is_warning == warnings)
			all = arena_printf(a, "%s%s%s%s%s", all, *all ? "; " : "", p->path, messages ? ": " : "",
					   messages ? p->message : "");
	}
	return all;
}

static void errors(const char *text, const char *want, const char *what)
{
	AUTO(arena) a = ARENA_NONE;

	SAME(found(text, "v2", false, false, &a), want, "%s", what);
}

static void test_lists(void)
{
	AUTO(arena) a = ARENA_NONE;

	errors(LINUX("\"maskedPaths\": [\"a\", \"/b\", \"c\", \"/d\", \"e\"]"),
	       "linux.maskedPaths[0]; linux.maskedPaths[2]; linux.maskedPaths[4]",
	       "each wrong element of a list, by its number in the document");
	SAME(found("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"r\"}, \"process\": {\"cwd\": \"/\", \"args\": [\"x\"], "
		   "\"rlimits\": [{\"type\": \"BAD\", \"soft\": 2, \"hard\": 1}, {\"type\": \"RLIMIT_CPU\", \"soft\": 1, \"hard\": 1},"
		   "{\"type\": \"RLIMIT_CPU\", \"soft\": 1, \"hard\": 1}, {\"type\": \"RLIMIT_CPU\", \"soft\": 1, \"hard\": 1}]}}",
		   "v2", false, true, &a),
	     "process.rlimits[0].type: unknown limit \"BAD\"; process.rlimits[0].soft: 2 is above the hard limit 1; "
	     "process.rlimits[2].type: \"RLIMIT_CPU\" is already set by process.rlimits[1]; "
	     "process.rlimits[3].type: \"RLIMIT_CPU\" is already set by process.rlimits[1]",
	     "other numbers in a message are the document's, too");
	errors("{" TOP ", \"mounts\": [{\"destination\": \"/a\", \"type\": \"bind\", \"source\": \"s\", \"options\": [\"x\", \"ro\", "
	       "\"y\"]}, {\"destination\": \"/proc/1\", \"type\": \"tmpfs\", \"options\": [\"=\"]}]}",
	       "mounts[0].options[0]; mounts[0].options[2]; mounts[1].destination; mounts[1].options[0]",
	       "several in one element");
}

static void test_consequences(void)
{
	errors(LINUX("\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]"), "linux.uidMappings",
	       "what two planners say about one place is told once");
	errors("{" TOP ", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"mount\"}, {\"type\": \"nope\"}, "
	       "{\"type\": \"pid\"}]}}", "linux.namespaces[1].type; linux.namespaces[2].type",
	       "a word that is none is not taken for another one");
	errors("{" TOP ", \"linux\": {\"namespaces\": [{\"type\": \"user\"}], "
	       "\"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 0}], "
	       "\"gidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 1}]}}", "linux.uidMappings[0].size",
	       "a list does not miss what was taken out of it here");
	errors("{" TOP ", \"linux\": {\"namespaces\": 5, \"maskedPaths\": [\"x\"]}}",
	       "linux.namespaces; linux.maskedPaths; linux.maskedPaths[0]",
	       "what follows from a value of the wrong type may be told, what is beneath it not");
	errors("{\"ociVersion\": 1, \"root\": {\"path\": 2}, \"process\": {\"cwd\": 3, \"args\": 4}}",
	       "ociVersion; root.path; process.cwd; process.args", "nor that it is missing then");
	errors("{}", "ociVersion; root", "but what is missing is");
}

static void test_independence(void)
{
	errors("{\"ociVersion\": \"9.9.9\", \"root\": {\"path\": \"\"}, \"hostname\": \"h\", \"process\": {\"cwd\": \"\", \"args\": [], "
	       "\"env\": [\"x\"]}, \"hooks\": {\"poststop\": [{\"path\": \"x\"}]}, \"linux\": {\"sysctl\": {\"a\": \"1\"}, "
	       "\"cgroupsPath\": \"/..\", \"resources\": {\"pids\": {\"limit\": -5}}, \"devices\": [{\"path\": \"x\", \"type\": \"p\"}], "
	       "\"readonlyPaths\": [\"x\"]}}",
	       "ociVersion; root.path; hostname; process.cwd; process.args; process.env[0]; hooks.poststop[0].path; "
	       "linux.sysctl[\"a\"]; linux.cgroupsPath; linux.resources.pids.limit; linux.devices[0].path; linux.readonlyPaths; "
	       "linux.readonlyPaths[0]", "no part hides the mistakes of another");
	errors("{" TOP ", \"process\": {}, \"linux\": {}, \"linux\": 1, \"x\": {\"deep\": [[{\"ociVersion\": 1}]]}}",
	       "process; linux", "what is given twice counts once");
}

static void test_hosts(void)
{
	AUTO(arena) a = ARENA_NONE;

	SAME(found("{" TOP ", \"linux\": {\"namespaces\": [{\"type\": \"mount\"}], \"maskedPaths\": [\"x\"]}}", "rootless", false, false, &a),
	     "linux.namespaces; linux.maskedPaths[0]", "what a host demands, and the rest");
	SAME(found(LINUX("\"resources\": {\"unified\": {\"memory.high\": \"1\", \"nope.x\": \"1\"}}"), "v1", false, false, &a),
	     "linux.resources.unified[\"memory.high\"]; linux.resources.unified[\"nope.x\"]", "what a host lacks");
}

static void test_warnings(void)
{
	AUTO(arena) a = ARENA_NONE;

	SAME(found("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"r\"}, \"unknown\": 1, \"process\": {\"cwd\": \"/\", \"args\": [\"x\"], "
		   "\"capabilities\": {\"bounding\": [\"CAP_A\", \"CAP_CHOWN\", \"CAP_B\"]}}}", "v2", true, false, &a),
	     "unknown; process.capabilities.bounding[0]; process.capabilities.bounding[2]",
	     "unknown members, and what planners warn of, each once");
	SAME(found("{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"r\"}, \"process\": {\"cwd\": \"/\", \"args\": [\"x\"], "
		   "\"capabilities\": {\"bounding\": [\"CAP_A\", 5, \"CAP_B\"]}}}", "v2", true, false, &a),
	     "process.capabilities.bounding[0]; process.capabilities.bounding[2]", "by their place in the document");
}

static void test_ends(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct survey s;
	const struct host host = host_named("v2");
	const struct create_request rq = { .id = "ID", .bundle = "/bundle" };
	const char *text = "{\"mounts\": [1";

	for (int i = 0; i < 9; i++)
		text = arena_printf(&a, "%s, %s", text, text + 12);
	text = arena_printf(&a, "%s]}", text);
	survey_decode(&s, text, strlen(text), &a);
	survey_plan(&s, &rq, &host, &a);
	OK(s.problems.n == PROBLEMS_MAX && s.problems.is_full && problems_have_errors(&s.problems), "five hundred are enough");
	survey_decode(&s, "{\"root\": 5, x", 13, &a);
	OK(!s.config && s.problems.n == 2, "what is no JSON has the faults before that");
	survey_plan(&s, &rq, &host, &a);
	OK(s.problems.n == 2, "and no plan");
}

int main(void)
{
	test_lists();
	test_consequences();
	test_independence();
	test_hosts();
	test_warnings();
	test_ends();
	return tap_done();
}
