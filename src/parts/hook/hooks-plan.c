/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks checked, as arrays for execve(2), and the text of the state for those that init runs. Pure, in
 * husk; in start and delete too, from the saved config.
 */
#include "parts/hook/hooks.h"

#include <string.h>

#include "oci-spec/state.h"

static char *const *strings(const str_list *l, const char *alone, struct arena *a)
{
	char **v = ARENA_ARRAY(a, char *, l->n + 2);

	for (size_t i = 0; i < l->n; i++)
		v[i] = arena_strdup(a, l->v[i]);
	if (!l->n && alone)
		v[0] = arena_strdup(a, alone);
	return v;
}

static int one(struct hook *out, const struct oci_hook *h, enum hook_kind kind, size_t i, struct arena *a,
	       struct err *e)
{
	const char *word = hook_kind_name(kind);

	if (h->path[0] != '/')
		return err_set(e, ERR_SPEC, "hooks.%s[%zu].path: \"%.200s\" is not absolute", word, i, h->path);
	if (h->timeout.set && h->timeout.v <= 0)
		return err_set(e, ERR_SPEC, "hooks.%s[%zu].timeout: %d is not above 0", word, i, h->timeout.v);
	out->path = arena_strdup(a, h->path);
	out->argv = strings(&h->args, h->path, a);
	out->envp = strings(&h->env, NULL, a);
	out->timeout = h->timeout.set ? (unsigned)h->timeout.v : 0;
	return 0;
}

static int list(struct hook_list *out, const oci_hook_list *l, enum hook_kind kind, struct arena *a, struct err *e)
{
	struct hook *v = ARENA_ARRAY(a, struct hook, l->n + 1);

	for (size_t i = 0; i < l->n; i++)
		if (one(&v[i], &l->v[i], kind, i, a, e) < 0)
			return -1;
	*out = (struct hook_list){ v, l->n };
	return 0;
}

/* Everything up to the number of pid. The first "pid": outside of quotes is the member, for it precedes the annotations. */
static const char *head(struct oci_state *s, enum oci_status status, const char **tail, struct arena *a)
{
	char *text, *pid;

	s->status = status;
	s->pid = 1;
	text = spec_encode(&oci_state_type, s, a, false);
	pid = strstr(text, "\"pid\":") + strlen("\"pid\":");
	while (*pid == ' ')
		pid++;
	*tail = arena_strdup(a, pid + 1);
	*pid = '\0';
	return text;
}

/* crun's run.oci.hooks.stdout and .stderr; plan/annotations.c has checked them. */
static const char *file_of(const str_map *annotations, const char *key, struct arena *a)
{
	for (size_t i = 0; annotations && i < annotations->n; i++)
		if (strcmp(annotations->v[i].key, key) == 0)
			return arena_strdup(a, annotations->v[i].value);
	return NULL;
}

int hooks_plan(struct hooks_plan *p, const struct oci_hooks *h, const char *oci_version, const char *id,
	       const char *bundle, const str_map *annotations, struct arena *a, struct err *e)
{
	struct oci_state state = { .oci_version = oci_version, .id = id, .bundle = bundle };

	*p = (struct hooks_plan){ .cwd = arena_strdup(a, bundle) };
	if (!h)
		return 0;
	if (list(&p->kind[HOOK_PRESTART], &h->prestart, HOOK_PRESTART, a, e) < 0 ||
	    list(&p->kind[HOOK_CREATE_RUNTIME], &h->create_runtime, HOOK_CREATE_RUNTIME, a, e) < 0 ||
	    list(&p->kind[HOOK_CREATE_CONTAINER], &h->create_container, HOOK_CREATE_CONTAINER, a, e) < 0 ||
	    list(&p->kind[HOOK_START_CONTAINER], &h->start_container, HOOK_START_CONTAINER, a, e) < 0 ||
	    list(&p->kind[HOOK_POSTSTART], &h->poststart, HOOK_POSTSTART, a, e) < 0 ||
	    list(&p->kind[HOOK_POSTSTOP], &h->poststop, HOOK_POSTSTOP, a, e) < 0)
		return -1;
	p->out = file_of(annotations, "run.oci.hooks.stdout", a);
	p->err = file_of(annotations, "run.oci.hooks.stderr", a);
	if (!hooks_exist(p, HOOK_CREATE_CONTAINER) && !hooks_exist(p, HOOK_START_CONTAINER))
		return 0;
	if (annotations)
		state.annotations = *annotations;
	p->creating_head = head(&state, OCI_STATUS_CREATING, &p->tail, a);
	p->created_head = head(&state, OCI_STATUS_CREATED, &p->tail, a);
	return 0;
}
