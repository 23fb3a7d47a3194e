/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that an image was taken on: what a restart must find again, and the clocks. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "procfs/maps.h"

static int64_t machine_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int machine_measure_vdso(struct machine *machine, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor c;
	struct maps_vma vma;
	size_t len;
	int rc = proc_read(getpid(), "maps", &text, &len, err);

	if (rc < 0)
		return rc;
	for (c = maps_over(text, len); maps_next(&c, &vma);)
		if (vma.start == (uintptr_t)machine->vdso)
			machine->vdso_size = vma.end - vma.start;
	return 0;
}

/* Our own vdso: on one kernel every process has the same. */
static int machine_find_vdso(struct machine *machine, struct err *err)
{
	machine->vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	return machine->vdso ? machine_measure_vdso(machine, err) : 0;
}

/* Masked in some containers; nothing depends on it. */
static void machine_read_boot_id(struct machine *machine)
{
	OWNED_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, machine->boot_id, sizeof(machine->boot_id) - 1);

	if (n > 0)
		machine->boot_id[n - (machine->boot_id[n - 1] == '\n')] = '\0';
}

int machine_look(struct machine *machine, struct err *err)
{
	*machine = (struct machine){ .xfeatures = cpu_xfeatures() };
	uname(&machine->uts);
	cpu_model(machine->cpu_model);
	cpu_features_read(&machine->features);
	machine_read_boot_id(machine);
	machine->flushers = proc_has_cap(CAP_SYS_RESOURCE);
	return machine_find_vdso(machine, err);
}

int capture_machine(struct model *m, const struct machine *machine, struct err *err)
{
	int rc = model_put_string(m, &m->machine.release, machine->uts.release);

	if (rc >= 0)
		rc = model_put_string(m, &m->machine.hostname, machine->uts.nodename);
	if (rc >= 0)
		rc = model_put_string(m, &m->machine.cpu_model, machine->cpu_model);
	if (rc >= 0)
		rc = model_put_bytes(m, &m->machine.cpu_features, &machine->features,
				     sizeof(machine->features));
	if (rc >= 0 && *machine->boot_id)
		rc = model_put_string(m, &m->machine.boot_id, machine->boot_id);
	if (rc >= 0 && machine->vdso_size)
		rc = model_put_bytes(m, &m->machine.vdso, machine->vdso, machine->vdso_size);
	if (rc < 0)
		return err_set(err, rc, "describe this machine");
	m->machine.xfeatures = machine->xfeatures;
	m->machine.realtime_ns = machine_clock(CLOCK_REALTIME);
	m->machine.monotonic_ns = machine_clock(CLOCK_MONOTONIC);
	m->machine.boottime_ns = machine_clock(CLOCK_BOOTTIME);
	return 0;
}
