/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a JSON document is described to the decoder and the encoder.
 *
 * Every object of the runtime-spec is a plain C struct (config.h, config-linux.h, ...).
 * Next to it, in the .c file of the same name, stands a table with one row per member.
 * The rows are all there is: decoding, encoding, required-field and enum checks, the
 * JSON path in error messages and the lists printed by `husk features` come from them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"

/* ---- what a member may be ------------------------------------------------------- */

struct opt_bool { bool set; bool v; };
struct opt_i32  { bool set; int32_t v; };
struct opt_u16  { bool set; uint16_t v; };
struct opt_u32  { bool set; uint32_t v; };
struct opt_i64  { bool set; int64_t v; };
struct opt_u64  { bool set; uint64_t v; };

#define LIST_OF(T) struct { size_t n; T *v; }
typedef LIST_OF(const char *) str_list;

struct pair { const char *key, *value; };
typedef LIST_OF(struct pair) str_map;           /* order of the document is kept */

enum spec_kind {
	SPEC_BOOL, SPEC_I32, SPEC_U32, SPEC_I64, SPEC_U64,
	SPEC_OPT_BOOL, SPEC_OPT_U16, SPEC_OPT_I32, SPEC_OPT_U32, SPEC_OPT_I64, SPEC_OPT_U64,
	SPEC_STR, SPEC_ENUM, SPEC_OBJECT, SPEC_LIST, SPEC_MAP, SPEC_DICT,
};

/* ---- the rows ------------------------------------------------------------------- */

struct spec_name { char name[40]; int value; };
struct spec_enum { const char *what; const struct spec_name *names; };  /* ends with {} */

#define WORD(text, number) { text, (number) + FITS(text, struct spec_name, name) }

struct spec_field {
	const char *key;                        /* NULL ends the table */
	uint8_t kind, elem;                     /* elem: kind of the elements of a list */
	bool required;
	uint16_t offset;
	union {
		const struct spec_type *type;   /* SPEC_OBJECT, lists of them */
		const struct spec_enum *choice; /* SPEC_ENUM, lists of them */
	};
};

struct spec_type {
	const char *name;
	size_t size;
	const struct spec_field *fields;
};

#define SPEC_KIND(x) _Generic((x),                                               \
	bool: SPEC_BOOL, int32_t: SPEC_I32, uint32_t: SPEC_U32,                  \
	int64_t: SPEC_I64, uint64_t: SPEC_U64, const char *: SPEC_STR,           \
	struct opt_bool: SPEC_OPT_BOOL, struct opt_i32: SPEC_OPT_I32,            \
	struct opt_u16: SPEC_OPT_U16, struct opt_u32: SPEC_OPT_U32,              \
	struct opt_i64: SPEC_OPT_I64, struct opt_u64: SPEC_OPT_U64,              \
	str_map: SPEC_MAP)

#define SPEC_MEMBER(s, m) (((struct oci_##s *)0)->m)
#define SPEC_SAME(a, T)   (0 * sizeof(char[__builtin_types_compatible_p(__typeof__(a), T) ? 1 : -1]))
#define SPEC_WORD(a)      (0 * sizeof(char[sizeof(a) == sizeof(int) ? 1 : -1]))
#define SPEC_ROW(s, m, k, ...) { .key = (k), .offset = offsetof(struct oci_##s, m), __VA_ARGS__ }

/* A value: boolean, number, string or string map; the kind follows from the C type. */
#define VALUE(s, m, key, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_KIND(SPEC_MEMBER(s, m)), __VA_ARGS__)
/* One word out of a table of words; the member is an int (an enum), 0 is "absent". */
#define CHOICE(s, m, key, table, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_ENUM + SPEC_WORD(SPEC_MEMBER(s, m)), \
		 .choice = &(table), __VA_ARGS__)
/* Another object: the member is a pointer, NULL when absent. */
#define OBJECT(s, m, key, T, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_OBJECT + SPEC_SAME(*SPEC_MEMBER(s, m), struct oci_##T), \
		 .type = &oci_##T##_type, __VA_ARGS__)
/* Lists of values, of words, of objects. */
#define LIST(s, m, key, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_LIST, .elem = SPEC_KIND(*SPEC_MEMBER(s, m).v), __VA_ARGS__)
#define LIST_CHOICE(s, m, key, table, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_LIST, .elem = SPEC_ENUM + SPEC_WORD(*SPEC_MEMBER(s, m).v), \
		 .choice = &(table), __VA_ARGS__)
#define LIST_OBJECT(s, m, key, T, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_LIST, \
		 .elem = SPEC_OBJECT + SPEC_SAME(*SPEC_MEMBER(s, m).v, struct oci_##T), \
		 .type = &oci_##T##_type, __VA_ARGS__)

/* An object used as a dictionary of objects: a list whose elements begin with their key. */
#define DICT_OBJECT(s, m, key, T, ...) \
	SPEC_ROW(s, m, key, .kind = SPEC_DICT, \
		 .elem = SPEC_OBJECT + SPEC_SAME(*SPEC_MEMBER(s, m).v, struct oci_##T), \
		 .type = &oci_##T##_type, __VA_ARGS__)

/*
 * A document that is no object but a list (of mounts, for `husk mounts`): a type whose only row has this key.
 */
#define SPEC_ITSELF ""

#define REQUIRED .required = true

#define SPEC_TYPE(T, human, ...)                                                \
	extern const struct spec_type oci_##T##_type;                           \
	static const struct spec_field oci_##T##_fields[] = { __VA_ARGS__, {} };  \
	_Static_assert(sizeof(oci_##T##_fields) <= 65 * sizeof(struct spec_field), "64 rows at most"); \
	const struct spec_type oci_##T##_type = {                               \
		.name = human, .size = sizeof(struct oci_##T), .fields = oci_##T##_fields }

/* ---- what one can do with them ---------------------------------------------------- */

struct arena;                                   /* owner of everything decoded */
struct err;

struct spec_error {
	char path[256];                         /* linux.resources.memory.limit */
	unsigned line, column;                  /* from 1; 0: no place in the text */
	char message[256];                      /* expected integer, got string */
};

/*
 * Decodes TEXT (LEN bytes, need not end in NUL) into a new *OUT of type T, allocated in A.
 * Strict: wrong types, duplicate keys, NUL bytes in strings, numbers that are not integers or out
 * of range, unknown words, missing required members, trailing data, more than 16 MiB or 24 levels
 * are errors.  `null` means absent.  Members that the tables do not have are ignored, as the
 * specification demands.  0, or -1 with *e filled and *out untouched.
 */
int spec_decode(const struct spec_type *t, const char *text, size_t len,
		struct arena *a, void **out, struct spec_error *e);

/* Who wants to know more than the first fault; either function may be NULL. */
struct spec_watch {
	/*
	 * A member that the tables do not have.  MEANT: the member that differs from it in the case of
	 * letters only (other runtimes read it as that one), or NULL.
	 */
	void (*unknown)(void *ctx, const char *path, const char *meant, unsigned line, unsigned column);
	/*
	 * Each fault.  True: go on as if the member were absent, or, where something must be there (a
	 * required member, an element of a list), the empty value of its kind.
	 */
	bool (*fault)(void *ctx, const struct spec_error *);
	void *ctx;
};

/* The same.  With a watch of faults -1 only for the fault that nothing can follow: *e, which was not told to it. */
int spec_decode_watched(const struct spec_type *t, const char *text, size_t len, struct arena *a,
			void **out, const struct spec_watch *, struct spec_error *e);

/* FILE: PATH: MESSAGE (line L, column C) as an error of kind ERR_SPEC; returns -1. */
int spec_fail(struct err *, const char *file, const struct spec_error *);

/* Encodes OBJ as JSON, allocated in A; absent members are left out. */
char *spec_encode(const struct spec_type *t, const void *obj, struct arena *a, bool pretty);

/*
 * Where PATH stands in TEXT, which must have been decoded before (a key of a map is written
 * ["key"]).  PATH ends at its NUL or at the first ':' outside of quotes, so the message of a
 * planner can be passed as it is.  When the last members of the path do not exist, the place of
 * the innermost object that does.  False: not even the first one exists.
 */
bool spec_locate(const char *text, size_t len, const char *path, unsigned *line, unsigned *column);

/* How much of TEXT, the message of a planner, is a path in a document of type T: up to its ':'. 0: it names none. */
size_t spec_path_length(const struct spec_type *t, const char *text);

/*
 * For who looks on behind a complaint about PATH: changes the decoded OBJ so that its cause is gone.  Graft: what stands
 * there becomes what stands there in FROM (of a list any element's is FROM's first); false: FROM has nothing.  Cut: it
 * is made absent, or the innermost thing around it that may be; ABOVE: only so many steps above the end of the path.
 * Returns how much of PATH was cut, 0: nothing.  IS_ELEMENT: out of a list, where those behind it move up.
 */
bool spec_graft(const struct spec_type *t, void *obj, void *from, const char *path);
bool spec_is_absent(const struct spec_type *t, void *obj, const char *path);     /* or an empty list */
bool spec_is_word(const struct spec_type *t, void *obj, const char *path);       /* one of a table of words */
size_t spec_cut(const struct spec_type *t, void *obj, const char *path, unsigned above, bool *is_element);

const char *spec_enum_name(const struct spec_enum *, int value);        /* NULL: no such value */
int spec_enum_value(const struct spec_enum *, const char *name);        /* 0: no such word */
str_list spec_enum_words(const struct spec_enum *, struct arena *);     /* all of them */
