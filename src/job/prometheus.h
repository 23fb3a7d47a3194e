/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a job in Prometheus' text format, for the textfile collector of a node exporter.
 *
 * The one rule: the file is written beside and renamed, so that a collector never sees a part of it.
 */
#pragma once

#include "base/err.h"

#include <jansson.h>

/* @record: job.json's (job/ledger.h). */
int prometheus_write(const char *path, const json_t *record, struct err *err);
