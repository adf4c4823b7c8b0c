/* SPDX-License-Identifier: Apache-2.0 */
/* Resctrl against a plain directory that plays the file system: what is made, written, compared and removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/str.h"
#include "parts/rdt/rdt.h"
#include "unit/tap.h"

static void put(const char *top, const char *name, const char *text, struct arena *a)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", top, name), "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static const char *get(const char *top, const char *name, struct arena *a)
{
	char *text = arena_alloc(a, 4096);
	FILE *f = fopen(arena_printf(a, "%s/%s", top, name), "r");

	if (!f)
		return NULL;
	text[fread(text, 1, 4095, f)] = '\0';
	fclose(f);
	return text;
}

/* The kernel puts the files there; here the test does. */
static void group(const char *top, const char *name, const char *schemata, struct arena *a)
{
	mkdir(arena_printf(a, "%s/%s", top, name), 0755);
	mkdir(arena_printf(a, "%s/%s/mon_groups", top, name), 0755);
	put(top, arena_printf(a, "%s/schemata", name), schemata, a);
	put(top, arena_printf(a, "%s/tasks", name), "", a);
}

static int plan(struct rdt_plan *p, struct oci_rdt *r, const char *top, struct arena *a, struct err *e)
{
	const struct host host = { .has_rdt = true, .rdt_mount = top };

	*e = (struct err){ 0 };
	return rdt_plan(p, r, "box", &host, a, e);
}

static void existing(const char *top, struct arena *a)
{
	struct rdt_plan p;
	struct err e;
	struct oci_rdt r = { .clos_id = "gold", .l3_cache_schema = "L3:0=F", .mem_bw_schema = "MB:1=70" };
	AUTO(rdt) x = RDT_NONE;

	group(top, "gold", "    MB:0=  20;1=  70\n    L3:0=00f;1=0f0\n", a);
	OK(plan(&p, &r, top, a, &e) == 0 && !p.is_ours && p.may_make, "a class by name");
	OK(rdt_make(&x, &p, &e) == 0, "that exists and says the same is used: %s", e.msg);
	OK(rdt_enter(&x, 77, &e) == 0, "and entered");
	SAME(get(top, "gold/tasks", a), "77", "by pid");
	SAME(get(top, "gold/schemata", a), "    MB:0=  20;1=  70\n    L3:0=00f;1=0f0\n", "and not written to");
	rdt_undo(&x);
	OK(get(top, "gold/tasks", a), "and not removed by undo");
	OK(rdt_remove(&p, false, &e) == 0 && get(top, "gold/tasks", a), "nor by delete");

	r.l3_cache_schema = "L3:0=ff";
	plan(&p, &r, top, a, &e);
	OK(rdt_make(&x, &p, &e) < 0 && e.kind == ERR_STATE, "one that says otherwise is refused: %s", e.msg);
	r = (struct oci_rdt){ .clos_id = "silver" };
	OK(plan(&p, &r, top, a, &e) == 0 && !p.may_make, "a class without schemata");
	OK(rdt_make(&x, &p, &e) < 0 && strstr(e.msg, "there is no class \"silver\""), "must exist: %s", e.msg);
	r = (struct oci_rdt){ .clos_id = "/" };
	OK(plan(&p, &r, top, a, &e) == 0 && rdt_make(&x, &p, &e) == 0 && rdt_enter(&x, 5, &e) == 0, "the default class");
	SAME(get(top, "tasks", a), "5", "is the root of the file system");
}

static void own(const char *top, struct arena *a)
{
	struct rdt_plan p;
	struct err e;
	const char *lines[] = { "L2:0=3" };
	struct oci_rdt r = { .schemata = { 1, lines }, .mem_bw_schema = "MB:0=20", .enable_monitoring = true };
	AUTO(rdt) x = RDT_NONE;

	OK(plan(&p, &r, top, a, &e) == 0 && p.is_ours, "a class of the container's own");
	SAME(p.clos, "box", "has its id");
	OK(p.n == 2 && strcmp(p.schemata[0], "MB:0=20") == 0 && strcmp(p.schemata[1], "L2:0=3") == 0, "schemata come last");
	mkdir(arena_printf(a, "%s/info", top), 0755);
	put(top, "info/last_cmd_status", "mask out of range\n", a);
	/* A plain directory stays without files: the write fails, and nothing is left behind. */
	OK(rdt_make(&x, &p, &e) < 0, "what cannot be filled is an error: %s", e.msg);
	SAME(e.hint, "the kernel says: mask out of range", "with the kernel's own words");
	rdt_undo(&x);
	OK(access(arena_printf(a, "%s/box", top), F_OK) < 0, "and is removed");
	OK(!rdt_class_exists(&p), "there is no class of that name");
	group(top, "box", "", a);
	OK(rdt_make(&x, &p, &e) == 0, "it is filled: %s", e.msg);
	OK(access(arena_printf(a, "%s/box/mon_groups/box", top), F_OK) == 0, "and monitored");
	rdt_undo(&x);
	OK(access(arena_printf(a, "%s/box/mon_groups/box", top), F_OK) < 0, "until it is undone");
	OK(access(arena_printf(a, "%s/box", top), F_OK) == 0, "what was there before stays");
	OK(rdt_class_exists(&p), "which can be asked before");
	OK(rdt_make(&x, &p, &e) == 0, "made again: %s", e.msg);
	rdt_keep(&x);
	OK(rdt_remove(&p, true, &e) == 0 && access(arena_printf(a, "%s/box/mon_groups/box", top), F_OK) < 0, "delete ends its monitoring");
	OK(access(arena_printf(a, "%s/box", top), F_OK) == 0, "and leaves a class that was there before create");
	/* Of a plain directory the kernel's files have to go one by one; a class that is ours would have been removed with them. */
	OK(rdt_remove(&p, false, &e) < 0 && e.num == ENOTEMPTY, "one that create made is removed: %s", e.msg);
}

/* A class that lacks what the kernel would have put there. */
static void refusals(const char *top, struct arena *a)
{
	struct rdt_plan p;
	struct err e;
	char line[5000] = "L3:";
	struct oci_rdt r = { .clos_id = "gold" };
	AUTO(rdt) x = RDT_NONE;

	OK(plan(&p, &r, top, a, &e) == 0 && rdt_make(&x, &p, &e) == 0, "a class: %s", e.msg);
	unlink(arena_printf(a, "%s/gold/tasks", top));
	OK(rdt_enter(&x, 7, &e) < 0 && strstr(e.msg, "linux.intelRdt"), "that cannot be entered is an error: %s", e.msg);
	put(top, "gold/tasks", "", a);
	r.enable_monitoring = true;
	rmdir(arena_printf(a, "%s/gold/mon_groups", top));
	plan(&p, &r, top, a, &e);
	OK(rdt_make(&x, &p, &e) < 0 && strstr(e.msg, "linux.intelRdt.enableMonitoring"), "and one that cannot be monitored: %s", e.msg);
	mkdir(arena_printf(a, "%s/gold/mon_groups", top), 0755);
	memset(line + 3, '1', sizeof(line) - 4);
	r = (struct oci_rdt){ .l3_cache_schema = line };
	group(top, "box", "", a);
	plan(&p, &r, top, a, &e);
	OK(rdt_make(&x, &p, &e) < 0 && strstr(e.msg, "too long"), "a line that no kernel takes: %s", e.msg);
	r = (struct oci_rdt){ .l3_cache_schema = "L3:0=3" };
	plan(&p, &r, top, a, &e);
	unlink(arena_printf(a, "%s/box/schemata", top));
	OK(rdt_before(&p, &(str_list){}, a, &e) < 0, "a class without schemata cannot be updated: %s", e.msg);
	OK(rdt_update(&p, &e) < 0 && strstr(e.msg, "linux.intelRdt: \"L3:0=3\""), "nor be written to: %s", e.msg);
}

/* `update`: the lines are written, and those of before can be written again. */
static void updating(const char *top, struct arena *a)
{
	struct rdt_plan p;
	struct err e;
	struct oci_rdt r = { .l3_cache_schema = "L3:0=3" };
	str_list before;

	group(top, "box", "    MB:0=  20;1=  70\n    L3:0=00f;1=0f0\n", a);
	plan(&p, &r, top, a, &e);
	OK(rdt_before(&p, &before, a, &e) == 0 && before.n == 2, "the lines before an update: %s", e.msg);
	SAME(before.v[0], "MB:0=  20;1=  70", "without the blanks in front");
	SAME(before.v[1], "L3:0=00f;1=0f0", "all of them");
	OK(rdt_update(&p, &e) == 0 && strstr(get(top, "box/schemata", a), "L3:0=3\n"), "an update writes its line");
	rdt_put_back(&p, &before);
	/* The kernel takes each write as a change; a plain file shows the last one. */
	OK(strstr(get(top, "box/schemata", a), "L3:0=00f;1=0f0\n"), "and the old ones are put back");
	r.clos_id = "nowhere";
	plan(&p, &r, top, a, &e);
	OK(rdt_before(&p, &before, a, &e) < 0 && strstr(e.msg, "linux.intelRdt"), "a class that is not there: %s", e.msg);
}

int main(void)
{
	AUTO(arena) a = ARENA_NONE;
	char top[] = "/tmp/husk-test-rdt.XXXXXX";
	struct rdt_plan p;
	struct err e = { 0 };
	struct rdt none = RDT_NONE;

	if (!mkdtemp(top))
		return EXIT_FAILURE;
	put(top, "tasks", "", &a);
	OK(rdt_plan(&p, NULL, "box", &(struct host){ 0 }, &a, &e) == 0 && !p.is_set, "no intelRdt, no resctrl");
	OK(rdt_make(&none, &p, &e) == 0 && rdt_enter(&none, 1, &e) == 0 && rdt_remove(&p, false, &e) == 0 && !rdt_class_exists(&p),
	   "and nothing is done");
	existing(top, &a);
	own(top, &a);
	updating(top, &a);
	refusals(top, &a);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", top, (char *)NULL);
	return tap_done();
}
