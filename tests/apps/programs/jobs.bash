# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A shell with children of all sorts; each run is equal.
set -u
sum=0 ended=0
# No parentheses: bash 5.2 may run this while it parses a command substitution, and then takes theirs for that one's.
trap 'let ended+=1' CHLD
coproc ADD { while read -r a b; do echo $(((a * 31 + b) % 1000003)); done; }
mkfifo line
(while read -r word; do echo "got $word"; done <line >got.txt) &
reader=$!
exec 4>line
work() {
	local i s=$1
	for ((i = 0; i < 2500; i++)); do s=$(((s * 31 + i) % 1000003)); done
	echo "$s" >"part.$1"
	return $(($1 % 7))
}
for ((step = 1; step <= 20; step++)); do
	work $((step * 3)) &
	one=$!
	(work $((step * 3 + 1))) &
	two=$!
	wait $one
	sum=$((sum + $?))
	wait $two
	sum=$((sum + $?))
	read -r a <"part.$((step * 3))"
	b=$(cat "part.$((step * 3 + 1))" <(echo 1) | tr '\n' ' ')
	echo "$sum $((a + ${b%% *}))" >&"${ADD[1]}"
	read -r sum <&"${ADD[0]}"
	echo "$sum" >&4
	echo "step $step"
done
exec 4>&-
wait $reader
trap - CHLD
read -r last < <(tail -n 1 got.txt)
[ "$ended" -ge 40 ] && echo "sum $sum $last lines $(wc -l <got.txt)"
