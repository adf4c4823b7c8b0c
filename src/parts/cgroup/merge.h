/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which limits a container has after `update`: those of config.json and of the updates before, with what is
 * asked now in their place, member by member.  Pure; in husk, for what the record keeps.
 */
#pragma once

#include "base/arena.h"
#include "oci-spec/config-linux.h"

/*
 * OUT: NOW (NULL: none) overlaid by ASKED.  What limits.h takes as "not set" changes nothing; entries of lists
 * replace those with the same device, page size, interface or file.  Device rules, when ASKED has
 * some, replace all.  Strings and lists stay shared with both.
 */
void cgroup_merge(struct oci_resources *out, const struct oci_resources *now, const struct oci_resources *asked,
		  struct arena *);

/*
 * Device rules of `update`: MORE behind RULES, where each of RULES that a later one of MORE speaks about as a whole is dropped,
 * so that the list does not grow for ever.
 */
void cgroup_add_rules(oci_device_rule_list *out, const oci_device_rule_list *rules, const oci_device_rule_list *more,
		      struct arena *);
