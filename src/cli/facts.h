/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What husk(8) says beyond commands and options: environment, files, signals, annotations.  Constant tables;
 * whoever makes husk read another variable or obey another annotation adds a line here (a test compares).
 */
#pragma once

struct fact { const char *term, *text; };

struct chapter {
	const char *title, *intro;      /* the latter may be NULL */
	const struct fact *facts;       /* up to one without a term; may be NULL */
};

extern const struct chapter chapters[];         /* up to one without a title */
