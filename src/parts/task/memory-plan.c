/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.memoryPolicy as arguments of set_mempolicy(2); which mode goes with which nodes and flags is checked
 * here as the kernel would (mm/mempolicy.c, mpol_new and sanitize_mpol_flags). Pure, in husk.
 */
#include "parts/task/memory.h"

#include <linux/mempolicy.h>

#include "base/num.h"

/* Enumerators of newer headers, so not to be tested for: kernel 5.15, 6.9. */
#define MODE_PREFERRED_MANY             5
#define MODE_WEIGHTED_INTERLEAVE        6

enum nodes { NODES_NONE, NODES_SOME, NODES_ANY };

static const struct mode { int number; enum nodes nodes; unsigned major, minor; } modes[] = {
	[OCI_MPOL_DEFAULT]             = { MPOL_DEFAULT, NODES_NONE },
	[OCI_MPOL_BIND]                = { MPOL_BIND, NODES_SOME },
	[OCI_MPOL_INTERLEAVE]          = { MPOL_INTERLEAVE, NODES_SOME },
	[OCI_MPOL_WEIGHTED_INTERLEAVE] = { MODE_WEIGHTED_INTERLEAVE, NODES_SOME, 6, 9 },
	[OCI_MPOL_PREFERRED]           = { MPOL_PREFERRED, NODES_ANY },
	[OCI_MPOL_PREFERRED_MANY]      = { MODE_PREFERRED_MANY, NODES_SOME, 5, 15 },
	[OCI_MPOL_LOCAL]               = { MPOL_LOCAL, NODES_NONE },
};

static int mode_flags(struct memory_plan *p, const struct oci_memory_policy *m, struct err *e)
{
	static const int numbers[] = {
		[OCI_MPOL_F_NUMA_BALANCING] = MPOL_F_NUMA_BALANCING,
		[OCI_MPOL_F_RELATIVE_NODES] = MPOL_F_RELATIVE_NODES, [OCI_MPOL_F_STATIC_NODES] = MPOL_F_STATIC_NODES,
	};
	const char *mode = spec_enum_name(&oci_memory_modes, m->mode);

	for (size_t i = 0; i < m->flags.n; i++) {
		enum oci_mpol_flag flag = m->flags.v[i];
		const char *word = spec_enum_name(&oci_memory_flags, flag);

		if (flag == OCI_MPOL_F_NUMA_BALANCING
		    ? m->mode != OCI_MPOL_BIND && m->mode != OCI_MPOL_PREFERRED_MANY
		    : !p->nodes)
			return err_set(e, ERR_SPEC, "linux.memoryPolicy.flags[%zu]: %s does not go with %s%s", i, word,
				       mode, m->mode == OCI_MPOL_PREFERRED ? " without nodes" : "");
		p->mode |= numbers[flag];
		if ((p->mode & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) ==
		    (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
			return err_set(e, ERR_SPEC, "linux.memoryPolicy.flags[%zu]: %s contradicts the other flag", i,
				       word);
	}
	return 0;
}

int memory_plan(struct memory_plan *p, const struct oci_memory_policy *m, const struct host *host, struct arena *a,
		struct err *e)
{
	const struct mode *mode;
	const char *word;
	bool has_nodes;

	*p = (struct memory_plan){ 0 };
	if (!m)
		return 0;
	word = spec_enum_name(&oci_memory_modes, m->mode);
	if (!m->mode)
		return err_set(e, ERR_SPEC, "linux.memoryPolicy.mode: missing");
	mode = &modes[m->mode];
	has_nodes = m->nodes && *m->nodes;
	if (mode->major && !host_is_at_least(host, mode->major, mode->minor))
		return err_set(e, ERR_UNSUPPORTED, "linux.memoryPolicy.mode: %s needs Linux %u.%u", word, mode->major,
			       mode->minor);
	if (mode->nodes == NODES_NONE && has_nodes)
		return err_set(e, ERR_SPEC, "linux.memoryPolicy.nodes: %s takes none", word);
	if (mode->nodes == NODES_SOME && !has_nodes)
		return err_set(e, ERR_SPEC, "linux.memoryPolicy.nodes: %s needs at least one", word);
	if (has_nodes) {
		unsigned long *nodes = ARENA_ARRAY(a, unsigned long, MEMORY_NODES / (8 * sizeof(unsigned long)));

		if (!num_parse_list(m->nodes, nodes, MEMORY_NODES))
			return err_set(e, ERR_SPEC, "linux.memoryPolicy.nodes: \"%s\" is no list of nodes", m->nodes);
		p->nodes = nodes;
	}
	p->is_set = true;
	p->mode = mode->number;
	return mode_flags(p, m, e);
}
