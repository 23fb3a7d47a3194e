/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be brought back, by the name that /proc gives it, whether there is a descriptor or a mapping
 * left: what it is, and what to do about it.
 */
#include "base/text.h"
#include "res/res.h"

static const struct {
	const char *link; /* begins so */
	const char *advice;
} refused[] = {
	{ "anon_inode:[userfaultfd]",
	  "a userfaultfd, whose faults another thread or process answers; close "
	  "it before the checkpoint" },
	{ "anon_inode:[perf_event]",
	  "a performance counter; run the program without the profiler" },
	{ "anon_inode:bpf", "a BPF object in the kernel; close it before the checkpoint" },
	{ "anon_inode:[fanotify]",
	  "a fanotify group, which watches the system; close it before the "
	  "checkpoint" },
	{ "anon_inode:[landlock-ruleset]",
	  "a Landlock rule set under construction; close it before the "
	  "checkpoint" },
	{ "anon_inode:seccomp notify",
	  "a supervisor's end of a seccomp filter; close it before the "
	  "checkpoint" },
	{ "anon_inode:kvm", "a virtual machine of KVM; shut it down before the checkpoint" },
	{ "anon_inode:[vfio", "a device of VFIO; release it before the checkpoint" },
	{ "anon_inode:sync_file",
	  "a fence of a graphics device; release it before the checkpoint" },
	{ "/dmabuf:", "a buffer shared with a device; release it before the checkpoint" },
	{ "/secretmem",
	  "secret memory (memfd_secret), which nobody but the program can read; unmap and "
	  "close it before the checkpoint" },
};

const char *res_refused(const char *link)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (text_starts(link, refused[i].link))
			return refused[i].advice;
	return NULL;
}
