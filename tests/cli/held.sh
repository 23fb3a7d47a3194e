#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be brought back is refused by name, with what to do; the program goes on as if nothing had been.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# refused WHAT PATTERN
refused() {
	start "$1" "$CAIRN" launch -n "$1" "$programs/holds" "$1"
	hear "$1"
	if [ "$answer" = none ]; then
		ended "$1" 0
		echo "$1: not here"
		return
	fi
	ask "$1" 1
	must 1 "process [0-9]+[:,] $2" "$CAIRN" checkpoint -n "$1"
	ask "$1" 2
	leave "$1"
	wait "${pid[$1]}"
}

ring='descriptor [0-9]+ is an io_uring that'
refused ring_poll "$ring has requests that wait for descriptors"
refused ring_timeout "$ring has requests in flight"
refused ring_eventfd "$ring has registered an eventfd.*UV_USE_IO_URING=0"
refused ring_files "$ring has registered files"
refused ring_buffers 'memory at [0-9a-f]+ that is registered with an io_uring is no longer mapped'
refused ring_choice "$ring has buffers to choose from"
refused ring_number 'a thread has registered the descriptor of an io_uring'
refused ring_thread "$ring has a thread of the kernel's"
refused ring_polled "$ring waits by polling"
refused ring_disabled "$ring has not been enabled yet"
refused ring_wide "$ring has entries of twice the size"
refused ring_closed 'memory at [0-9a-f]+ is of an io_uring, of which no process has the descriptor'
refused aio 'the AIO context at [0-9a-f]+ has 1 request in flight'
refused userfaultfd 'descriptor [0-9]+ is a userfaultfd, .*close it'
refused counter 'descriptor [0-9]+ is a performance counter; .*profiler'
refused bpf 'descriptor [0-9]+ is a BPF object'
refused secret 'memory at [0-9a-f]+ is secret memory'
refused huge "descriptor [0-9]+ is '/memfd:huge.*' of huge pages"
refused received "memory at [0-9a-f]+ is a socket's .*unmap it"
refused fanotify 'descriptor [0-9]+ is a fanotify group'
refused vsock 'descriptor [0-9]+ is a socket to a virtual machine'
refused thread "a pidfd is for thread [0-9]+, which is not its process's first"
refused pressure 'descriptor [0-9]+ waits for pressure on a resource'
refused mount "descriptor [0-9]+ is a directory that is not to be found at '/.*'"
refused mdwe 'it may have no memory that is both written and executed .PR_SET_MDWE'
refused namespace "descriptor [0-9]+ is a namespace .'uts:.*'. that the process is not in"
refused multipath 'descriptor [0-9]+: an MPTCP connection.*GODEBUG=multipathtcp=0'
refused cork 'descriptor [0-9]+: a UDP socket holds back what was sent .UDP_CORK'
refused unaccepted 'descriptor [0-9]+ is a UNIX socket .*not accepted yet'
refused listener 'descriptor [0-9]+ is a supervisor.s end of a seccomp filter'
refused supervised "(thread [0-9]+: )?it has a seccomp filter(, which may kill it.*root's on the host| that leaves calls to a supervisor)"
