/* SPDX-License-Identifier: Apache-2.0 */
/* job: times as batch systems write them, signals by name, intervals. */
#include "unit.h"

#include "job/contract.h"
#include "job/interval.h"
#include "job/walltime.h"

#include <signal.h>
#include <stdint.h>

static long long seconds(const char *text)
{
	int64_t s = -1;

	return walltime_parse(&s, text) ? s : -1;
}

static void test_walltime(void)
{
	static const int64_t some[] = { 0,     1,     59,	   3600,	86399,
					86400, 90061, 365 * 86400, WALLTIME_MAX };
	static const char *const wrong[] = { "",
					     "UNLIMITED",
					     "-",
					     "1-",
					     ":",
					     "1:",
					     "1:2:3:4",
					     "a",
					     "1 ",
					     "1-2-3",
					     "12h",
					     "-1",
					     "99999999999999999999",
					     "1-0x2" };

	CHECK_INT(seconds("90"), 5400);
	CHECK_INT(seconds("10:30"), 630);
	CHECK_INT(seconds("12:00:00"), 43200);
	CHECK_INT(seconds("2-12"), 2 * 86400 + 43200);
	CHECK_INT(seconds("2-12:30"), 2 * 86400 + 45000);
	CHECK_INT(seconds("2-12:00:01"), 2 * 86400 + 43201);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_INT(seconds(wrong[i]), -1);
	CHECK_STR(walltime_write(3661).s, "01:01:01");
	CHECK_STR(walltime_write(90061).s, "1-01:01:01");
	CHECK_STR(walltime_write(-5).s, "00:00:00");
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		CHECK_INT(seconds(walltime_write(some[i]).s), some[i]);
}

static uint64_t mask(const char *text)
{
	const char *bad;
	uint64_t m = 0;

	return contract_signals(&m, text, &bad) ? m : 0;
}

static void test_signals(void)
{
	const uint64_t term = 1ull << (SIGTERM - 1), usr1 = 1ull << (SIGUSR1 - 1);

	CHECK(mask("TERM") == term);
	CHECK(mask("SIGTERM,USR1") == (term | usr1));
	CHECK(mask("15,10") == (term | usr1));
	CHECK(mask("") == 0 && mask("TERM,") == 0 && mask("USR") == 0 && mask("TERMS") == 0);
	CHECK(mask("KILL") == 0 && mask("STOP") == 0 && mask("CHLD") == 0 && mask("0") == 0);
	CHECK(mask("SIG") == 0 && mask("64") == 0 && mask("TERM USR1") == 0);
}

static void test_contracts(void)
{
	CHECK_INT(contract_find("slurm")->stopped_status, 99);
	CHECK_INT(contract_find("htcondor")->stopped_status, 85);
	CHECK_INT(contract_find("sge")->stopped_status, 99);
	CHECK_INT(contract_find("plain")->stopped_status, 99);
	CHECK(!contract_find("lsf"));
}

static void test_interval(void)
{
	unsigned int n = interval_best(10, 86400);

	/* Young: 1315 s; Daly's terms take off the cost and add a little. */
	CHECK(n > 1290 && n < 1330);
	CHECK(interval_best(40, 86400) > n && interval_best(10, 8640) < n);
	CHECK_INT(interval_best(0.001, 1), 1);
	CHECK_INT(interval_best(1000, 100), 100);
	CHECK_INT(interval_best(0, 100), 86400);
	CHECK_INT(interval_best(1e6, 1e9), 86400);
	CHECK(interval_mtbf(0, 0) > 86000 && interval_mtbf(86400, 3) < 86400);
	CHECK(interval_allow(0) >= 1 && interval_allow(100) > 120);
}

int main(void)
{
	test_walltime();
	test_signals();
	test_contracts();
	test_interval();
	return unit_result();
}
