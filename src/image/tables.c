/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tables.h"

#define TABLES_ARRAY(number, least, member, name)                              \
	{                                                                      \
		number, sizeof(*((struct model *)0)->member.at), least, false, \
			offsetof(struct model, member), name                   \
	}
#define TABLES_SINGLE(number, least, member, name)                        \
	{                                                                 \
		number, sizeof(((struct model *)0)->member), least, true, \
			offsetof(struct model, member), name              \
	}

const struct tables_kind tables_kinds[TABLES_MAX] = {
	TABLES_ARRAY(IMG_T_DATA, 1, data, "data"),
	TABLES_SINGLE(IMG_T_MACHINE, 88, machine, "machine"),
	TABLES_SINGLE(IMG_T_PROCESS, 400, process, "process"),
	TABLES_ARRAY(IMG_T_THREADS, 456, threads, "threads"),
	TABLES_ARRAY(IMG_T_VMAS, 72, vmas, "vmas"),
	TABLES_ARRAY(IMG_T_RUNS, 24, runs, "runs"),
	TABLES_ARRAY(IMG_T_CHUNKS, 32, chunks, "chunks"),
	TABLES_ARRAY(IMG_T_GUARDS, 16, guards, "guards"),
	TABLES_ARRAY(IMG_T_SIGACTIONS, 40, sigactions, "sigactions"),
	TABLES_ARRAY(IMG_T_PENDING, 136, pending, "pending"),
	TABLES_ARRAY(IMG_T_TIMERS, 56, timers, "timers"),
	TABLES_ARRAY(IMG_T_RLIMITS, 24, rlimits, "rlimits"),
	TABLES_ARRAY(IMG_T_GROUPS, 4, groups, "groups"),
	TABLES_ARRAY(IMG_T_FDS, 16, fds, "fds"),
	TABLES_ARRAY(IMG_T_FILES, 176, files, "files"),
	TABLES_ARRAY(IMG_T_EPOLLS, 24, epolls, "epolls"),
	TABLES_ARRAY(IMG_T_ELSEWHERE, 4, elsewhere, "elsewhere"),
	TABLES_ARRAY(IMG_T_LOCKS, 32, locks, "locks"),
	TABLES_ARRAY(IMG_T_SYSV, 72, sysv, "sysv"),
	TABLES_ARRAY(IMG_T_SEM_TIES, 24, sem_ties, "sem_ties"),
	TABLES_ARRAY(IMG_T_AIOS, 24, aios, "aios"),
	TABLES_ARRAY(IMG_T_EXTENTS, 24, extents, "extents"),
	TABLES_ARRAY(IMG_T_CREDS, 88, creds, "creds"),
	TABLES_ARRAY(IMG_T_SHARES, 8, shares, "shares"),
	TABLES_ARRAY(IMG_T_SECCOMPS, 16, seccomps, "seccomps"),
	TABLES_ARRAY(IMG_T_POLICIES, 152, policies, "policies"),
};

const struct tables_kind *tables_find(uint32_t table)
{
	for (size_t i = 0; i < TABLES_MAX; i++)
		if (tables_kinds[i].table == table)
			return &tables_kinds[i];
	return NULL;
}

const void *tables_records(const struct tables_kind *kind, const struct model *m, size_t *n)
{
	const char *member = (const char *)m + kind->member;
	const struct tables_array *array;

	*n = 1;
	if (kind->single)
		return member;
	array = (const void *)member;
	*n = array->n;
	return array->at;
}
