/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/status.h"

#include <asm/errno.h>

enum { /* linux/prctl.h */
       STATUS_SPEC_DISABLE = 1 << 2,
       STATUS_SPEC_FORCE_DISABLE = 1 << 3,
};

enum status_type {
	STATUS_INT,
	STATUS_DEC,
	STATUS_OCT,
	STATUS_HEX64,
	STATUS_KIB,
	STATUS_FOUR,
	STATUS_IDS,
	STATUS_SPEC,
	STATUS_FEATURES,
};

static const struct {
	const char *key;
	enum status_type type;
	size_t field;
} status_lines[] = {
	{ "Pid:", STATUS_INT, offsetof(struct status, pid) },
	{ "Tgid:", STATUS_INT, offsetof(struct status, tgid) },
	{ "PPid:", STATUS_INT, offsetof(struct status, ppid) },
	{ "TracerPid:", STATUS_INT, offsetof(struct status, tracer_pid) },
	{ "Uid:", STATUS_FOUR, offsetof(struct status, uid) },
	{ "Gid:", STATUS_FOUR, offsetof(struct status, gid) },
	{ "Umask:", STATUS_OCT, offsetof(struct status, umask) },
	{ "Threads:", STATUS_DEC, offsetof(struct status, threads) },
	{ "NoNewPrivs:", STATUS_DEC, offsetof(struct status, no_new_privs) },
	{ "Seccomp:", STATUS_DEC, offsetof(struct status, seccomp) },
	{ "Seccomp_filters:", STATUS_DEC, offsetof(struct status, seccomp_filters) },
	{ "THP_enabled:", STATUS_DEC, offsetof(struct status, thp_enabled) },
	{ "CoreDumping:", STATUS_DEC, offsetof(struct status, core_dumping) },
	{ "SigPnd:", STATUS_HEX64, offsetof(struct status, sig_pending) },
	{ "ShdPnd:", STATUS_HEX64, offsetof(struct status, shared_pending) },
	{ "SigBlk:", STATUS_HEX64, offsetof(struct status, sig_blocked) },
	{ "SigIgn:", STATUS_HEX64, offsetof(struct status, sig_ignored) },
	{ "SigCgt:", STATUS_HEX64, offsetof(struct status, sig_caught) },
	{ "CapInh:", STATUS_HEX64, offsetof(struct status, cap_inheritable) },
	{ "CapPrm:", STATUS_HEX64, offsetof(struct status, cap_permitted) },
	{ "CapEff:", STATUS_HEX64, offsetof(struct status, cap_effective) },
	{ "CapBnd:", STATUS_HEX64, offsetof(struct status, cap_bounding) },
	{ "CapAmb:", STATUS_HEX64, offsetof(struct status, cap_ambient) },
	{ "VmSize:", STATUS_KIB, offsetof(struct status, vm_size) },
	{ "VmRSS:", STATUS_KIB, offsetof(struct status, vm_rss) },
	{ "VmLck:", STATUS_KIB, offsetof(struct status, vm_locked) },
	{ "VmSwap:", STATUS_KIB, offsetof(struct status, vm_swap) },
	{ "Speculation_Store_Bypass:", STATUS_SPEC, offsetof(struct status, no_store_bypass) },
	{ "SpeculationIndirectBranch:", STATUS_SPEC, offsetof(struct status, no_indirect_branch) },
	{ "x86_Thread_features:", STATUS_FEATURES, offsetof(struct status, shadow_stack) },
	{ "NStgid:", STATUS_IDS, offsetof(struct status, ns_tgid) },
	{ "NSpid:", STATUS_IDS, offsetof(struct status, ns_pid) },
	{ "NSpgid:", STATUS_IDS, offsetof(struct status, ns_pgid) },
	{ "NSsid:", STATUS_IDS, offsetof(struct status, ns_sid) },
};

static bool status_four(struct scan *s, uint32_t *ids)
{
	for (int i = 0; i < 4; i++)
		if (!scan_u32(s, 10, &ids[i]))
			return false;
	return true;
}

static bool status_ids(struct scan *s, struct status_ids *ids)
{
	ids->n = 0;
	while (ids->n < STATUS_NS_MAX && scan_int(s, &ids->at[ids->n]))
		ids->n++;
	scan_blanks(s);
	return ids->n && s->at == s->end;
}

static bool status_kib(struct scan *s, uint64_t *bytes)
{
	uint64_t kib;

	if (!scan_unsigned(s, 10, &kib) || kib > UINT64_MAX / 1024)
		return false;
	*bytes = kib * 1024;
	return true;
}

/* In words, other ones for each kind; what else they may be is not the thread's doing. */
static uint32_t status_spec(struct scan *s)
{
	scan_blanks(s);
	if (scan_text(s, "thread force mitigated") || scan_text(s, "conditional force disabled"))
		return STATUS_SPEC_FORCE_DISABLE;
	if (scan_text(s, "thread mitigated") || scan_text(s, "conditional disabled"))
		return STATUS_SPEC_DISABLE;
	return 0;
}

static bool status_value(struct scan *s, enum status_type type, void *field)
{
	switch (type) {
	case STATUS_INT:
		return scan_int(s, field);
	case STATUS_DEC:
		return scan_u32(s, 10, field);
	case STATUS_OCT:
		return scan_u32(s, 8, field);
	case STATUS_HEX64:
		return scan_unsigned(s, 16, field);
	case STATUS_KIB:
		return status_kib(s, field);
	case STATUS_FOUR:
		return status_four(s, field);
	case STATUS_IDS:
		return status_ids(s, field);
	case STATUS_SPEC:
		*(uint32_t *)field = status_spec(s);
		return true;
	case STATUS_FEATURES:
		scan_blanks(s);
		*(bool *)field = scan_text(s, "shstk");
		return true;
	}
	return false;
}

static bool status_line(struct status *status, struct scan line)
{
	if (scan_text(&line, "State:")) {
		scan_blanks(&line);
		if (line.at == line.end)
			return false;
		status->state = *line.at;
		return true;
	}
	if (scan_text(&line, "Groups:")) {
		status->groups = line;
		return true;
	}
	for (size_t i = 0; i < sizeof(status_lines) / sizeof(status_lines[0]); i++)
		if (scan_text(&line, status_lines[i].key))
			return status_value(&line, status_lines[i].type,
					    (char *)status + status_lines[i].field);
	return true;
}

int status_parse(struct status *status, const char *text, size_t len, struct err *err)
{
	struct scan s = scan_over(text, len), line;

	*status = (struct status){ 0 };
	while (scan_line(&s, &line, true))
		if (!status_line(status, line))
			return err_set(err, EBADMSG, "/proc status: line '%.*s'",
				       (int)(scan_left(&line) < 80 ? scan_left(&line) : 80),
				       line.at);
	if (!status->pid || !status->state)
		return err_set(err, EBADMSG, "/proc status: no %s line",
			       status->pid ? "State" : "Pid");
	return 0;
}

bool status_next_group(struct scan *groups, uint32_t *gid)
{
	return scan_u32(groups, 10, gid);
}
