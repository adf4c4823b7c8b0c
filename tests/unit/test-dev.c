/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices and links are planned. Without root, without a file system. */
#include "oci-spec/config.h"
#include "parts/dev/devices.h"
#include "unit/tap.h"

static struct arena arena = ARENA_NONE;
static struct host host = { .capabilities = ~0ull };

static const char *plan(const char *mounts, const char *devices, bool has_user_ns)
{
	const char *json = arena_printf(&arena, "{\"ociVersion\":\"1.3.0\",\"mounts\":[%s],\"linux\":{\"devices\":[%s]}}",
					mounts, devices);
	struct spec_error fault;
	struct devices_plan out;
	struct err e;
	void *c;

	if (spec_decode(&oci_config_type, json, strlen(json), &arena, &c, &fault) < 0)
		return arena_printf(&arena, "%s: %s", fault.path, fault.message);
	if (devices_plan(&out, c, has_user_ns, &host, &arena, &e) < 0)
		return arena_strdup(&arena, e.msg);
	return devices_print(&out, &arena);
}

#define DEV(type, path, major, minor) \
	"{\"type\":\"" type "\",\"path\":\"" path "\",\"major\":" #major ",\"minor\":" #minor "}"
#define DEFAULTS(how) \
	"default device: /dev/null c 1:3 0666 0:0" how "\n" "default device: /dev/zero c 1:5 0666 0:0" how "\n" \
	"default device: /dev/full c 1:7 0666 0:0" how "\n" "default device: /dev/tty c 5:0 0666 0:0" how "\n" \
	"default device: /dev/random c 1:8 0666 0:0" how "\n" "default device: /dev/urandom c 1:9 0666 0:0" how "\n"
#define LINKS \
	"link: /dev/fd -> /proc/self/fd\n" "link: /dev/stdin -> /proc/self/fd/0\n" \
	"link: /dev/stdout -> /proc/self/fd/1\n" "link: /dev/stderr -> /proc/self/fd/2\n" \
	"link: /dev/core -> /proc/kcore\n" "link: /dev/ptmx -> pts/ptmx\n"

int main(void)
{
	SAME(plan("", "", false), DEFAULTS("") LINKS, "the default devices");
	SAME(plan("", "", true), DEFAULTS(" bind") LINKS, "bound in a user namespace");
	SAME(plan("", DEV("c", "/dev//fuse", 10, 229) "," DEV("p", "/run/pipe", 0, 0) "," DEV("u", "/dev/x", 1, 2), false),
	     DEFAULTS("") "linux.devices[0]: /dev/fuse c 10:229 0666 0:0\n" "linux.devices[1]: /run/pipe p 0:0 0666 0:0\n"
	     "linux.devices[2]: /dev/x c 1:2 0666 0:0\n" LINKS, "devices of the config");
	SAME(plan("", "{\"type\":\"b\",\"path\":\"/dev/sda\",\"major\":8,\"minor\":0,\"fileMode\":25008,\"uid\":5,\"gid\":6}", false),
	     DEFAULTS("") "linux.devices[0]: /dev/sda b 8:0 0660 5:6\n" LINKS, "the type in fileMode is ignored");
	SAME(plan("", DEV("c", "/dev/a", 1, 1) "," DEV("c", "/dev/a", 1, 1), false),
	     DEFAULTS("") "linux.devices[1]: /dev/a c 1:1 0666 0:0\n" LINKS, "the same device twice: the last one");
	SAME(plan("", DEV("c", "/dev/a", 1, 1) "," DEV("c", "/dev/./a", 1, 2), false),
	     "linux.devices[1].path: \"/dev/a\" is already another device (linux.devices[0])", "a conflict");
	SAME(plan("", DEV("c", "/dev/null", 1, 5), false),
	     "linux.devices[0].path: \"/dev/null\" is already another device (default device)", "another /dev/null");
	SAME(plan("", DEV("c", "/dev/ptmx", 5, 2), false), DEFAULTS("") LINKS, "ptmx is of the container's devpts");
	SAME(plan("", DEV("x", "/dev/a", 1, 1), false), "linux.devices[0].type: not a type of device: \"x\"", "a type");
	SAME(plan("", DEV("c", "dev/a", 1, 1), false), "linux.devices[0].path: not an absolute path of a file: \"dev/a\"",
	     "a relative path");
	SAME(plan("", DEV("c", "/dev/../a", 1, 1), false),
	     "linux.devices[0].path: not an absolute path of a file: \"/dev/../a\"", "a path that climbs");
	SAME(plan("", DEV("c", "/dev/a", -1, 1), false), "linux.devices[0].major: not in 0..4095: -1", "a number");
	SAME(plan("{\"destination\":\"/dev/\",\"type\":\"none\",\"source\":\"/dev\",\"options\":[\"rbind\"]}",
		  DEV("c", "/dev/fuse", 10, 229) "," DEV("c", "/fuse", 10, 229), false),
	     "linux.devices[0]: /dev/fuse c 10:229 0666 0:0 not ours\n" "linux.devices[1]: /fuse c 10:229 0666 0:0\n",
	     "nothing is made in a /dev that was bound");
	return tap_done();
}
