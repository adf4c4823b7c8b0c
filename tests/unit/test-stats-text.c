/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics as texts: /proc/PID/net/dev read, JSON and OpenMetrics written. */
#include "base/own.h"
#include "parts/cgroup/stats.h"
#include "unit/tap.h"

static const char dev[] =
	"Inter-|   Receive                                                |  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	"    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n"
	"  eth0: 1234567   89012    3    4    5     6          7         8 18446744073709551000 10 11   12   13    14      15         16\n"
	"veth-a:9 8 7 6 5 4 3 2 1 0 9 8 7 6 5 4\n";

static void network(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct cgroup_stats s = {};

	cgroup_stats_network(&s, dev, &a);
	OK(s.network.n == 2, "two interfaces, without lo and the headings");
	SAME(s.network.v[0].name, "eth0", "the name");
	OK(s.network.v[0].rx_bytes == 1234567 && s.network.v[0].rx_packets == 89012 && s.network.v[0].rx_errors == 3 &&
	   s.network.v[0].rx_dropped == 4, "what came");
	OK(s.network.v[0].tx_packets == 10 && s.network.v[0].tx_errors == 11 && s.network.v[0].tx_dropped == 12, "what went");
	OK(s.network.v[1].rx_bytes == 9 && s.network.v[1].tx_bytes == 1, "a name that leaves no blank behind its colon");
	OK(strstr(cgroup_stats_json(&s, &a), "{\"Name\":\"eth0\",\"RxBytes\":1234567,\"RxPackets\":89012,\"RxErrors\":3,\"RxDropped\":4,") != NULL,
	   "spelled as runc spells it");
	cgroup_stats_network(&s, "", &a);
	OK(s.network.n == 0, "nothing of nothing");
	cgroup_stats_network(&s, "x:", &a);
	OK(s.network.n == 1 && s.network.v[0].tx_dropped == 0, "a line that is cut has zeros");
}

static void metrics(void)
{
	AUTO(arena) a = ARENA_NONE;
	struct stat_io io[] = { { 8, 0, "Read", 4096 }, { 8, 0, "Total", 4096 } };
	struct cgroup_stats s[2] = {};
	const char *const ids[] = { "one", "a\"b\\c\nd" };
	const char *text;

	s[0].cpu.total = 1500000001;
	s[0].memory.usage.limit = UINT64_MAX;
	s[0].blkio.service_bytes.v = io;
	s[0].blkio.service_bytes.n = 2;
	s[0].cpu.psi.some.set = true;
	s[0].cpu.psi.some.total = 2000003;
	s[1].memory.usage.limit = 77;
	text = cgroup_stats_metrics(s, ids, 2, &a);
	OK(strstr(text, "# UNIT husk_container_cpu_usage_seconds seconds\n") != NULL, "units are said");
	OK(strstr(text, "husk_container_cpu_usage_seconds_total{id=\"one\"} 1.500000001\n"
		  "husk_container_cpu_usage_seconds_total{id=\"a\\\"b\\\\c\\nd\"} 0.000000000\n") != NULL,
	   "the samples of a family stand together, times are seconds, labels are escaped");
	OK(strstr(text, "memory_limit_bytes{id=\"one\"") == NULL && strstr(text, "memory_limit_bytes{id=\"a\\\"b\\\\c\\nd\"} 77\n") != NULL,
	   "a limit that is none has no sample");
	OK(strstr(text, "husk_container_io_bytes_total{id=\"one\",device=\"8:0\",operation=\"read\"} 4096\n") != NULL &&
	   strstr(text, "operation=\"total\"") == NULL, "sums are no operations");
	OK(strstr(text, "pressure_seconds_total{id=\"one\",resource=\"cpu\",stalled=\"some\"} 2.000003\n") != NULL, "pressure is seconds, too");
	OK(strstr(cgroup_stats_metrics(NULL, NULL, 0, &a), "{") == NULL, "no container, no sample");
}

int main(void)
{
	network();
	metrics();
	return tap_done();
}
