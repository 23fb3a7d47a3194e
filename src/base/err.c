/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <asm/errno.h>

/* Our own table: this room has no libc, and the blobs and the fuzzers need the words as well. */
static const struct {
	int num;
	const char *text;
} err_words[] = {
	{ EPERM, "Operation not permitted" },
	{ ENOENT, "No such file or directory" },
	{ ESRCH, "No such process" },
	{ EINTR, "Interrupted system call" },
	{ EIO, "Input/output error" },
	{ ENXIO, "No such device or address" },
	{ E2BIG, "Argument list too long" },
	{ ENOEXEC, "Exec format error" },
	{ EBADF, "Bad file descriptor" },
	{ ECHILD, "No child processes" },
	{ EAGAIN, "Resource temporarily unavailable" },
	{ ENOMEM, "Cannot allocate memory" },
	{ EACCES, "Permission denied" },
	{ EFAULT, "Bad address" },
	{ EBUSY, "Device or resource busy" },
	{ EEXIST, "File exists" },
	{ EXDEV, "Invalid cross-device link" },
	{ ENODEV, "No such device" },
	{ ENOTDIR, "Not a directory" },
	{ EISDIR, "Is a directory" },
	{ EINVAL, "Invalid argument" },
	{ ENFILE, "Too many open files in system" },
	{ EMFILE, "Too many open files" },
	{ ENOTTY, "Inappropriate ioctl for device" },
	{ ETXTBSY, "Text file busy" },
	{ EFBIG, "File too large" },
	{ ENOSPC, "No space left on device" },
	{ ESPIPE, "Illegal seek" },
	{ EROFS, "Read-only file system" },
	{ EMLINK, "Too many links" },
	{ EPIPE, "Broken pipe" },
	{ ERANGE, "Numerical result out of range" },
	{ EDEADLK, "Resource deadlock avoided" },
	{ ENAMETOOLONG, "File name too long" },
	{ ENOSYS, "Function not implemented" },
	{ ENOTEMPTY, "Directory not empty" },
	{ ELOOP, "Too many levels of symbolic links" },
	{ ENOMSG, "No message of desired type" },
	{ EIDRM, "Identifier removed" },
	{ ENODATA, "No data available" },
	{ ETIME, "Timer expired" },
	{ EBADMSG, "Bad message" },
	{ EOVERFLOW, "Value too large for defined data type" },
	{ EPROTO, "Protocol error" },
	{ ENOTSOCK, "Socket operation on non-socket" },
	{ EOPNOTSUPP, "Operation not supported" },
	{ EMSGSIZE, "Message too long" },
	{ EPROTONOSUPPORT, "Protocol not supported" },
	{ EAFNOSUPPORT, "Address family not supported by protocol" },
	{ EADDRINUSE, "Address already in use" },
	{ EADDRNOTAVAIL, "Cannot assign requested address" },
	{ ENETUNREACH, "Network is unreachable" },
	{ ECONNRESET, "Connection reset by peer" },
	{ ENOBUFS, "No buffer space available" },
	{ EISCONN, "Transport endpoint is already connected" },
	{ ENOTCONN, "Transport endpoint is not connected" },
	{ ETIMEDOUT, "Connection timed out" },
	{ ECONNREFUSED, "Connection refused" },
	{ EHOSTUNREACH, "No route to host" },
	{ EALREADY, "Operation already in progress" },
	{ EINPROGRESS, "Operation now in progress" },
	{ ESTALE, "Stale file handle" },
	{ EDQUOT, "Disk quota exceeded" },
	{ ECANCELED, "Operation canceled" },
};

const char *err_text(int num)
{
	for (size_t i = 0; i < sizeof(err_words) / sizeof(err_words[0]); i++)
		if (err_words[i].num == num)
			return err_words[i].text;
	return "Unknown error";
}

int err_set(struct err *err, int num, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (num < 0)
		num = -num;
	if (!err)
		return num ? -num : -EINVAL;
	va_start(ap, fmt);
	len = text_vformat(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->num = num ? num : EINVAL;
	if (num && len < sizeof(err->msg))
		text_format(err->msg + len, sizeof(err->msg) - len, ": %s", err_text(num));
	return -err->num;
}

int err_say(struct err *err, int num, const char *fmt, ...)
{
	va_list ap;

	if (num < 0)
		num = -num;
	if (!num)
		num = EINVAL;
	if (!err)
		return -num;
	va_start(ap, fmt);
	text_vformat(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->num = num;
	return -num;
}

int err_add(struct err *err, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	va_list ap;
	size_t len;

	if (!err)
		return -EINVAL;
	mem_copy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	len = text_vformat(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (len < sizeof(err->msg))
		text_format(err->msg + len, sizeof(err->msg) - len, ": %s", old);
	return err->num ? -err->num : -EINVAL;
}
