/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what config-vm.md of the runtime-spec 1.3 describes. */
#pragma once

#include "oci-spec/spec.h"

enum oci_vm_format {
	OCI_VM_RAW = 1, OCI_VM_QCOW2, OCI_VM_VDI, OCI_VM_VMDK, OCI_VM_VHD,
};

struct oci_vm_hypervisor { const char *path; str_list parameters; };
struct oci_vm_kernel { const char *path; str_list parameters; const char *initrd; };
struct oci_vm_image { const char *path; enum oci_vm_format format; };

struct oci_vm_iomem { struct opt_u64 first_gfn; uint64_t first_mfn, nr_mfns; };
typedef LIST_OF(struct oci_vm_iomem) oci_vm_iomem_list;

struct oci_vm_hw_config {
	const char *device_tree;
	struct opt_u32 vcpus;
	struct opt_u64 memory;                  /* bytes */
	str_list dtdevs;
	oci_vm_iomem_list iomems;
	LIST_OF(uint32_t) irqs;
};

struct oci_vm {
	struct oci_vm_hypervisor *hypervisor;
	struct oci_vm_kernel *kernel;
	struct oci_vm_image *image;
	struct oci_vm_hw_config *hw_config;
};

extern const struct spec_type oci_vm_type;
extern const struct spec_enum oci_vm_formats;
