/* SPDX-License-Identifier: Apache-2.0 */
/* timerfd: a clock, the time left, and the expirations not read yet. */
#include "base/text.h"
#include "res/capture.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, __u64)
#endif

enum { TIMERFD_TRIES = 4 };

enum { /* img_file.arg */
       TIMERFD_ARG_CLOCK,
       TIMERFD_ARG_TICKS,
       TIMERFD_ARG_LEFT_S,
       TIMERFD_ARG_LEFT_NS,
       TIMERFD_ARG_INTERVAL_S,
       TIMERFD_ARG_INTERVAL_NS,
       TIMERFD_ARG_SETTIME_FLAGS,
};

static bool timerfd_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[timerfd]");
}

/*
 * The time left and the expirations of one moment: a timer that goes off between the two would be in neither,
 * or in both. One that is so quick that it always does is taken as it is: it will be again.
 */
static int timerfd_look(const struct res_seen *seen, struct itimerspec *it, struct fdinfo *info,
			struct err *err)
{
	struct fdinfo before;
	int tries = 0, rc;

	do {
		rc = capture_look_again(seen, &before, err);
		if (rc >= 0 && timerfd_gettime(seen->dup, it) < 0)
			rc = err_set(err, errno, "descriptor %d: timerfd_gettime", seen->fd);
		if (rc >= 0)
			rc = capture_look_again(seen, info, err);
	} while (rc >= 0 && info->ticks != before.ticks && ++tries < TIMERFD_TRIES);
	return rc;
}

static int timerfd_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			   struct err *err)
{
	struct itimerspec it;
	struct fdinfo info;
	int rc = timerfd_look(seen, &it, &info, err);

	(void)m;
	if (rc < 0)
		return rc;
	f->arg[TIMERFD_ARG_CLOCK] = (uint64_t)info.clockid;
	f->arg[TIMERFD_ARG_TICKS] = info.ticks;
	f->arg[TIMERFD_ARG_SETTIME_FLAGS] = info.settime_flags;
	f->arg[TIMERFD_ARG_LEFT_S] = (uint64_t)it.it_value.tv_sec;
	f->arg[TIMERFD_ARG_LEFT_NS] = (uint64_t)it.it_value.tv_nsec;
	f->arg[TIMERFD_ARG_INTERVAL_S] = (uint64_t)it.it_interval.tv_sec;
	f->arg[TIMERFD_ARG_INTERVAL_NS] = (uint64_t)it.it_interval.tv_nsec;
	return 0;
}

/*
 * The time left is what the program still waits for, whatever clock it is by; but for a timer set to a time
 * of the wall clock, which a restart does not turn back: it goes off at that time, or at once, if past.
 */
static int timerfd_arm(const struct res_restart *r, const struct img_file *f, int fd,
		       struct itimerspec *it)
{
	const int64_t sec = 1000000000, now = r->m->machine.realtime_ns;
	uint64_t clock = f->arg[TIMERFD_ARG_CLOCK], flags = f->arg[TIMERFD_ARG_SETTIME_FLAGS];
	int64_t nsec = now % sec + it->it_value.tv_nsec;

	flags &= TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
	if ((clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_ALARM) ||
	    !(flags & TFD_TIMER_ABSTIME) || (!it->it_value.tv_sec && !it->it_value.tv_nsec))
		return timerfd_settime(fd, 0, it, NULL);
	it->it_value.tv_sec += now / sec + nsec / sec;
	it->it_value.tv_nsec = nsec % sec;
	return timerfd_settime(fd, (int)flags, it, NULL);
}

static int timerfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	struct itimerspec it = {
		.it_value = { (time_t)f->arg[TIMERFD_ARG_LEFT_S],
			      (long)f->arg[TIMERFD_ARG_LEFT_NS] },
		.it_interval = { (time_t)f->arg[TIMERFD_ARG_INTERVAL_S],
				 (long)f->arg[TIMERFD_ARG_INTERVAL_NS] },
	};
	int fd = timerfd_create((int)f->arg[TIMERFD_ARG_CLOCK],
				(int)(f->open_flags & O_NONBLOCK) | TFD_CLOEXEC);
	uint64_t ticks = f->arg[TIMERFD_ARG_TICKS];

	if (fd < 0)
		return err_set(err, errno, "make a timerfd");
	if (timerfd_arm(r, f, fd, &it) < 0 || (ticks && ioctl(fd, TFD_IOC_SET_TICKS, &ticks) < 0)) {
		close(fd);
		return err_set(err, errno, "set a timerfd");
	}
	return fd;
}

const struct res_kind res_timerfd = {
	.kind = IMG_F_TIMERFD,
	.name = "timerfd",
	.match = timerfd_match,
	.capture = timerfd_capture,
	.make = timerfd_make,
};
