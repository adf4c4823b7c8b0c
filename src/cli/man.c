/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `husk man`: manual pages, out of the option tables, in the language of man(7).  `make` calls it once for each page.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/codes.h"
#include "cli/commands.h"
#include "cli/facts.h"
#include "cli/help.h"
#include "cli/texts.h"
#include "life/describe.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef MANUAL_DATE
#define MANUAL_DATE "1970-01-01"
#endif

#define WIDTH   76      /* of the lines of the source, which nobody sees */

/* Text as roff(7) has to read it: it would take some of the characters for its own. */
static void print_text(FILE *f, const char *text, size_t len, bool begins_line)
{
	if (begins_line && len && (text[0] == '.' || text[0] == '\''))
		(void)fputs("\\&", f);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '-')
			(void)fputs("\\-", f);
		else if (text[i] == '\\')
			(void)fputs("\\e", f);
		else if (text[i] == '\'')
			(void)fputs("\\(aq", f);
		else if (text[i] == '~')
			(void)fputs("\\(ti", f);
		else if (text[i] == '\n')
			(void)fputc(' ', f);
		else
			(void)fputc(text[i], f);
	}
}

static void print_word(FILE *f, const char *word)
{
	print_text(f, word, strlen(word), false);
}

/* In short lines; sentences begin lines of their own, so that roff can put its space between them. */
static void print_sentences(FILE *f, const char *text, size_t len)
{
	const char *end = text + len;
	size_t at = 0;

	while (text < end) {
		size_t n = strcspn(text, " \n");

		n = MIN(n, (size_t)(end - text));
		if (n && at && at + 1 + n > WIDTH) {
			(void)fputc('\n', f);
			at = 0;
		}
		if (n) {
			if (at)
				(void)fputc(' ', f);
			print_text(f, text, n, !at);
			at += n + 1;
		}
		if (n > 1 && text[n - 1] == '.' && text[n - 2] != '.' && text + n < end) {
			(void)fputc('\n', f);
			at = 0;
		}
		text += n + 1;
	}
	if (at)
		(void)fputc('\n', f);
}

static void print_line(FILE *f, const char *text)
{
	print_sentences(f, text, strlen(text));
}

static void print_head(FILE *f, const char *name, const char *summary)
{
	char line[200];

	(void)fputs(".\\\" Made by husk man from the tables of its options.\n.TH ", f);
	for (const char *c = name; *c; c++)
		(void)fputc(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, f);
	(void)fprintf(f, " 8 %s \"husk %s\" \"husk\"\n.SH NAME\n", MANUAL_DATE, life_version());
	(void)snprintf(line, sizeof(line), "%s - %s", name, summary);
	print_line(f, line);
}

/* A term in bold and its VALUE in italics, then the explanation. */
static void print_option(FILE *f, const struct option_row *o)
{
	(void)fputs(".TP\n", f);
	if (o->letter)
		(void)fprintf(f, "\\fB\\-%c\\fR, ", o->letter);
	(void)fputs("\\fB\\-\\-", f);
	print_word(f, o->name);
	(void)fputs("\\fR", f);
	if (*option_value(o)) {
		(void)fputs("=\\fI", f);
		print_word(f, option_value(o));
		(void)fputs("\\fR", f);
	}
	(void)fputc('\n', f);
	print_line(f, option_help(o));
}

static void print_options(FILE *f, const struct option_row *table)
{
	static const struct option_row help = OPTION("help", 'h', NO_FLAG, 0, "", "print a summary of the options");

	for (const struct option_row *o = table; o && o->name; o++)
		print_option(f, o);
	print_option(f, &help);
}

static void print_notes(FILE *f, const char *notes)
{
	bool is_kept = false;
	struct note n;

	while (note_next(&notes, &n)) {
		if (n.is_kept != is_kept)
			(void)fputs(n.is_kept ? ".PP\n.nf\n" : ".fi\n", f);
		if (!n.is_kept)
			(void)fputs(".PP\n", f);
		is_kept = n.is_kept;
		if (is_kept) {
			print_text(f, n.text, n.len, true);
			(void)fputc('\n', f);
		} else {
			print_sentences(f, n.text, n.len);
		}
	}
	if (is_kept)
		(void)fputs(".fi\n", f);
}

static void print_command(FILE *f, const struct command *c)
{
	char name[64], sentence[200];
	const char *list = c->arguments;
	struct value v;

	(void)snprintf(name, sizeof(name), "husk-%s", c->name);
	print_head(f, name, c->summary);
	(void)fprintf(f, ".SH SYNOPSIS\n\\fBhusk\\fR [\\fIGLOBAL\\-OPTION\\fR...] \\fB%s\\fR [\\fIOPTION\\fR...]", c->name);
	while (value_next(&list, &v)) {
		(void)fprintf(f, " %s%s", v.is_optional ? "[" : "", v.kind == VALUE_WORDS ? "\\fB" : "\\fI");
		print_text(f, v.word, v.len, false);
		(void)fprintf(f, "\\fR%s%s", v.repeats ? "..." : "", v.is_optional ? "]" : "");
	}
	(void)fputs("\n.SH DESCRIPTION\n", f);
	print_sentences(f, sentence, help_sentence(sentence, sizeof(sentence), c->summary));
	print_notes(f, c->notes);
	(void)fputs(".SH OPTIONS\n", f);
	print_options(f, c->options);
	(void)fputs(".PP\nThe global options, which stand before the command, are those of\n.BR husk (8).\n"
		    ".SH EXIT STATUS\nSee\n.BR husk (8).\n.SH SEE ALSO\n.BR husk (8)\n", f);
}

static void print_chapter(FILE *f, const struct chapter *chapter)
{
	(void)fprintf(f, ".SH %s\n", chapter->title);
	if (chapter->intro)
		print_line(f, chapter->intro);
	for (const struct fact *fact = chapter->facts; fact && fact->term; fact++) {
		(void)fputs(".TP\n\\fB", f);
		print_word(f, fact->term);
		(void)fputs("\\fR\n", f);
		print_line(f, fact->text);
	}
}

static void print_exit_codes(FILE *f)
{
	(void)fputs(".SH EXIT STATUS\n", f);
	print_line(f, "0 when the command did what was asked. In the foreground, run and exec return what the container's process "
		   "returned, or 128+N when signal N ended it. The failures of husk itself are told apart by their class:");
	for (const struct exit_code *c = exit_codes; c->name; c++) {
		(void)fprintf(f, ".TP\n\\fB%d\\fR (%s)\n", c->code, c->name);
		print_line(f, c->meaning);
	}
}

static void print_all(FILE *f)
{
	const struct command *const *c;

	print_head(f, "husk", "run containers from OCI bundles");
	(void)fputs(".SH SYNOPSIS\n\\fBhusk\\fR [\\fIGLOBAL\\-OPTION\\fR...] \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
		    ".SH DESCRIPTION\n", f);
	print_line(f, "husk is an OCI runtime: it makes containers out of bundles, as the runtime specification of the Open Container "
		   "Initiative says. Engines like Docker, containerd, Podman and CRI-O call it, and people who run bundles by hand.");
	(void)fputs(".PP\n", f);
	print_line(f, "A bundle is a folder with a config.json and the root file system that it names. A container has an id of letters, "
		   "digits and _+.- which the caller chooses, and a folder of that name in the state directory.");
	(void)fputs(".SH COMMANDS\nEach has a page of its own.\n", f);
	for (c = commands; *c; c++) {
		(void)fprintf(f, ".TP\n.BR husk\\-%s (8)\n", (*c)->name);
		print_line(f, (*c)->summary);
	}
	(void)fputs(".SH OPTIONS\n", f);
	print_line(f, "These stand before the command. A value may follow as --root=DIR or as --root DIR; long options may begin with "
		   "one dash and are never abbreviated; -- ends the options.");
	print_options(f, global_options);
	print_exit_codes(f);
	for (const struct chapter *chapter = chapters; chapter->title; chapter++)
		print_chapter(f, chapter);
	(void)fputs(".SH EXAMPLES\n.nf\nmkdir \\-p bundle/rootfs/bin\ncp /bin/busybox bundle/rootfs/bin/sh\n"
		    "husk spec \\-\\-bundle bundle\nhusk run \\-\\-bundle bundle first\n.fi\n.SH SEE ALSO\n", f);
	for (c = commands; *c; c++)
		(void)fprintf(f, ".BR husk\\-%s (8)%s\n", (*c)->name, c[1] ? "," : "");
}

struct man_values { bool list; };

static const struct option_row man_options[] = {
	OPTION("list", 0, FLAG, offsetof(struct man_values, list), "", "the topics that have pages, one in a line"),
	OPTIONS_END
};

static int man(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct man_values *v = values;
	const struct command *c = arguments->n ? command_find(arguments->v[0]) : NULL;

	(void)g;
	if (v->list) {
		for (const struct command *const *all = commands; *all; all++)
			(void)puts((*all)->name);
		return 0;
	}
	if (arguments->n && !c)
		return command_unknown(arguments->v[0], e);
	if (c)
		print_command(stdout, c);
	else
		print_all(stdout);
	return 0;
}

const struct command command_man = {
	.name = "man", .arguments = "[TOPIC]", .summary = "print a manual page: of a command, or husk(8)",
	.notes = "The pages are installed with husk. This is how they are made, and how to read one that is not installed:\n\n"
		 "  husk man create | man -l -",
	.options = man_options, .size = sizeof(struct man_values), .max = 1, .run = man,
};
