# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A long loop of builtins; each run is equal.
set -eu
declare -A count
declare -a last
caught=0 sum=0
trap 'caught=$((caught + 1))' USR1
exec 3>log.txt
for ((step = 1; step <= 20; step++)); do
	for ((i = 0; i < 10000; i++)); do
		((sum = (sum * 31 + i) % 1000003)) || :
		printf -v word 'w%04x' $((sum % 700))
		count[$word]=$((${count[$word]:-0} + 1))
		case $word in
		*[13579bdf]) last[sum % 50]=${word//w0/x} ;;
		esac
	done
	read -r first _ <<<"${last[*]}"
	printf '%d %s\n' "$sum" "$first" >&3
	kill -USR1 $$
	echo "step $step"
done
exec 3>&-
mapfile -t lines <log.txt
echo "sum $sum words ${#count[@]} caught $caught lines ${#lines[@]} ${lines[*]} ${last[*]}"
