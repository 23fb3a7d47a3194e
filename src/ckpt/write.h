/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WRITE: the pages of one process, by several workers, into its image.
 *
 * The one rule: workers share nothing but the next piece to take and the first error.
 */
#pragma once

#include "base/err.h"
#include "ckpt/pages.h"
#include "image/writer.h"

#include <stdatomic.h>

struct write_job {
	const struct pages_list *pages;
	pid_t pid; /* whose memory PAGES_VM and PAGES_MEM mean */
	int workers;
	const struct image_base
		*base; /* what may hold some of the pages already; NULL: nothing does */
	const struct pages_list *base_pages; /* what was written there */
	pid_t base_pid; /* whose memory they mean */
	_Atomic uint64_t *done; /* bytes dealt with, for progress */
	const atomic_bool *cancelled; /* once true: stop with ECANCELED */
};

int write_pages(struct image_writer *w, const struct write_job *job, struct err *err);
