/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of hostile images. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/own.h"
#include "sys/accounts.h"
#include "sys/fd.h"
#include "unit/tap.h"

static int dir;
static struct root root;

static void put(const char *name, const char *text)
{
	struct err e;

	unlinkat(dir, name, 0);
	if (file_replace_at(dir, name, text, strlen(text), 0644, &e) < 0)
		printf("# %s\n", e.msg);
}

static void link_to(const char *target, const char *name)
{
	if (symlinkat(target, dir, name) < 0)
		printf("# cannot link %s\n", name);
}

static const char *home_of(uid_t uid)
{
	static char home[64];
	struct err e = { 0 };
	int ret = accounts_home(&root, uid, home, sizeof(home), &e);

	return ret == 1 ? home : ret == 0 ? "none" : "error";
}

static void test_home(void)
{
	SAME(home_of(0), "none", "without a file there is no home");
	put("etc/passwd", "# comment\n\nroot:x:0:0:root:/root:/bin/sh\nbad\nu:x:1000:1000\nv:x:1000:1000::/home/v:\n"
			  "rel:x:5:5::home:/x\nneg:x:-1:0::/neg:\nlast:x:7:7::/last");
	SAME(home_of(0), "/root", "root's");
	SAME(home_of(7), "/last", "the last line needs no end");
	SAME(home_of(5), "none", "a relative one is none");
	SAME(home_of(1000), "none", "the first entry counts, though it has none");
	SAME(home_of(8), "none", "an unknown user has none");
	{
		char line[3000];

		memset(line, 'x', sizeof(line) - 1);
		line[sizeof(line) - 1] = '\0';
		memcpy(line, "a:x:9:9:", 8);
		snprintf(line + 2900, 100, "\nb:x:10:1::/b:\n");
		put("etc/passwd", line);
		SAME(home_of(9), "none", "a very long line has no end for us");
		SAME(home_of(10), "/b", "but does not hide the next");
		snprintf(line, sizeof(line), "c:x:11:1::/%0100d:\n", 1);
		put("etc/passwd", line);
		SAME(home_of(11), "none", "a home that does not fit is none");
	}
}

static void test_hostile(void)
{
	AUTO_FD int fd = -EBADF;

	unlinkat(dir, "etc/passwd", 0);
	mkfifoat(dir, "etc/passwd", 0644);
	SAME(home_of(0), "none", "a FIFO does not block");
	unlinkat(dir, "etc/passwd", 0);
	mkdirat(dir, "etc/passwd", 0755);
	SAME(home_of(0), "none", "a directory");
	unlinkat(dir, "etc/passwd", AT_REMOVEDIR);
	link_to("/etc/passwd", "etc/passwd");
	SAME(home_of(0), "none", "a link to itself");
	unlinkat(dir, "etc/passwd", 0);
	link_to("../../../../../../../etc/passwd", "etc/passwd");
	SAME(home_of(0), "none", "a link cannot lead to the host's");
	unlinkat(dir, "etc/passwd", 0);
	put("real", "root:x:0:0::/linked:\n");
	link_to("/real", "etc/passwd");
	SAME(home_of(0), "/linked", "but to another file of the image");
	unlinkat(dir, "etc/passwd", 0);
	unlinkat(dir, "real", 0);
	fd = openat(dir, "etc/passwd", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (ftruncate(fd, 10ll << 30) < 0)
		printf("# no sparse files here\n");
	SAME(home_of(0), "none", "10 GiB of nothing are given up");
	unlinkat(dir, "etc/passwd", 0);
}

#define NOT_SET 4000000000u

static const char *resolved(const char *spec)
{
	static char buf[256];
	struct err e = { 0 };
	uid_t uid = NOT_SET;
	gid_t gid = NOT_SET;

	if (accounts_resolve(&root, spec, &uid, &gid, &e) < 0)
		snprintf(buf, sizeof(buf), "%.200s", e.msg);
	else
		snprintf(buf, sizeof(buf), "%u:%u", uid, gid);
	return buf;
}

static void test_resolve(void)
{
	static const char *const wrong[] = {
		"", ":", "1:", ":1", "-1", "+1", " 1", "1 ", "0x1", "1e3", "4294967295", "4294967296",
		"18446744073709551616", "1:-1", "1:4294967295", "1:2:3", "a b", "../x", "nobody:none", "-",
	};

	put("etc/passwd", "root:x:0:0::/root:\n1000:x:0:0::/:\nuser:x:1001:100::/:\nodd:x:4294967296:0::/:\n");
	put("etc/group", "root:x:0:\nstaff:x:50:user,other\n100:x:0:\n");
	SAME(resolved("root"), "0:0", "a name");
	SAME(resolved("user"), "1001:100", "a name has a primary group");
	SAME(resolved("user:staff"), "1001:50", "unless another is given");
	SAME(resolved("1001"), "1001:100", "a number has one too");
	SAME(resolved("1000"), "1000:4000000000", "digits are a number, though a user is called so");
	SAME(resolved("5:100"), "5:100", "also of groups");
	SAME(resolved("4294967294:0"), "4294967294:0", "the largest");
	SAME(resolved("odd"), "no user \"odd\" in rootfs", "an entry with a number out of range is none");
	SAME(resolved("nobody"), "no user \"nobody\" in rootfs", "unknown");
	SAME(resolved("user:nogroup"), "no group \"nogroup\" in rootfs", "unknown group");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		OK(resolved(wrong[i])[0] == '"' || resolved(wrong[i])[0] == 'n', "\"%s\" is refused: %s", wrong[i],
		   resolved(wrong[i]));
	unlinkat(dir, "etc/passwd", 0);
	SAME(resolved("7:8"), "7:8", "numbers need no file");
	SAME(resolved("7"), "7:4000000000", "a lone one neither");
}

static void test_subids(const char *work)
{
	char file[128];
	struct err e = { 0 };
	unsigned first = 0, count = 0;

	snprintf(file, sizeof(file), "%s/subuid", work);
	OK(accounts_subids(file, 1000, "u", &first, &count, &e) == 0, "no file, no range");
	put("subuid", "other:1:1\nu:x:5\nu:100000:0\nu:4294967290:10\nu:100000:65536\n2000:7:9\n");
	OK(accounts_subids(file, 1000, "u", &first, &count, &e) == 1 && first == 100000 && count == 65536, "by name");
	OK(accounts_subids(file, 2000, NULL, &first, &count, &e) == 1 && first == 7 && count == 9, "by number");
	OK(accounts_subids(file, 3000, "v", &first, &count, &e) == 0, "none");
	unlinkat(dir, "subuid", 0);
}

int main(void)
{
	char work[] = "/tmp/husk-accounts-XXXXXX";

	if (!mkdtemp(work))
		abort();
	dir = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root = (struct root){ dir, "rootfs" };
	mkdirat(dir, "etc", 0755);
	test_home();
	test_hostile();
	test_resolve();
	test_subids(work);
	unlinkat(dir, "etc/group", 0);
	unlinkat(dir, "etc", AT_REMOVEDIR);
	close(dir);
	rmdir(work);
	return tap_done();
}
