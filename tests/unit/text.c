/* SPDX-License-Identifier: Apache-2.0 */
/* base/text: formatting, scanning, and errors built from them. */
#include "unit.h"

#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>

static void check_format(void)
{
	char buf[64];

	text_format(buf, sizeof(buf), "%d %s %x %c%%", -5, "abc", 255U, 'z');
	CHECK_STR(buf, "-5 abc ff z%");
	text_format(buf, sizeof(buf), "%08llx|%-4u|%4u", 0xabcULL, 7U, 7U);
	CHECK_STR(buf, "00000abc|7   |   7");
	text_format(buf, sizeof(buf), "%.*s|%.2s", 3, "abcdef", "xyz");
	CHECK_STR(buf, "abc|xy");
	text_format(buf, sizeof(buf), "%zu %lld", SIZE_MAX, LLONG_MIN);
	CHECK_STR(buf, "18446744073709551615 -9223372036854775808");
	CHECK_INT(text_format(buf, 4, "%s", "abcdef"), 3);
	CHECK_STR(buf, "abc");
}

static void check_scan(void)
{
	const char *text = "7f0012ab rest", *s = text;
	uint64_t v = 0;

	CHECK(text_scan(&s, text + strlen(text), 16, &v));
	CHECK_INT(v, 0x7f0012ab);
	CHECK_INT(s - text, 8);
	CHECK(!text_scan(&s, text + strlen(text), 10, &v));
	CHECK_INT(s - text, 8);
	CHECK(text_number("18446744073709551615", &v));
	CHECK(v == UINT64_MAX);
	CHECK(!text_number("18446744073709551616", &v));
	CHECK(!text_number("12a", &v));
	CHECK(!text_number("", &v));
}

static void check_strings(void)
{
	char buf[4], dropped[] = "/a (deleted)";

	CHECK(text_starts("gen-000001", "gen-"));
	CHECK(!text_starts("ge", "gen-"));
	CHECK(text_ends("gen-000001.partial", ".partial"));
	CHECK(!text_ends("l", ".partial"));
	CHECK(text_drop_end(dropped, " (deleted)") && text_equal(dropped, "/a"));
	CHECK(!text_drop_end(dropped, " (deleted)") && text_equal(dropped, "/a"));
	CHECK(text_copy(buf, sizeof(buf), "abc"));
	CHECK(!text_copy(buf, sizeof(buf), "abcd"));
	CHECK_STR(buf, "abc");
}

static void check_errors(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(err_set(&err, -ENOENT, "open '%s'", "/x"), -ENOENT);
	CHECK_STR(err.msg, "open '/x': No such file or directory");
	CHECK_INT(err_add(&err, "restart of pid %d", 7), -ENOENT);
	CHECK_STR(err.msg, "restart of pid 7: open '/x': No such file or directory");
	CHECK_INT(err_say(&err, EPERM, "no"), -EPERM);
	CHECK_STR(err.msg, "no");
	CHECK_INT(err_set(NULL, EIO, "nobody listens"), -EIO);
}

int main(void)
{
	check_format();
	check_scan();
	check_strings();
	check_errors();
	return unit_result();
}
