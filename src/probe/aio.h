/* SPDX-License-Identifier: Apache-2.0 */
/* AIO contexts, looked at from inside: see aio.c. */
#pragma once

#include "contract/probe_abi.h"

/* On a thread of its own, with descriptors and CPUs of its own: all of them are used up. */
void aio_look(struct probe_aio *a);
