# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of containers share: a root directory with nothing in it but cairn and a program that counts;
# and podman (tests/containers/podman).
set -u
# shellcheck source=podman
. "$TESTS/containers/podman"
cd "$TMPDIR" || exit 1
programs=$(dirname "$CAIRN")/tests/containers
work=$TMPDIR/work
root=$TMPDIR/root
inside=/opt/cairn/bin/cairn
export CAIRN_RUNDIR=$work/run

fail() {
	echo "FAILED: $*"
	[ -z "${container:-}" ] || podman logs "$container"
	tail -n 20 "$work"/*.out
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# until_true WHAT COMMAND...: it becomes true
until_true() {
	local what=$1 end=$((SECONDS + 60))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "$what: not after 60 s"
		sleep 0.05
	done
}

make_root() {
	mkdir -p "$work" "$root"/{bin,proc,dev,tmp,work,run,opt/cairn/bin}
	chmod 755 "$TMPDIR" "$root"
	chmod 1777 "$root/tmp"
	chmod 700 "$root/run"
	strip -o "$root$inside" "$CAIRN"
	cp "$programs"/{count,dockerlike} "$root/bin"
	"$root$inside" --version >/dev/null || fail "cairn does not start"
	! objdump -p "$root$inside" | grep -q NEEDED || skip "cairn is not one file here (no static libraries)"
}

lines() {
	wc -l <"$work/lines" 2>/dev/null || echo 0
}

grown() {
	[ "$(lines)" -ge "$1" ]
}

# It goes on from where it was.
goes_on() {
	until_true "the program goes on" grown $(($(lines) + 5))
}

# The newest generation
newest() {
	find "$ckpt" -name 'gen-*' | sort | tail -n 1
}

# ended STATUS: with the program's status, and no number lost or doubled
ended() {
	[ "$1" = 7 ] || fail "it ended with $1, not 7"
	seq "$(lines)" | cmp -s - "$work/lines" || fail "lines are lost, doubled or changed"
}

# --- podman: each container gets ./work and ./ckpt of its own and "${options[@]}" ------------------------------

image=localhost/cairn-test
options=()
front=() # between the image and cairn
stops=no # yes: the checkpoint ends the container, as its removal would leave processes behind

containers() {
	trap 'podman_close "$TMPDIR"/work* "$TMPDIR"/ckpt*' EXIT
	podman_open "$TMPDIR"
}

# The next container finds nothing of the last one.
new_place() {
	work=$TMPDIR/work${1:-} ckpt=$TMPDIR/ckpt${1:-}
	mkdir -p "$work" "$ckpt"
	chmod 777 "$work" "$ckpt"
}

# box ARGUMENT...: cairn in a new container, in the place of the last one, which ends at once
box() {
	podman run -d --replace --stop-timeout 0 --name box -v "$work:/work" -v "$ckpt:/ckpt" -w /work "${options[@]}" \
		"$image" "${front[@]}" $inside "$@" >"$work/run.out" 2>&1 || fail "no container"
	container=box
}

# save [OPTION...]: a checkpoint; the agent's log, which ends with its container, is kept
save() {
	# shellcheck disable=SC2016 # for the shell inside
	podman exec box sh -c 'until "$0" status -n job >/dev/null 2>&1; do sleep 0.05; done
		cat "${CAIRN_RUNDIR:-/tmp/cairn-$(id -u)}/job/log" >/ckpt/log
		exec "$0" checkpoint -n job "$@"' $inside "$@" >"$work/checkpoint.out" 2>&1 || fail "no checkpoint"
}

# The process that podman has for each container has ended, whether process 1 has reaped it or not.
has_ended() {
	[ ! -e "/proc/$1/stat" ] || grep -q ') Z ' "/proc/$1/stat"
}

# Its exit status. Not by `podman wait`: that waits 20 s more where it finds this process gone.
ends() {
	local monitor
	monitor=$(podman inspect -f '{{.State.ConmonPid}}' box)
	until_true "the container's end" has_ended "$monitor"
	podman inspect -f '{{.State.ExitCode}}' box
}

# through PLACE PROGRAM...: launched in one container, restarted in a second, and in a third, to its end
through() {
	new_place "$1"
	shift
	box launch -n job -d /ckpt "$@"
	until_true "it counts" grown 5
	for _ in 1 2; do
		if [ $stops = yes ]; then
			save --kill
			ends >/dev/null
		else
			save
		fi
		box restart -n job /ckpt
		goes_on
	done
	touch "$work/stop"
	ended "$(ends)"
}
