# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server with pgbench over TCP; every transaction must have happened once.
set -eu
if [ "$(id -u)" = 0 ]; then # it refuses root
	install -d -o 65534 -g 65534 work
	chmod 711 .
	cd work
	exec setpriv --reuid=65534 --regid=65534 --clear-groups bash "$0" "$@"
fi
bin=$1 port=$((20000 + $$ % 10000))
export PGHOST=127.0.0.1 PGUSER=me PGDATABASE=postgres
"$bin/initdb" -D data -U me -A trust --no-sync --locale=C >log 2>&1
cat >>data/postgresql.conf <<'END'
fsync = off
shared_buffers = 16MB
max_connections = 20
unix_socket_directories = ''
END
server=
until [ -n "$server" ] && "$bin/pg_isready" -q -p "$port"; do
	if [ -z "$server" ] || ! kill -0 "$server" 2>gone; then # not started, or the port was taken
		port=$((port + 1))
		"$bin/postgres" -D data -p "$port" >>log 2>&1 &
		server=$!
	fi
done
export PGPORT=$port
"$bin/pgbench" -i -s 1 -q >>log 2>&1
for ((step = 1; step <= 20; step++)); do
	"$bin/pgbench" -n -c 4 -j 2 -t 10 >>log 2>&1
	echo "step $step"
done
"$bin/psql" -At -c "select count(*), sum(delta) = (select sum(abalance) from pgbench_accounts),
	sum(delta) = (select sum(tbalance) from pgbench_tellers),
	sum(delta) = (select sum(bbalance) from pgbench_branches) from pgbench_history"
kill -INT "$server"
wait "$server"
"$bin/pg_controldata" data | grep state
