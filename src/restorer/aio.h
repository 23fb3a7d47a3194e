/* SPDX-License-Identifier: Apache-2.0 */
/* PLAN_AIO. */
#pragma once

#include "contract/restore_plan.h"

/* 0 or -errno. */
long aio_make(struct plan_aio *a);
