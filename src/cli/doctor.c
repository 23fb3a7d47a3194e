/* SPDX-License-Identifier: Apache-2.0 */
/* cairn doctor: what this machine allows, found out by trying. */
#include "base/owned.h"
#include "base/text.h"
#include "cli/ckptdir.h"
#include "cli/command.h"
#include "cli/doctor_checks.h"
#include "cli/images.h"
#include "ckpt/checkpoint.h"
#include "coord/client.h"
#include "coord/streams.h"
#include "host/json.h"
#include "host/proc.h"
#include "restart/restart.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DOCTOR_TEND_MS = 2000 };

struct doctor {
	struct options_common common;
	const char *patient; /* process, computation, checkpoint; NULL: the machine alone */
};

static error_t doctor_parse(int key, char *arg, struct argp_state *state)
{
	struct doctor *d = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &d->common;
		return 0;
	case ARGP_KEY_ARG:
		if (d->patient)
			argp_error(state, "one process, computation or checkpoint at a time");
		d->patient = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp doctor_argp = {
	.parser = doctor_parse,
	.args_doc = "[PID | NAME | DIR | DIR/gen-NNNNNN]",
	.doc = "Find out, by trying, what this machine allows: tracing, each way to get process "
	       "ids back, what "
	       "makes checkpoints fast, the checkpoint directory's disk; and what would stop a "
	       "checkpoint of "
	       "a process or computation, or a restart of a checkpoint.\vExit status 1 if programs "
	       "cannot be "
	       "checkpointed and restarted here, or not the one that is named.",
	.children = options_with_json,
};

static const struct doctor_check {
	const char *name;
	doctor_check_fn *run;
	bool needed; /* without it Cairn is of no use here */
} doctor_checks[] = {
	{ "ptrace", doctor_ptrace, true },
	{ "process_vm", doctor_process_vm, true },
	{ "ids_direct", doctor_ids_direct, false },
	{ "ids_namespace", doctor_ids_namespace, false },
	{ "ids_cycle", doctor_ids_cycle, false },
	{ "time_namespace", doctor_time_namespace, false },
	{ "private_proc", doctor_private_proc, false },
	{ "seccomp", doctor_seccomp, false },
	{ "kcmp", doctor_kcmp, false },
	{ "pagemap_scan", doctor_pagemap_scan, false },
	{ "userfaultfd", doctor_userfaultfd, false },
	{ "io_uring", doctor_io_uring, false },
	{ "restore_mm", doctor_mm_map, true },
};

static void doctor_put(json_t *list, const char *name, const struct doctor_result *r, bool needed)
{
	static const char *const words[] = { "no", "yes", "limited" };
	json_t *entry = json_object();

	json_object_set_new(entry, "name", json_string(name));
	json_object_set_new(entry, "answer", json_string(words[r->answer]));
	json_object_set_new(entry, "needed", json_boolean(needed));
	json_object_set_new(entry, "detail", json_string_nocheck(r->detail));
	json_array_append_new(list, entry);
}

/* Returns whether all that is needed is there. */
static bool doctor_examine(json_t *list)
{
	bool well = true, ids = false;

	for (size_t i = 0; i < sizeof(doctor_checks) / sizeof(doctor_checks[0]); i++) {
		const struct doctor_check *c = &doctor_checks[i];
		struct doctor_result r = { .answer = DOCTOR_NO };

		c->run(&r);
		doctor_put(list, c->name, &r, c->needed);
		well = well && (r.answer != DOCTOR_NO || !c->needed);
		ids = ids || (r.answer == DOCTOR_YES && !strncmp(c->name, "ids_", 4));
	}
	return well && ids;
}

static bool doctor_examine_generation(json_t *report, const char *path)
{
	struct restart_options options = { .std_fds = { 0, 1, 2 } };
	struct err err = ERR_INIT;
	struct images images;
	bool well;

	json_object_set_new(report, "checkpoint", json_string_nocheck(path));
	well = images_open_newest(&images, path, false, &err) >= 0;
	if (well) {
		json_object_set_new(report, "checkpoint", json_string_nocheck(images.path));
		well = restart_check(images.at, images.n, &options, &err) >= 0;
		images_close(&images);
	}
	json_object_set_new(report, "restartable", json_boolean(well));
	if (!well)
		json_object_set_new(report, "obstacle", json_string_nocheck(err.msg));
	return well;
}

/*
 * A checkpoint but for the writing: whatever stands in the way says so, and the program runs on. Its standard
 * streams may lead outside, as they may for an agent.
 */
static int doctor_try_checkpoint(pid_t pid, struct err *err)
{
	struct res_stream streams[3];
	struct streams of_program;
	struct park_memory *memory = NULL;
	struct notes notes = { 0 };
	struct ckpt *ckpt = NULL;
	struct ckpt_options o = { .root = pid, .streams = streams, .nstreams = 3, .notes = &notes };
	int rc = park_memory_create(&memory, err);

	streams_of_program(&of_program, pid);
	streams_tell(&of_program, streams);
	if (rc >= 0)
		rc = ckpt_begin(&ckpt, &o, memory, err);
	ckpt_close(ckpt);
	/* What could not be let go at once; our end lets go of the rest. */
	for (int ms = 0; !park_tend(memory) && ms < DOCTOR_TEND_MS; ms++)
		poll(NULL, 0, 1);
	park_memory_destroy(memory);
	notes_done(&notes);
	return rc;
}

static bool doctor_examine_process(json_t *report, pid_t pid)
{
	struct err err = ERR_INIT;
	bool well;

	json_object_set_new(report, "process", json_integer(pid));
	well = doctor_try_checkpoint(pid, &err) >= 0;
	json_object_set_new(report, "checkpointable", json_boolean(well));
	if (!well)
		json_object_set_new(report, "obstacle", json_string_nocheck(err.msg));
	return well;
}

/* The process that @text means: its number, or the computation whose root it is; 0: none. */
static pid_t doctor_process(const char *text)
{
	OWNED_JSON json_t *status = NULL;
	struct rundir_entry e;
	struct err err;
	uint64_t pid = 0;

	if (text_number(text, &pid) && pid > 0 && pid <= INT32_MAX)
		return proc_state((pid_t)pid) ? (pid_t)pid : 0;
	if (strchr(text, '/') || !access(text, F_OK) || rundir_find(&e, text, &err) < 0)
		return 0;
	status = client_command_to(&e, "status", &err);
	return status ? (pid_t)json_get_int(status, "root", 0) : 0;
}

static bool doctor_examine_patient(json_t *report, const char *text)
{
	pid_t pid = doctor_process(text);

	return pid ? doctor_examine_process(report, pid) : doctor_examine_generation(report, text);
}

static void doctor_print_patient(const json_t *report)
{
	const char *checkpoint = json_get_string(report, "checkpoint", NULL);
	int64_t pid = json_get_int(report, "process", 0);
	const char *obstacle = json_get_string(report, "obstacle", NULL);

	if (pid && obstacle)
		printf("process %lld cannot be checkpointed now: %s\n", (long long)pid, obstacle);
	else if (pid)
		printf("process %lld, and what is below it, can be checkpointed\n", (long long)pid);
	if (checkpoint && obstacle)
		printf("%s cannot be restarted here: %s\n", checkpoint, obstacle);
	else if (checkpoint)
		printf("%s can be restarted here\n", checkpoint);
}

static void doctor_print(const json_t *report)
{
	const json_t *list = json_object_get(report, "checks");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		printf("%-16s %-8s %s\n", json_get_string(c, "name", ""),
		       json_get_string(c, "answer", ""), json_get_string(c, "detail", ""));
	}
	doctor_print_patient(report);
	puts(json_get_bool(report, "usable")
		     ? "programs can be checkpointed and restarted here"
		     : "programs cannot be checkpointed and restarted here");
}

int doctor_command(int argc, char **argv, struct err *err)
{
	struct doctor d = { 0 };
	OWNED_JSON json_t *report = json_document();
	struct doctor_result disk = { .answer = DOCTOR_NO };
	json_t *list = json_array();
	bool usable, well = true;

	(void)err;
	options_parse(&doctor_argp, argc, argv, 0, &d);
	usable = doctor_examine(list);
	doctor_disk(&disk, d.common.ckpt_dir ? d.common.ckpt_dir : ".");
	doctor_put(list, "disk", &disk, false);
	json_object_set_new(report, "usable", json_boolean(usable));
	json_object_set_new(report, "disk_free_bytes", json_integer(disk.free_bytes));
	json_object_set_new(report, "disk_bytes_per_second", json_integer(disk.bytes_per_second));
	json_object_set_new(report, "cpu", doctor_cpu());
	json_object_set_new(report, "checks", list);
	if (d.patient)
		well = doctor_examine_patient(report, d.patient);
	if (d.common.json)
		json_print(report);
	else
		doctor_print(report);
	return usable && well ? COMMAND_OK : COMMAND_FAILED;
}
