/* SPDX-License-Identifier: Apache-2.0 */
/* `husk completion`, and what the scripts of all shells have in common. */
#include "cli/completion.h"

#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cli/commands.h"
#include "sys/process.h"

#define LAST_SIGNAL 31          /* before the real-time ones */

void completion_commands(FILE *f, const char *before)
{
	for (const struct command *const *c = commands; *c; c++)
		(void)fprintf(f, "%s%s", before, (*c)->name);
}

void completion_signals(FILE *f, const char *before)
{
	char name[16];

	for (int s = 1; s <= LAST_SIGNAL; s++)
		if (str_after(signal_name(s, name), "SIG"))
			(void)fprintf(f, "%s%s", before, str_after(name, "SIG"));
}

void completion_words(FILE *f, const struct value *v)
{
	for (size_t i = 0; i < v->len; i++)
		(void)fputc(v->word[i] == '|' ? ' ' : v->word[i], f);
}

void completion_escape(FILE *f, const char *text, size_t len, const char *special, const char *quote)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'' && quote) {
			(void)fputs(quote, f);
			continue;
		}
		if (text[i] && strchr(special, text[i]))
			(void)fputc('\\', f);
		(void)fputc(text[i] == '\n' ? ' ' : text[i], f);
	}
}

static const struct { const char *name; void (*print)(FILE *); } shells[] = {
	{ "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish },
};

struct completion_values { const char *shell; };

static const struct option_row completion_options[] = {
	OPTION("shell", 's', TEXT, offsetof(struct completion_values, shell), "bash|zsh|fish",
	  "the shell, which may be named as an argument, too"),
	OPTIONS_END
};

static int completion(const struct globals *g, const void *values, const struct words *arguments, struct err *e)
{
	const struct completion_values *v = values;
	const char *shell = arguments->n ? arguments->v[0] : v->shell;

	(void)g;
	for (size_t i = 0; shell && i < ARRAY_SIZE(shells); i++) {
		if (str_eq(shells[i].name, shell)) {
			shells[i].print(stdout);
			return 0;
		}
	}
	if (!shell)
		return err_set(e, ERR_USAGE, "completion: for which shell: bash, zsh or fish?");
	return err_set(e, ERR_USAGE, "completion: \"%s\" is not bash, zsh or fish", shell);
}

const struct command command_completion = {
	.name = "completion", .arguments = "[bash|zsh|fish]", .summary = "print a completion script for a shell",
	.notes = "\"make install\" puts the scripts where the shells find them. By hand, in a shell that runs:\n\n"
		 "  source <(husk completion bash)\n"
		 "  husk completion zsh > ~/.zfunc/_husk          # a folder in $fpath\n"
		 "  husk completion fish > ~/.config/fish/completions/husk.fish",
	.options = completion_options, .size = sizeof(struct completion_values), .max = 1, .run = completion,
};
