/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe.h"
#include "arch/cpu.h"
#include "host/json.h"

#include <stdio.h>
#include <string.h>

#define DESCRIBE_BITS(bits, words) describe_bits(bits, words, sizeof(words) / sizeof((words)[0]))

json_t *describe_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	return json_string(text);
}

json_t *describe_bits(uint64_t bits, const struct describe_word *words, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (bits & words[i].bit) {
			json_array_append_new(list, json_string(words[i].word));
			bits &= ~words[i].bit;
		}
	if (bits)
		json_array_append_new(list, describe_hex(bits));
	return list;
}

json_t *describe_header(const struct image_reader *r)
{
	const struct img_header *h = image_reader_header(r);

	return json_pack("{sisisisIsi}", "version", (int)h->version, "arch", (int)h->arch,
			 "page_size", (int)h->page_size, "bytes", (json_int_t)image_reader_size(r),
			 "header_bytes", (int)h->header_size);
}

static json_t *describe_features(const struct model *m)
{
	struct cpu_features features = { 0 };
	const struct img_ref ref = m->machine.cpu_features;
	json_t *list = json_array();

	if (ref.len)
		memcpy(&features, model_bytes(m, ref),
		       ref.len < sizeof(features) ? ref.len : sizeof(features));
	for (size_t w = 0; w < CPU_WORDS; w++)
		for (unsigned int bit = 0; bit < 32; bit++) {
			const char *name = cpu_feature_name(w, bit);

			if (name && features.word[w] >> bit & 1)
				json_array_append_new(list, json_string(name));
		}
	return list;
}

json_t *describe_machine(const struct model *m)
{
	const struct img_machine *k = &m->machine;

	return json_pack("{sososososososisosososI}", "hostname",
			 json_text(model_string(m, k->hostname)), "kernel",
			 json_text(model_string(m, k->release)), "boot_id",
			 json_text(model_string(m, k->boot_id)), "cpu",
			 json_text(model_string(m, k->cpu_model)), "cpu_features",
			 describe_features(m), "xfeatures", describe_hex(k->xfeatures),
			 "xsave_bytes", (int)k->xsave_size, "time", json_seconds(k->realtime_ns),
			 "monotonic", json_seconds(k->monotonic_ns), "boottime",
			 json_seconds(k->boottime_ns), "vdso_bytes", (json_int_t)k->vdso.len);
}

static json_t *describe_ids(const uint32_t *ids, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_integer(ids[i]));
	return list;
}

static json_t *describe_limits(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->rlimits.n; i++) {
		const struct img_rlimit *l = &m->rlimits.at[i];

		json_array_append_new(list, json_pack("{sisoso}", "resource", (int)l->resource,
						      "soft", describe_hex(l->soft), "hard",
						      describe_hex(l->hard)));
	}
	return list;
}

json_t *describe_process(const struct model *m)
{
	static const struct describe_word flags[] = {
		{ IMG_PROC_ROOT, "root" },
		{ IMG_PROC_ZOMBIE, "zombie" },
		{ IMG_PROC_STOPPED, "stopped" },
		{ IMG_PROC_SUBREAPER, "subreaper" },
		{ IMG_PROC_THP_DISABLE, "thp-disable" },
		{ IMG_PROC_KEEPCAPS, "keepcaps" },
		{ IMG_PROC_SESSION_TTY, "terminal" },
		{ IMG_PROC_FOREGROUND, "foreground" },
		{ IMG_PROC_LEADER_EXITED, "leader-exited" },
		{ IMG_PROC_JOINED, "joined" },
		{ IMG_PROC_LOCK_FUTURE, "lock-future" },
		{ IMG_PROC_MEMORY_MERGE, "memory-merge" },
		{ IMG_PROC_THP_ADVISED, "thp-advised" },
		{ IMG_PROC_STOP_TOLD, "stop-told" },
		{ IMG_PROC_CONTINUED, "continued" },
		{ IMG_PROC_LOGIN, "login" },
	};
	const struct img_process *p = &m->process;
	json_t *j = json_pack("{sisisisisososososo}", "pid", p->pid, "ppid", p->ppid, "pgid",
			      p->pgid, "sid", p->sid, "exe", json_text(model_string(m, p->exe)),
			      "cwd", json_text(model_string(m, p->cwd)), "root",
			      json_text(model_string(m, p->root)), "flags",
			      DESCRIBE_BITS(p->flags, flags), "personality",
			      describe_hex(p->personality));
	char umask[16];

	if (p->flags & IMG_PROC_ZOMBIE)
		json_object_set_new(j, "name", json_text(p->comm));
	snprintf(umask, sizeof(umask), "0%03o", p->umask);
	json_object_set_new(j, "umask", json_string(umask));
	json_object_set_new(j, "uids", describe_ids(p->uid, 4));
	json_object_set_new(j, "gids", describe_ids(p->gid, 4));
	json_object_set_new(j, "groups", describe_ids(m->groups.at, m->groups.n));
	json_object_set_new(j, "capabilities", describe_hex(p->cap_effective));
	json_object_set_new(j, "user_seconds", json_seconds(p->utime_ns));
	json_object_set_new(j, "system_seconds", json_seconds(p->stime_ns));
	json_object_set_new(j, "brk", describe_hex(p->brk));
	json_object_set_new(j, "limits", describe_limits(m));
	if (m->shares.n) {
		json_object_set_new(j, "fds_of", json_integer(model_shares(m, IMG_SHARE_FILES)));
		json_object_set_new(j, "directory_of", json_integer(model_shares(m, IMG_SHARE_FS)));
	}
	return j;
}

json_t *describe_memory(const struct model *m)
{
	uint64_t mapped = 0, kept = 0, common = 0, stored = 0;
	size_t plain = 0, chunks = 0;

	for (size_t i = 0; i < m->vmas.n; i++)
		mapped += m->vmas.at[i].end - m->vmas.at[i].start;
	for (size_t i = 0; i < m->runs.n; i++) {
		kept += m->runs.at[i].len;
		common += m->chunks.at[m->runs.at[i].chunk].source ? m->runs.at[i].len : 0;
	}
	for (size_t i = 0; i < m->chunks.n; i++) {
		if (m->chunks.at[i].source)
			continue;
		chunks++;
		stored += m->chunks.at[i].stored_len;
		plain += m->chunks.at[i].codec == IMG_CODEC_NONE;
	}
	return json_pack("{sIsIsIsIsIsIsIsI}", "mapped_bytes", (json_int_t)mapped, "kept_bytes",
			 (json_int_t)kept, "common_bytes", (json_int_t)common, "stored_bytes",
			 (json_int_t)stored, "mappings", (json_int_t)m->vmas.n, "runs",
			 (json_int_t)m->runs.n, "chunks", (json_int_t)chunks, "uncompressed_chunks",
			 (json_int_t)plain);
}
