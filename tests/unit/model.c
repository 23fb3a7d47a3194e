/* SPDX-License-Identifier: Apache-2.0 */
/* image/model: growing arrays, the data pool, finding files. */
#include "unit.h"

#include "image/model.h"

#include <errno.h>
#include <stdint.h>

static void check_arrays(void)
{
	struct model m;

	model_init(&m);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t *g = model_add(&m.groups);

		if (!CHECK(g != NULL))
			return;
		CHECK_INT(*g, 0);
		*g = i;
	}
	CHECK_INT(m.groups.n, 1000);
	CHECK(m.groups.room >= 1000);
	for (uint32_t i = 0; i < 1000; i++)
		CHECK_INT(m.groups.at[i], i);
	model_done(&m);
	CHECK_INT(m.groups.n, 0);
	model_done(&m); /* twice is fine */
}

static void check_pool(void)
{
	struct img_ref a, b, c, none = { 5, 5 };
	struct model m;

	model_init(&m);
	CHECK_INT(model_put_string(&m, &none, ""), 0);
	CHECK_INT(none.len, 0);
	CHECK_STR(model_string(&m, none), "");
	CHECK(!model_bytes(&m, none));
	CHECK_INT(model_put_string(&m, &a, "abc"), 0);
	CHECK_INT(a.len, 4);
	CHECK_INT(model_put_bytes(&m, &b, "\1\2\3", 3), 0);
	CHECK_INT(b.off % 8, 0);
	CHECK_INT(model_put_string(&m, &c, "def"), 0);
	CHECK_STR(model_string(&m, a), "abc");
	CHECK_STR(model_string(&m, c), "def");
	CHECK(!memcmp(model_bytes(&m, b), "\1\2\3", 3));
	CHECK_INT(m.data.at[a.off + a.len], 0); /* the gap is zero, not what malloc had */
	CHECK_INT(model_put_bytes(&m, &a, "x", (size_t)UINT32_MAX + 1), -EFBIG);
	CHECK_INT(a.len, 0);
	CHECK_INT(model_put_bytes(&m, &a, "x", UINT32_MAX), -EFBIG);
	model_done(&m);
}

static void check_files(void)
{
	struct img_file *f;
	struct model m;

	model_init(&m);
	f = model_add(&m.files);
	f->id = 7;
	f = model_add(&m.files);
	f->id = 9;
	CHECK(model_file(&m, 9) == &m.files.at[1]);
	CHECK(model_file(&m, 7) == &m.files.at[0]);
	CHECK(!model_file(&m, 8));
	CHECK(!model_file(&m, 0));
	model_done(&m);
}

int main(void)
{
	check_arrays();
	check_pool();
	check_files();
	return unit_result();
}
