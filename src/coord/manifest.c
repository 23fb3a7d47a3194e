/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/manifest.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/json.h"
#include "host/procid.h"
#include "res/policy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* PID.img -> pid; 0 for any other name. */
static pid_t manifest_image_pid(const char *name)
{
	const char *p = name, *end = name + strlen(name);
	uint64_t pid;

	if (!text_scan(&p, end, 10, &pid) || !text_equal(p, ".img") || pid > INT32_MAX)
		return 0;
	return (pid_t)pid;
}

static int manifest_image_order(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

enum { MANIFEST_IMAGES_MAX = 1 << 20, MANIFEST_ARGV_MAX = 131072 };

/* Pids of all images in @dirfd, ascending; malloc'd. */
static pid_t *manifest_scan(int dirfd, size_t *n)
{
	int fd = openat(dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	pid_t *pids = NULL, *grown, pid;
	struct dirent *d;

	*n = 0;
	if (!dir) {
		owned_fd_done(&fd);
		return NULL;
	}
	while ((d = readdir(dir)) && *n < MANIFEST_IMAGES_MAX) {
		pid = manifest_image_pid(d->d_name);
		grown = pid ? realloc(pids, (*n + 1) * sizeof(*pids)) : NULL;
		if (!grown)
			continue;
		pids = grown;
		pids[(*n)++] = pid;
	}
	closedir(dir);
	if (pids)
		qsort(pids, *n, sizeof(*pids), manifest_image_order);
	return pids;
}

static json_t *manifest_list_images(int dirfd, pid_t root)
{
	OWNED_PTR pid_t *pids = NULL;
	json_t *list = json_array();
	char name[32];
	struct stat st;
	size_t n;

	pids = manifest_scan(dirfd, &n);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d.img", pids[i]);
		if (fstatat(dirfd, name, &st, 0))
			continue;
		json_array_append_new(list,
				      json_pack("{sisssIsb}", "pid", pids[i], "file", name, "bytes",
						(json_int_t)st.st_size, "root", pids[i] == root));
	}
	return list;
}

/* The program's words, as it has them now; bytes that are not UTF-8 are shown as '?'. */
static json_t *manifest_argv(pid_t root)
{
	OWNED_PTR char *buf = malloc(MANIFEST_ARGV_MAX);
	json_t *argv = json_array(), *word;
	OWNED_FD int fd = -1;
	char path[32];
	ssize_t n;

	procid_path(path, sizeof(path), root, "cmdline");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 || !buf ? -1 : read(fd, buf, MANIFEST_ARGV_MAX - 1);
	if (n <= 0)
		return argv;
	buf[n] = '\0';
	for (char *p = buf; p < buf + n; p += strlen(p) + 1) {
		word = json_string(p);
		for (char *c = p; !word && *c; c++)
			*c = *c < 0 ? '?' : *c;
		json_array_append_new(argv, word ? word : json_string(p));
	}
	return argv;
}

static void manifest_put_result(json_t *m, const struct ckpt_result *r)
{
	json_object_set_new(m, "processes", json_integer(r->processes));
	json_object_set_new(m, "threads", json_integer(r->threads));
	json_object_set_new(m, "memory_bytes", json_integer((json_int_t)r->memory_bytes));
	json_object_set_new(m, "image_bytes", json_integer((json_int_t)r->image_bytes));
	json_object_set_new(m, "park_seconds", json_seconds(r->park_ns));
	json_object_set_new(m, "pause_seconds", json_seconds(r->pause_ns));
	json_object_set_new(m, "write_seconds", json_seconds(r->write_ns));
}

static void manifest_put_time(json_t *m, int64_t taken_ns)
{
	time_t seconds = (time_t)(taken_ns / 1000000000);
	char text[40];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	json_object_set_new(m, "time", json_seconds(taken_ns));
	json_object_set_new(m, "time_text", json_string(text));
}

static json_t *manifest_list_policies(const struct res_policies *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		OWNED_PTR char *text = res_policy_text(&p->at[i]);

		json_array_append_new(list, json_text(text ? text : ""));
	}
	return list;
}

static void manifest_put_options(json_t *m, const struct agent_options *o)
{
	if (o->policies.n)
		json_object_set_new(m, "file_policies", manifest_list_policies(&o->policies));
	if (o->close_outside)
		json_object_set_new(m, "net_outside", json_string("close"));
	if (o->skip_uncontrolled)
		json_object_set_new(m, "ignore_uncontrolled", json_true());
}

char *manifest_text(const struct manifest_source *s, int dirfd, struct err *err)
{
	OWNED_JSON json_t *m = json_document();
	char host[256] = "";
	char *text;

	gethostname(host, sizeof(host) - 1);
	json_object_set_new(m, "cairn", json_string(CAIRN_VERSION));
	json_object_set_new(m, "name", json_string(s->name));
	json_object_set_new(m, "generation", json_integer(s->number));
	json_object_set_new(m, "reason", json_string(s->reason));
	json_object_set_new(m, "stopped", json_boolean(s->stopped));
	json_object_set_new(m, "host", json_string(host));
	json_object_set_new(m, "root", json_integer(s->root));
	json_object_set_new(m, "argv", manifest_argv(s->root));
	manifest_put_time(m, s->taken_ns);
	manifest_put_result(m, s->result);
	manifest_put_options(m, s->options);
	if (s->uncontrolled)
		json_object_set(m, "uncontrolled", s->uncontrolled);
	json_object_set_new(m, "images", manifest_list_images(dirfd, s->root));
	text = json_to_text(m);
	if (!text)
		err_set(err, ENOMEM, "manifest");
	return text;
}

json_t *manifest_load(const char *dir, struct err *err)
{
	OWNED_PTR char *path = NULL;
	json_error_t je;
	json_t *m;

	if (asprintf(&path, "%s/manifest.json", dir) < 0) {
		err_set(err, ENOMEM, "manifest of '%s'", dir);
		return NULL;
	}
	if (access(path, R_OK)) {
		err_set(err, errno, "'%s' is not a complete generation: manifest.json", dir);
		return NULL;
	}
	m = json_load_file(path, 0, &je);
	if (!m) {
		err_say(err, EBADMSG, "'%s' is damaged: line %d: %s", path, je.line, je.text);
		return NULL;
	}
	if (json_get_int(m, "schema", 0) != JSON_SCHEMA || !manifest_images(m)) {
		err_say(err, EBADMSG,
			"'%s' is damaged or of another version: schema %d, %zu images", path,
			(int)json_get_int(m, "schema", 0), manifest_images(m));
		json_decref(m);
		return NULL;
	}
	return m;
}

static int manifest_policies(const json_t *m, struct res_policies *policies, struct err *err)
{
	const json_t *list = json_object_get(m, "file_policies");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (res_policies_add(policies, text ? text : "", err) < 0)
			return err_add(err, "manifest.json, file_policies");
	}
	return 0;
}

int manifest_options(const json_t *m, struct agent_options *o, struct err *err)
{
	if (!o->outside_given)
		o->close_outside = !strcmp(json_get_string(m, "net_outside", ""), "close");
	if (!o->skip_given)
		o->skip_uncontrolled = json_get_bool(m, "ignore_uncontrolled");
	return o->policies.n ? 0 : manifest_policies(m, &o->policies, err);
}

size_t manifest_images(const json_t *m)
{
	const json_t *list = json_object_get(m, "images");
	size_t n = json_array_size(list);

	/* One bad entry makes the whole list worthless. */
	for (size_t i = 0; i < n; i++)
		if (!manifest_image_pid(json_get_string(json_array_get(list, i), "file", "")))
			return 0;
	return n;
}

const char *manifest_image(const json_t *m, size_t index)
{
	return json_get_string(json_array_get(json_object_get(m, "images"), index), "file", "");
}
