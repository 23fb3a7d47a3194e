/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMTCP's names for what cairn.h offers, so that programs that were written for DMTCP can be built for
 * Cairn (pkg-config --cflags --libs cairn-dmtcp). They are weak: where both libraries are loaded, DMTCP's own
 * are used.
 */
#ifndef CAIRN_DMTCP_H
#define CAIRN_DMTCP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DMTCP_AFTER_CHECKPOINT 1
#define DMTCP_AFTER_RESTART 2
#define DMTCP_NOT_PRESENT 3
#define DMTCP_IS_PRESENT 4

int dmtcp_is_enabled(void); /* 1 or 0 */
/* DMTCP_AFTER_CHECKPOINT, DMTCP_AFTER_RESTART, DMTCP_NOT_PRESENT; less than 0: it failed */
int dmtcp_checkpoint(void);
int dmtcp_disable_ckpt(void); /* 1, DMTCP_NOT_PRESENT; less than 0: it failed */
int dmtcp_enable_ckpt(void);
int dmtcp_get_coordinator_status(int *processes,
				 int *running); /* DMTCP_IS_PRESENT, DMTCP_NOT_PRESENT */
/*
 * DMTCP_IS_PRESENT, DMTCP_NOT_PRESENT. How many checkpoints there are of the program, and how many restarts:
 * of several between two calls one is counted.
 */
int dmtcp_get_local_status(int *checkpoints, int *restarts);
uint32_t dmtcp_get_generation(void); /* the number of the newest checkpoint; 0: none yet */
int dmtcp_get_restart_env(const char *name, char *value,
			  size_t size); /* 0; less: not found, or too long */
int dmtcp_get_ckpt_signal(void); /* 0: Cairn needs none */

#ifdef __cplusplus
}
#endif

#endif
