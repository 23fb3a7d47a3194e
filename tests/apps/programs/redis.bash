# SPDX-License-Identifier: Apache-2.0
# A Redis server with clients that count; what has been counted must be all of it.
set -eu
port=$((20000 + $$ % 10000))
until [ -n "${server:-}" ] && redis-cli -p "$port" ping >pong 2>&1 && grep -q PONG pong; do
	if [ -z "${server:-}" ] || ! kill -0 "$server" 2>kill.err; then # not started, or the port was taken
		port=$((port + 1))
		redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir . >log &
		server=$!
	fi
done
for ((step = 1; step <= 20; step++)); do
	redis-benchmark -p "$port" -q -n 2000 -c 10 -P 4 -t incr,lpush >/dev/null
	echo "step $step"
done
redis-cli -p "$port" get counter:__rand_int__
redis-cli -p "$port" llen mylist
redis-cli -p "$port" shutdown nosave 2>end || true
wait "$server"
