/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a model hold together? References inside the pool, ids that resolve, addresses in order.
 *
 * The one rule: the reader lets nothing out and the writer commits nothing that this refuses. So a
 * checkpoint that could not be restored fails while the program still runs.
 */
#pragma once

#include "image/model.h"

/*
 * Everything but where chunks lie in the file (that is the reader's). -EBADMSG with a message that
 * names table and record.
 */
int check_model(const struct model *m, uint32_t page_size, struct err *err);
