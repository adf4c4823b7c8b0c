/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the tables of oci-spec say, one member a line, for check-spec:
 * DOCUMENT PATH KIND [!] [WORD...], where ! means required.  Needs no library.
 */
#include <stdio.h>

#include "oci-spec/config.h"
#include "oci-spec/features.h"
#include "oci-spec/state.h"

static const char *kind_name(int kind)
{
	switch ((enum spec_kind)kind) {
	case SPEC_BOOL: case SPEC_OPT_BOOL:     return "boolean";
	case SPEC_I32: case SPEC_OPT_I32:       return "int32";
	case SPEC_OPT_U16:                      return "uint16";
	case SPEC_U32: case SPEC_OPT_U32:       return "uint32";
	case SPEC_I64: case SPEC_OPT_I64:       return "int64";
	case SPEC_U64: case SPEC_OPT_U64:       return "uint64";
	case SPEC_STR: case SPEC_ENUM:          return "string";
	case SPEC_OBJECT:                       return "object";
	case SPEC_MAP:                          return "map";
	case SPEC_LIST: case SPEC_DICT:         break;
	}
	return "?";
}

static void walk(const char *document, const struct spec_type *t, const char *path)
{
	for (const struct spec_field *f = t->fields; f->key; f++) {
		const char *many = f->kind == SPEC_LIST ? "[]" : f->kind == SPEC_DICT ? "{}" : "";
		int kind = *many ? f->elem : f->kind;
		char here[512];

		snprintf(here, sizeof(here), "%s%s%s%s", path, *path ? "." : "", f->key, many);
		printf("%s %s %s%s", document, here, kind_name(kind), f->required ? " !" : "");
		if (f->kind == SPEC_ENUM || f->elem == SPEC_ENUM)
			for (const struct spec_name *n = f->choice->names; *n->name; n++)
				printf(" %s", n->name);
		putchar('\n');
		if (kind == SPEC_OBJECT)
			walk(document, f->type, here);
	}
}

int main(void)
{
	walk("config", &oci_config_type, "");
	walk("features", &oci_features_type, "");
	walk("state", &oci_state_type, "");
	return 0;
}
