/* SPDX-License-Identifier: Apache-2.0 */
#include "job/prometheus.h"

#include "base/owned.h"
#include "host/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum prometheus_where { PROMETHEUS_JOB, PROMETHEUS_LEG, PROMETHEUS_CHECKPOINT };

static const struct {
	const char *name, *type, *help;
	enum prometheus_where where;
	const char *key;
} prometheus_metrics[] = {
	{ "cairn_leg", "gauge", "The job's present leg, from 1.", PROMETHEUS_LEG, "leg" },
	{ "cairn_walltime_used_seconds", "gauge", "Wall time of all legs.", PROMETHEUS_JOB,
	  "used_seconds" },
	{ "cairn_walltime_wanted_seconds", "gauge", "Wall time that the job may use.",
	  PROMETHEUS_JOB, "wanted_seconds" },
	{ "cairn_checkpoints_total", "counter", "Checkpoints of this leg.", PROMETHEUS_LEG,
	  "checkpoints" },
	{ "cairn_checkpoint_failures_total", "counter", "Checkpoints of this leg that failed.",
	  PROMETHEUS_LEG, "failures" },
	{ "cairn_checkpoint_generation", "gauge", "The newest checkpoint.", PROMETHEUS_CHECKPOINT,
	  "generation" },
	{ "cairn_checkpoint_bytes", "gauge", "Its size.", PROMETHEUS_CHECKPOINT, "bytes" },
	{ "cairn_checkpoint_seconds", "gauge", "How long it took.", PROMETHEUS_CHECKPOINT,
	  "seconds" },
	{ "cairn_checkpoint_pause_seconds", "gauge", "How long the program stood still.",
	  PROMETHEUS_CHECKPOINT, "pause_seconds" },
	{ "cairn_checkpoint_timestamp_seconds", "gauge", "When it was complete.",
	  PROMETHEUS_CHECKPOINT, "time" },
};

/* A label's value: names and words, of which nothing must end the quotes. */
static void prometheus_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++)
		fputc(*value == '"' || *value == '\\' || *value == '\n' ? '_' : *value, f);
	fputc('"', f);
}

static void prometheus_line(FILE *f, const char *name, const json_t *record, const json_t *leg,
			    const char *state)
{
	fprintf(f, "%s{", name);
	prometheus_label(f, "name", json_get_string(record, "name", ""));
	fputc(',', f);
	prometheus_label(f, "job", json_get_string(leg, "job", ""));
	if (state) {
		fputc(',', f);
		prometheus_label(f, "state", state);
	}
	fputs("} ", f);
}

static void prometheus_print(FILE *f, const json_t *record)
{
	const json_t *legs = json_object_get(record, "legs");
	const json_t *leg = json_array_get(legs, json_array_size(legs) - 1);
	const json_t *from[] = { record, leg, json_object_get(record, "checkpoint") };

	fputs("# HELP cairn_job_state 1 for the state that the job is in.\n"
	      "# TYPE cairn_job_state gauge\n",
	      f);
	prometheus_line(f, "cairn_job_state", record, leg,
			json_get_string(record, "state", "running"));
	fputs("1\n", f);
	for (size_t i = 0; i < sizeof(prometheus_metrics) / sizeof(prometheus_metrics[0]); i++) {
		const char *name = prometheus_metrics[i].name;
		const json_t *v = json_object_get(from[prometheus_metrics[i].where],
						  prometheus_metrics[i].key);

		if (!v)
			continue;
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, prometheus_metrics[i].help, name,
			prometheus_metrics[i].type);
		prometheus_line(f, name, record, leg, NULL);
		fprintf(f, "%.15g\n", json_number_value(v));
	}
}

int prometheus_write(const char *path, const json_t *record, struct err *err)
{
	OWNED_PTR char *partial = NULL;
	bool well;
	FILE *f;

	/* Not .prom: the collector takes those. */
	if (asprintf(&partial, "%s.partial", path) < 0) {
		partial = NULL;
		return err_set(err, ENOMEM, "'%s'", path);
	}
	f = fopen(partial, "we");
	if (!f)
		return err_set(err, errno, "create '%s'", partial);
	prometheus_print(f, record);
	well = !ferror(f);
	if (fclose(f) || !well || rename(partial, path))
		return err_set(err, errno, "write '%s'", path);
	return 0;
}
