/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single questions to this machine, for cairn doctor.
 *
 * The one rule: answered by trying in a process of its own, never by version or by privilege.
 */
#pragma once

#include <jansson.h>

struct doctor_result {
	enum { DOCTOR_NO, DOCTOR_YES, DOCTOR_LIMITED } answer;
	char detail[512]; /* what it is good for, or who refuses */
	long long free_bytes, bytes_per_second; /* doctor_disk */
};

typedef void doctor_check_fn(struct doctor_result *r);

doctor_check_fn doctor_ptrace, doctor_process_vm, doctor_ids_direct, doctor_ids_namespace,
	doctor_ids_cycle;
doctor_check_fn doctor_time_namespace, doctor_private_proc, doctor_seccomp, doctor_kcmp;
doctor_check_fn doctor_pagemap_scan, doctor_userfaultfd, doctor_io_uring, doctor_mm_map;

/* Space below @dir, and how fast synced data gets there. Leaves nothing. */
void doctor_disk(struct doctor_result *r, const char *dir);

/* Model and features of this CPU. */
json_t *doctor_cpu(void);
