/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel resources behind descriptors: how to capture each kind, how to make it again.
 *
 * The one rule: a kind is one file and one line in the table of res.c. Capturing only looks: it
 * changes nothing that the program could see, and may be abandoned at any point.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "procfs/fdinfo.h"
#include "res/listing.h"
#include "res/shared.h"
#include "res/sockdiag.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* One descriptor of a parked process, as first seen. */
struct res_seen {
	pid_t pid;
	int fd; /* the program's number */
	int dup; /* our descriptor for the same open file description; borrowed */
	const char *link; /* what /proc/PID/fd/N points at */
	struct stat st;
	int flags; /* F_GETFL */
	const char *text; /* all of /proc/PID/fdinfo/N, @len bytes; borrowed */
	size_t len;
	struct fdinfo info; /* the same, parsed */
	struct res_capture *capture; /* that this is part of */
};

/*
 * A standard stream that came from outside: known by the agent's own descriptor for it, or, where the
 * agent holds none (it keeps no pipe of the program's open), by what it is.
 */
struct res_stream {
	int number; /* 0, 1, 2: what of a restart's own takes its place */
	int fd; /* the agent's; -1: it holds none */
	uint64_t dev, ino; /* 0: there is no such stream */
};

/* A large memfd: of its contents only those are saved with it that no mapping holds. */
struct res_later {
	struct model *m; /* the image that it stands in; borrowed */
	uint32_t id; /* there */
	int fd; /* the program's number */
	int own; /* a description of our own */
	struct stat st;
	bool whole; /* all are, whatever mappings hold */
};

/* A capture over all processes of a computation. */
struct res_capture {
	const struct res_stream *streams; /* borrowed */
	size_t nstreams;
	struct res_described *described; /* every description seen so far */
	size_t ndescribed, room;
	uint32_t *sorted; /* numbers of them, in the order of the search (described.c) */
	bool unsorted; /* the kernel does not tell that order */
	uint32_t next_id;
	bool hides_cloexec; /* a description has O_CLOEXEC itself */
	bool no_kcmp; /* refused here: fall back to toggling a status flag */
	const struct model *last; /* of the process captured last, and its id; NULL: none yet */
	pid_t last_pid;
	struct inet_seen *inet; /* network sockets, until it is known who is connected to whom */
	size_t ninet, inet_room;
	struct sockdiag_all unix_all; /* once many have been asked for */
	unsigned int unix_asked;
	bool close_outside; /* connections with outside are closed at a restart, not refused now */
	const struct res_policies *policies; /* for files; borrowed, may be NULL */
	uint64_t kept; /* bytes of files that nobody asked us to keep */
	char **temporary; /* directories for files that need not last, as the processes name them */
	size_t ntemporary;
	unsigned int entries_left; /* of directories, that may be looked at for names of sockets */
	MODEL_ARRAY(struct res_later) later; /* until it is known what mappings hold of them */
	int *flying; /* our descriptors for descriptions that were met in flight */
	size_t nflying;
};

enum { RES_ENTRIES_MAX = 20000 }; /* while the program stands still */

/* What is in the way now will not be when the program has gone on a little. */
enum { RES_BUSY = EAGAIN };

void res_capture_init(struct res_capture *c, const struct res_stream *streams, size_t nstreams);
void res_capture_done(struct res_capture *c);

/*
 * Add all descriptors of parked process @pid, listed before, to @m: an img_fd each, and an img_file for each
 * open file description not met before in this capture. What cannot be brought back is refused by name. @m is
 * to stay where it is until the next.
 */
int res_capture_fds(struct res_capture *c, struct model *m, pid_t pid,
		    const struct res_listing *listing, struct err *err);

/*
 * The same of process @pid, whose descriptors are those of a process captured before, into @m: what else its
 * listing tells.
 */
int res_capture_fds_of(struct res_capture *c, struct model *m, pid_t pid,
		       const struct res_listing *listing, struct err *err);

/*
 * Can it not be told from outside whether execve closes @fd? FD_CLOEXEC was taken for set then, as fdinfo
 * shows it of all that have this description.
 */
bool res_hides_cloexec(const struct res_capture *c, const struct img_fd *fd);

/*
 * When the descriptors of all parked processes, those of @models, have been captured: what could not be seen
 * before is added to them.
 */
int res_capture_queues(struct model *const *models, size_t n, struct err *err);

/*
 * After the descriptors of all processes: network sockets, which are understood when all are known.
 * -RES_BUSY: not now.
 */
int res_capture_network(struct res_capture *c, struct err *err);

/*
 * A descriptor that was found in flight in a queue that @m keeps: its description is captured like any other.
 * @fd is the capture's from here on, also on failure: it stays open until res_capture_land.
 */
int res_capture_flying(struct res_capture *c, struct model *m, int fd, uint32_t *id,
		       struct err *err);

/*
 * When the descriptors of all processes have been captured: what refers to others. @models has @n, of all
 * processes, in the order in which they were captured.
 */
int res_capture_settle(struct res_capture *c, struct model *const *models, size_t n,
		       struct err *err);

/*
 * Add to @m, of process @pid, the files that c->policies names and that no process has open now. After
 * res_capture_fds of all.
 */
int res_capture_named(struct res_capture *c, struct model *m, pid_t pid, struct err *err);

/*
 * Are the contents of memfd @object, as img_vma has it, to be kept with its shared mappings? If so:
 * res_later_whole where one of them does not show all of its part, and res_save_later when those of all
 * processes are in @kept.
 */
bool res_is_later(const struct res_capture *c, uint64_t object);
void res_later_whole(struct res_capture *c, uint64_t object);
int res_save_later(struct res_capture *c, const struct shared *kept, struct err *err);
void res_later_done(struct res_capture *c);

/* Close what was kept open. Before the program goes on: it would find our copies of its descriptors. */
void res_capture_land(struct res_capture *c);

/*
 * The settings of the terminal that the computation is in the foreground of, if it is: into the first of
 * @models. At a restart those of @m's image are given to ours (SIGTTOU must be blocked); false: there are
 * none.
 */
int res_tty_capture_own(struct res_capture *c, struct model *const *models, size_t n,
			struct err *err);
bool res_tty_set_own(const struct model *m);

/* A new img_file in @m with a fresh id, for a file that only a mapping names. NULL: no memory. */
struct img_file *res_capture_file(struct res_capture *c, struct model *m);

/*
 * The description met so far, of any process, that holds the contents of nameless file @ino; its id is put
 * into *@id, which else stays as it is. @dev: on that device; 0: whatever stat(2) says of its device, which
 * on some file systems is another one than /proc/PID/maps has.
 */
int res_capture_saved(struct res_capture *c, struct model *m, uint64_t ino, uint64_t dev,
		      uint32_t *id, struct err *err);

/* How long the rings of packet socket @id are, which can be mapped all together only; 0: it has none. */
uint64_t res_capture_rings(const struct res_capture *c, uint32_t id);

/*
 * Descriptors at a restart. Every open file description of the computation is made once, in its first
 * process and before that forks; all others inherit them, and each puts its own at its numbers.
 */
struct res_restart {
	const struct model *m; /* whose img_file is being made */
	const struct model *const *models; /* of all processes; borrowed */
	size_t nmodels;
	int std_fds[3]; /* what takes the place of the streams from outside; -1: /dev/null */
	int base; /* numbers from here up are ours until res_restart_done: room.c */
	struct res_shelves *shelves; /* shelf.c: not all can be here at a time; NULL: it can */
	struct res_made *made; /* descriptions made so far */
	size_t nmade;
	struct res_spare *spares; /* second ends, made with the first ones */
	size_t nspares;
	bool inet_made; /* all network sockets are, at the first: they stand among the spares */
	struct res_pty *ptys; /* terminals inside the computation */
	size_t nptys;
	/* Set by the caller before res_restart_make: */
	bool own_mounts; /* the mount namespace is ours */
	void (*await)(void *context,
		      pid_t pid); /* until that process of the computation is there */
	/* A fork that only holds what this process does, and ends with the rebuilding; NULL: not to be had */
	pid_t (*fork_shelf)(void *context);
	void *context;
};

/*
 * Make every description that any of @models has a descriptor for. Descriptors that the caller still
 * needs are in @keep (moved out of the way, values updated, close-on-exec); all others of this process
 * are closed. Single-threaded. @std_fds are borrowed. On failure too: res_restart_done.
 */
int res_restart_make(struct res_restart *r, const struct model *const *models, size_t n,
		     const int std_fds[3], int *const *keep, size_t nkeep, struct err *err);

/* In the process that @m describes: put its descriptors at their numbers. */
int res_restart_place(struct res_restart *r, const struct model *m, struct err *err);

/* In the leader of new session @sid: the terminal that it had, if that is inside the computation. */
int res_pty_control(const struct res_restart *r, pid_t sid, struct err *err);
/* The group that was in the foreground of that terminal, 0: none; and to put it there again. */
pid_t res_pty_foreground(const struct res_restart *r, pid_t sid);
void res_pty_set_foreground(const struct res_restart *r, pid_t sid);
/* When all descriptions are made: locks and the like, that would be in our own way. */
void res_pty_close_doors(struct res_restart *r);

/* A descriptor for file @id, open until res_restart_done; -1: no process has one. */
int res_restart_find(const struct res_restart *r, uint32_t id);

/*
 * In another process that has the descriptors of the one that has placed them: close what it has fetched for
 * itself. The rest is closed by that one.
 */
void res_restart_drop(const struct res_restart *r);

/* Close everything that is not at a number of the program. */
void res_restart_done(struct res_restart *r);

/*
 * Cut the files that @m's process was writing back to what they held at the checkpoint: the work will write
 * the rest again. Those whose contents are here are given them back, also where they are gone. The last thing
 * before it runs: a restart that fails leaves files as they were.
 */
int res_roll_back(const struct model *m, struct err *err);

/*
 * Take away what the inotify descriptors of @m's process, which stands still, tell of the restart's own work.
 * After the last of it.
 */
void res_forget_told(const struct model *m);

/* Can the address of network socket @f be had here? -EADDRINUSE: no, and @err says who has it. */
int res_check_address(const struct model *m, const struct img_file *f, struct err *err);

/* Can packet socket @f be had here: may we, are its interfaces there? */
int res_check_packet(const struct model *m, const struct img_file *f, struct err *err);

/*
 * A descriptor for a removed directory like the one that was @path (of /proc: with " (deleted)"): where it
 * was if that can be, else anywhere. Nothing can be in it any more.
 */
int res_open_removed(const char *path, mode_t mode, int flags, struct err *err);

/*
 * A removed directory that a process is in: an img_file in @m, which no descriptor need be for. It is the
 * same one as that of any descriptor for it. *@id: of the record.
 */
int res_capture_removed(struct res_capture *c, struct model *m, const char *path,
			const struct stat *st, uint32_t *id, struct err *err);

/* The program of the process, from the image (exe_data): a nameless file. */
int res_open_program(const struct model *m, struct err *err);

/* Open the file behind mapped img_file @f by its path, for mapping with @writable; the caller closes. */
int res_open_mapped(const struct model *m, const struct img_file *f, bool writable,
		    struct err *err);

/*
 * Is this a place for files that need not last? What is small there is kept with the program. After
 * res_capture_fds of all processes: they have such places of their own ($TMPDIR).
 */
bool res_is_temporary(const struct res_capture *c, const char *path);

/*
 * @path, a buffer of @size bytes, is a name that the file no longer has: put another one of the same
 * directory in its place. False, and nothing changed, if there is none.
 */
bool res_linked_name(char *path, size_t size, dev_t dev, ino_t ino);

/* The directories above @path that are missing, for us alone. Best effort. */
void res_make_directories(const char *path);

/*
 * Before anything is mapped or opened: files in memory (IMG_FILE_MEMORY) under their names, each a new one of
 * its old size; whoever has the one before keeps that.
 */
int res_remake_memory(const struct model *const *models, size_t n, struct err *err);

/* What a kind can do. */
struct res_kind {
	enum img_file_kind kind;
	const char *name; /* for messages */
	bool (*match)(const struct res_seen *seen);
	int (*capture)(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err);
	/*
	 * Can it be made only when other processes are there? Then each process that has a descriptor
	 * makes its own. May be NULL: never.
	 */
	bool (*late)(const struct model *m, const struct img_file *f);
	/* A new descriptor for @f (any number), position and flags set; -errno. */
	int (*make)(struct res_restart *r, const struct img_file *f, struct err *err);
	/* After all have been made: what is in the queue of @fd, which @f was made as. May be NULL. */
	int (*fill)(struct res_restart *r, const struct img_file *f, int fd, struct err *err);
	/* After all have been filled: settings that would have been in the way. May be NULL. */
	int (*settle)(struct res_restart *r, const struct img_file *f, int fd, struct err *err);
	/* After all numbers are in place: what refers to numbers. May be NULL. */
	int (*finish)(const struct res_restart *r, const struct model *m, const struct img_file *f,
		      int fd, struct err *err);
};

extern const struct res_kind res_reg, res_dir, res_chr, res_tty, res_ptmx, res_pipe, res_eventfd,
	res_epoll, res_timerfd, res_signalfd, res_memfd, res_inet, res_unix, res_pidfd, res_inotify,
	res_socket, res_mqueue, res_uring, res_packet;

/*
 * img_file.arg. Where F_SEAL_FUTURE_WRITE is among the seals, which lets no new mapping be writable, the
 * processes put them on when all have their mappings.
 */
enum { MEMFD_ARG_SEALS };

enum { /* img_file.arg of what has no name: a regular file, a directory, a memfd */
       RES_ARG_OWNED = 5, /* 1: the next two are known */
       RES_ARG_UID,
       RES_ARG_GID,
};

/*
 * memfd_create(2), close-on-exec, that may be mapped executable whatever vm.memfd_noexec says of those that
 * do not ask for it; or, unless @executable, that never may.
 */
int res_memfd_create(const char *name, unsigned int flags, bool executable);

/* extents.c: keep the owner of what has no name; and give it to @fd as far as we may. */
void res_keep_owner(struct img_file *f, const struct stat *st);
void res_give_owner(int fd, const struct img_file *f);

/*
 * What stands in nameless file @f, and its owner; its holes are not saved. More than 1 GiB: -EFBIG. To load
 * it makes @fd as long as the file was.
 */
int res_save_nameless(struct model *m, const struct res_seen *seen, struct img_file *f,
		      struct err *err);
int res_load_nameless(const struct model *m, const struct img_file *f, int fd, struct err *err);

/* img_file.arg; of one that has ended and been waited for: 0, who it was (0: not known), how it ended */
enum { RES_PIDFD_ARG_PID, RES_PIDFD_ARG_SAME, RES_PIDFD_ARG_STATUS };

/* The process of @path below /proc that belongs to one: "/proc/PID/..."; 0: to none. */
pid_t res_proc_pid(const char *path);

/* What is named so by /proc and cannot be brought back: "a ..., what to do"; NULL: nothing against it. */
const char *res_refused(const char *link);

/* Put the contents of @fd (regular file of @size bytes) into the model's pool; or those from @from on. */
int res_save_contents(struct model *m, struct img_ref *ref, int fd, uint64_t size, struct err *err);
int res_save_range(struct model *m, struct img_ref *ref, int fd, uint64_t from, uint64_t size,
		   struct err *err);
int res_load_contents(const struct model *m, struct img_ref ref, int fd, struct err *err);
/* Does the file hold these @len bytes at offset @at? What is unchanged need not be written again. */
bool res_holds(int fd, const char *bytes, size_t len, uint64_t at);

/* Save all of file @f, named @path, which @fd can read; the same file once. Over 1 GiB: -EFBIG. */
int res_save_file(struct model *m, struct img_file *f, int fd, const char *path, struct err *err);

/* A new file of the name, size and contents of @f, whose contents are in @m; directories too. */
int res_make_saved(const struct model *m, const struct img_file *f, struct err *err);

/*
 * Keep the other end of a pair until its own img_file is made: owned by @r from here on, also on
 * failure. Take gives it to the caller, find lends it; or -1.
 */
int res_spare_put(struct res_restart *r, uint64_t key, int fd, struct err *err);
int res_spare_find(const struct res_restart *r, uint64_t key);
int res_spare_take(struct res_restart *r, uint64_t key);

/* The img_file of any process for which @match says yes; NULL: none. *@owner: its model. */
const struct img_file *res_find_file(const struct res_restart *r, const struct model **owner,
				     bool (*match)(const struct img_file *f, uint64_t key),
				     uint64_t key);

/* Find a description of @kind made already for kernel object @object; -1 if none. */
int res_made_find(const struct res_restart *r, uint64_t object, uint32_t kind);

/*
 * uring.c: where the io_uring behind descriptor @fd of ours stands. It may be one of the program's, and
 * is not touched.
 */
struct res_uring {
	int32_t left; /* requests that have not ended; less than 0: there were more ends than requests */
	uint32_t polls, overflown; /* that wait for a descriptor; ends that had no room */
	uint32_t buffers; /* registered */
};
#define RES_URING_LINK "anon_inode:[io_uring]" /* what its descriptor, and maps, call it */
bool res_uring_is(const char *link);
int res_uring_look(int fd, struct res_uring *state, struct err *err);

/* Why that is no state to take it in, "..."; NULL: it can be. */
const char *res_uring_busy(const struct res_uring *state);

/*
 * Is it one that answers a certain thread only? That is to make call @result with @args then, for
 * descriptor @fd of its process; what it was answered is said to res_uring_answer.
 */
bool res_uring_is_bound(int fd);
long res_uring_question(uint64_t fd, uint64_t args[6]);
int res_uring_answer(int fd, long answer, struct err *err);

/* The buffers registered with io_uring @f of @m's process; NULL: none. *@n: how many there is room for. */
const struct img_range *res_uring_buffers(const struct model *m, const struct img_file *f,
					  size_t *n);

/* Can io_uring @f be had here? */
int res_check_uring(const struct model *m, const struct img_file *f, struct err *err);
