/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of config-vm.h. */
#include "oci-spec/config-vm.h"

const struct spec_enum oci_vm_formats = { "image format", (const struct spec_name[]){
	WORD("raw", OCI_VM_RAW),
	WORD("qcow2", OCI_VM_QCOW2),
	WORD("vdi", OCI_VM_VDI),
	WORD("vmdk", OCI_VM_VMDK),
	WORD("vhd", OCI_VM_VHD),
	{} } };

SPEC_TYPE(vm_hypervisor, "hypervisor",
	VALUE (vm_hypervisor, path,       "path", REQUIRED),
	LIST  (vm_hypervisor, parameters, "parameters"));

SPEC_TYPE(vm_kernel, "kernel",
	VALUE (vm_kernel, path,       "path", REQUIRED),
	LIST  (vm_kernel, parameters, "parameters"),
	VALUE (vm_kernel, initrd,     "initrd"));

SPEC_TYPE(vm_image, "image",
	VALUE  (vm_image, path,   "path", REQUIRED),
	CHOICE (vm_image, format, "format", oci_vm_formats, REQUIRED));

SPEC_TYPE(vm_iomem, "I/O memory region",
	VALUE (vm_iomem, first_gfn, "firstGFN"),
	VALUE (vm_iomem, first_mfn, "firstMFN", REQUIRED),
	VALUE (vm_iomem, nr_mfns,   "nrMFNs", REQUIRED));

SPEC_TYPE(vm_hw_config, "hwConfig",
	VALUE       (vm_hw_config, device_tree, "deviceTree"),
	VALUE       (vm_hw_config, vcpus,       "vcpus"),
	VALUE       (vm_hw_config, memory,      "memory"),
	LIST        (vm_hw_config, dtdevs,      "dtdevs"),
	LIST_OBJECT (vm_hw_config, iomems,      "iomems", vm_iomem),
	LIST        (vm_hw_config, irqs,        "irqs"));

SPEC_TYPE(vm, "vm",
	OBJECT (vm, hypervisor, "hypervisor", vm_hypervisor),
	OBJECT (vm, kernel,     "kernel", vm_kernel, REQUIRED),
	OBJECT (vm, image,      "image", vm_image),
	OBJECT (vm, hw_config,  "hwConfig", vm_hw_config));
