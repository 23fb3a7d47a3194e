# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of commands share. A test starts computations whose program answers what it is asked, so
# that "it runs on, and is the same" is an answer with the next number, not a guess after some time.
set -u
cd "$TMPDIR" || exit 1
unset CDPATH
declare -A to from pid root
declare said answer

# Says its process id; then counts the lines it reads, and says the count.
counter='echo $$; n=0; while read -r l; do case $l in exit*) exit ${l#exit };; esac
	n=$((n+1)); echo $n; done'
# The same, holding 15 MB that take seconds to compress with zstd:19.
heavy="x=\$(head -c 11000000 /dev/urandom | base64 -w 0); $counter"

fail() {
	echo "FAILED: $*"
	[ -z "${said:-}" ] || printf 'last said: %s\n' "$said"
	cat ./*.err 2>/dev/null
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# until_true COMMAND...: an event of another process, a minute at most.
until_true() {
	local tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "never true: $*"
		sleep 0.1
	done
}

# must STATUS PATTERN COMMAND...: it exits so, and says what matches PATTERN.
must() {
	local want=$1 pattern=$2 status=0
	shift 2
	said=$(timeout 90 "$@" 2>&1 </dev/null) || status=$?
	[ "$status" = "$want" ] || fail "'$*' exits with $status, not $want"
	grep -qE -- "$pattern" <<<"$said" || fail "'$*' does not say '$pattern'"
}

# start KEY COMMAND...: in the background, to be asked. Only its own pipes are open in it.
start() {
	local key=$1
	shift
	rm -f "$key.in" "$key.out"
	mkfifo "$key.in" "$key.out"
	(
		for fd in "${to[@]}" "${from[@]}"; do exec {fd}>&-; done
		exec "$@" <"$key.in" >"$key.out" 2>>"$key.err"
	) &
	pid[$key]=$!
	exec {fd}>"$key.in"
	to[$key]=$fd
	exec {fd}<"$key.out"
	from[$key]=$fd
}

# launch KEY [OPTION...] -- SCRIPT: a computation called KEY that runs it.
launch() {
	local key=$1 script=${*: -1}
	start "$key" "$CAIRN" launch -n "$key" "${@:2:$#-2}" bash -c "$script"
	hear "$key"
	root[$key]=$answer
}

hear() {
	read -r -t 60 -u "${from[$1]}" answer || fail "$1 says nothing"
}

# ask KEY COUNT: a line goes in, COUNT comes back.
ask() {
	echo >&"${to[$1]}"
	hear "$1"
	[ "$answer" = "$2" ] || fail "$1 says $answer, not $2"
}

# gone WHAT...: after that no process of the checkpoints in cairn-a is there.
gone() {
	local file
	for file in cairn-a/gen-*/*.img; do
		file=${file##*/}
		! kill -0 "${file%.img}" 2>/dev/null || fail "process ${file%.img} is left after $*"
	done
}

# grows FILE: who writes it runs.
grows() {
	local before tries=0
	before=$(stat -c %s "$1" 2>/dev/null || echo 0)
	until [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$before" ]; do
		[ $((tries++)) -lt 6000 ] || fail "nothing is written to $1"
		sleep 0.01
	done
}

# ended KEY STATUS: it has ended, so.
ended() {
	local status=0
	wait "${pid[$1]}" 2>/dev/null || status=$?
	[ "$status" = "$2" ] || fail "$1 ended with $status, not $2"
	leave "$1"
}

# No longer to be asked; a counter that still runs sees the end of its input, and ends.
leave() {
	local fd=${to[$1]}
	exec {fd}>&-
	fd=${from[$1]}
	exec {fd}>&-
	unset "to[$1]" "from[$1]"
}

# live KEY NAME WHY: program NAME of tests/live, under an agent that has left it; $program is its id. Skips
# for WHY where this kernel has not what it is about.
live() {
	start "$1" "$CAIRN" launch -n "$1" bash -c "echo \$\$; exec '$(dirname "$CAIRN")/tests/live/$2'"
	hear "$1"
	program=$answer
	hear "$1"
	[ "$answer" = 'ready 2' ] || skip "$3"
	must 0 '' "$CAIRN" quit
}

# Such a program answers.
live_answers() {
	printf p >&"${to[$1]}"
	hear "$1"
	[ "$answer" = 'ready 2' ] || fail "$1 says $answer"
}

tell() {
	echo "$2" >&"${to[$1]}"
}

no_partial() {
	compgen -G "$1/*.partial" >/dev/null && fail "$1 holds an unfinished generation"
	return 0
}

programs=$(dirname "$CAIRN")/tests/cli
