/* SPDX-License-Identifier: Apache-2.0 */
/* Mending and asking again, until nobody complains; see survey.h. Pure, in husk, in `check`. */
#include "plan/survey.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "base/str.h"

#define CUTS_MAX 400

/* What a sound config has where this one is wrong: harmless, and as independent of the rest as can be. */
static const char sound[] =
	"{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"/\"},"
	" \"process\": {\"cwd\": \"/\", \"args\": [\"/\"], \"user\": {\"uid\": 0, \"gid\": 0},"
	"  \"consoleSize\": {\"height\": 1, \"width\": 1},"
	"  \"rlimits\": [{\"type\": \"RLIMIT_RSS\", \"soft\": 0, \"hard\": 18446744073709551615}],"
	"  \"scheduler\": {\"policy\": \"SCHED_OTHER\", \"priority\": 1, \"runtime\": 1024,"
	"   \"deadline\": 4611686018427387904, \"period\": 4611686018427387904}},"
	" \"mounts\": [{\"destination\": \"/check\", \"type\": \"tmpfs\", \"source\": \"tmpfs\"}],"
	" \"hooks\": {\"prestart\": [{\"path\": \"/\"}], \"createRuntime\": [{\"path\": \"/\"}],"
	"  \"createContainer\": [{\"path\": \"/\"}], \"startContainer\": [{\"path\": \"/\"}],"
	"  \"poststart\": [{\"path\": \"/\"}], \"poststop\": [{\"path\": \"/\"}]},"
	" \"linux\": {"
	"  \"uidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 4294967295}],"
	"  \"gidMappings\": [{\"containerID\": 0, \"hostID\": 0, \"size\": 4294967295}],"
	"  \"devices\": [{\"path\": \"/dev/check\", \"type\": \"c\", \"major\": 1, \"minor\": 3}],"
	"  \"resources\": {\"devices\": [{\"allow\": true, \"type\": \"a\", \"access\": \"rwm\"}]},"
	"  \"memoryPolicy\": {\"mode\": \"MPOL_BIND\", \"nodes\": \"0\"},"
	"  \"seccomp\": {\"defaultAction\": \"SCMP_ACT_ERRNO\","
	"   \"syscalls\": [{\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_ALLOW\","
	"    \"args\": [{\"index\": 0, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]}]},"
	"  \"maskedPaths\": [\"/\"], \"readonlyPaths\": [\"/\"]}}";

/* While one step of the planners is asked again and again. */
struct mender {
	struct log_tap tap;             /* planners' warnings */
	struct problems *problems;
	struct arena *mem;
	struct oci_config *config, *sound;
	const char *cuts[CUTS_MAX];     /* elements taken out of lists, by their paths in the document */
	const char *tried[CUTS_MAX];    /* places complained about, as often as it was */
	size_t n_cuts, n_tried;
};

static bool ignore(void *ctx, const struct spec_error *fault)
{
	(void)ctx, (void)fault;
	return true;
}

/* A copy of one's own to change. NULL: no JSON object. */
static struct oci_config *decode(const char *text, size_t len, struct arena *a)
{
	const struct spec_watch watch = { .fault = ignore };
	struct spec_error why;
	void *out;

	return spec_decode_watched(&oci_config_type, text, len, a, &out, &watch, &why) < 0 ? NULL : out;
}

/* ---- places in the document and in what is left of it -------------------------------- */

/* The number in the document of the INDEX-th of what is left of the list at PATH (LEN bytes). */
static unsigned long number_in_document(const struct mender *m, const char *path, size_t len, unsigned long index)
{
	for (unsigned long at = 0; ; at++) {
		char element[512];
		bool is_cut = false;

		(void)snprintf(element, sizeof(element), "%.*s[%lu]", (int)len, path, at);
		for (size_t i = 0; i < m->n_cuts && !is_cut; i++)
			is_cut = str_eq(m->cuts[i], element);
		if (!is_cut && !index--)
			return at;
	}
}

/*
 * TEXT, in which lists are counted as they are now, as the document counts them.  Not only the path that it begins with:
 * "mounts[3].destination: taken by mounts[1]".
 */
static const char *in_document(const struct mender *m, const char *text, struct arena *a)
{
	char out[2048];
	struct text t = TEXT(out);
	size_t word = 0;                /* where the word began, in OUT */

	if (!m->n_cuts)
		return text;
	while (*text) {
		size_t digits = *text == '[' ? strspn(text + 1, "0123456789") : 0;
		uint64_t index;

		if (digits && text[1 + digits] == ']' && num_parse_n(text + 1, digits, 1u << 24, &index)) {
			text_addf(&t, "[%lu]", number_in_document(m, out + word, t.len - word, (unsigned long)index));
			text += digits + 2;
			continue;
		}
		text_addn(&t, text, 1);
		if (*text == ' ' || *text == '(')
			word = t.len;
		text++;
	}
	return arena_strdup(a, out);
}

/* ---- mending -------------------------------------------------------------------------- */

static bool cut_out(struct mender *m, const char *path, unsigned above)
{
	bool is_element;
	size_t cut = spec_cut(&oci_config_type, m->config, path, above, &is_element);
	const char *element;

	if (!cut || !is_element)
		return cut;
	if (m->n_cuts == CUTS_MAX)
		return false;
	element = in_document(m, arena_strndup(m->mem, path, cut), m->mem);
	m->cuts[m->n_cuts++] = element;
	return true;
}

/* The first time what is sound takes its place; then it is taken out, and then ever more of what is around it. */
static bool mend(struct mender *m, const char *path, const char *in_text)
{
	unsigned before = 0;

	for (size_t i = 0; i < m->n_tried; i++)
		before += str_eq(m->tried[i], in_text);
	if (m->n_tried == CUTS_MAX)
		return false;
	m->tried[m->n_tried++] = in_text;
	if (!before && spec_graft(&oci_config_type, m->config, m->sound, path))
		return true;
	return cut_out(m, path, before ? before - 1 : 0);
}

/*
 * The decoder's stand-in for a wrong word is another word, which others would take for what was meant: better nothing.
 * From the end of the document, so that what is still to be looked at has not moved.
 */
static void take_out_words(struct mender *m)
{
	const struct problems *l = m->problems;

	for (size_t i = l->n; i-- > 0; ) {
		const char *path = l->v[i].path;
		bool is_gone = false;

		for (size_t k = 0; k < m->n_cuts && !is_gone; k++)
			is_gone = str_starts(path, m->cuts[k]);
		if (l->v[i].is_decoders && !is_gone && spec_is_word(&oci_config_type, m->config, path))
			(void)cut_out(m, path, 0);
	}
}

/* What misses something of which all has been taken out here is told to us alone. */
static bool is_our_doing(const struct mender *m, const char *path, const char *in_text)
{
	for (size_t i = 0; i < m->n_cuts; i++)
		if (str_after(m->cuts[i], in_text) && *str_after(m->cuts[i], in_text) == '[')
			return spec_is_absent(&oci_config_type, m->config, path);
	return false;
}

static const struct oci_config *next(void *ctx, const struct err *e)
{
	struct mender *m = ctx;
	const char *path, *in_text;
	size_t len;

	if (!e) {
		m->n_cuts = m->n_tried = 0;
		m->config = decode(m->problems->text, m->problems->len, m->mem);
		m->sound = decode(sound, sizeof(sound) - 1, m->mem);
		take_out_words(m);
		return m->config;
	}
	len = spec_path_length(&oci_config_type, e->msg);
	path = arena_strndup(m->mem, e->msg, len);
	in_text = in_document(m, path, m->mem);
	if (!len || !is_our_doing(m, path, in_text))
		problem_add(m->problems, false, e->kind, in_document(m, *e->hint ? arena_printf(m->mem, "%s; hint: %s", e->msg,
			    e->hint) : e->msg, m->mem));
	return len && mend(m, path, in_text) ? m->config : NULL;
}

static void hear(struct log_tap *tap, enum log_level level, const char *text)
{
	struct mender *m = (struct mender *)((char *)tap - offsetof(struct mender, tap));

	if (level <= LOG_WARNING)
		problem_add(m->problems, true, ERR_NONE, in_document(m, text, m->mem));
}

/* ---- the two halves ------------------------------------------------------------------- */

static bool on_fault(void *ctx, const struct spec_error *fault)
{
	struct problems *l = ctx;

	problem_decoded(l, false, fault);
	return !l->is_full;
}

/* Ignored, as the specification demands; whether it was meant to be is for the user to say. */
static void on_unknown(void *ctx, const char *path, const char *meant, unsigned line, unsigned column)
{
	struct spec_error s = { .line = line, .column = column };

	(void)snprintf(s.path, sizeof(s.path), "%s", path);
	if (meant)
		(void)snprintf(s.message, sizeof(s.message), "unknown, ignored; \"%s\" is spelled so", meant);
	else
		(void)snprintf(s.message, sizeof(s.message), "unknown, ignored");
	problem_decoded(ctx, true, &s);
}

void survey_decode(struct survey *out, const char *text, size_t len, struct arena *a)
{
	const struct spec_watch watch = { .unknown = on_unknown, .fault = on_fault, .ctx = &out->problems };
	struct spec_error last;
	void *config;

	*out = (struct survey){ .problems = { .text = text, .len = len, .mem = a } };
	if (spec_decode_watched(&oci_config_type, text, len, a, &config, &watch, &last) < 0)
		problem_decoded(&out->problems, false, &last);
	else
		out->config = config;
}

void survey_plan(struct survey *s, const struct create_request *rq, const struct host *host, struct arena *a)
{
	struct mender m = { .tap.say = hear, .problems = &s->problems, .mem = a };
	struct log_tap *before;

	if (!s->config)
		return;
	before = log_listen(&m.tap);
	s->plan = plan_survey(next, &m, rq, host, a, &s->is_whole);
	(void)log_listen(before);
}
