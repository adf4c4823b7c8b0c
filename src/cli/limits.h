/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that one option names one of: a device and its rate, a page size and its limit.  Texts of the command line become
 * entries of the lists of linux.resources, behind those that are there.  OPTION: its name, for messages (ERR_USAGE).
 */
#pragma once

#include "base/arena.h"
#include "cli/options.h"
#include "oci-spec/config-linux.h"

/* "8:0=500", "/dev/sda=500" */
int limits_weights(oci_weight_device_list *, const struct words *, const char *option, struct arena *, struct err *);
/* "8:0=1M"; IS_SIZE: the rate may have a unit. */
int limits_rates(oci_throttle_device_list *, const struct words *, const char *option, bool is_size, struct arena *,
		 struct err *);
/* "2MB=1G" */
int limits_huge_pages(oci_hugepage_limit_list *, const struct words *, const char *option, struct arena *, struct err *);
/* "mlx5_0=10:2000", one of both numbers may be missing */
int limits_rdma(oci_rdma_list *, const struct words *, const char *option, struct arena *, struct err *);
/* "memory.high=1000" */
int limits_unified(str_map *, const struct words *, const char *option, struct arena *, struct err *);
/* "allow c 10:229 rwm", "deny b 8:*", "deny a" */
int limits_rules(oci_device_rule_list *, const struct words *, const char *option, struct arena *, struct err *);
