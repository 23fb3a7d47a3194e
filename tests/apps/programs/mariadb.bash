# SPDX-License-Identifier: Apache-2.0
# A MariaDB server and clients that move money about; none may be lost, and every move must have happened once.
set -eu
if [ "$(id -u)" = 0 ]; then
	install -d -o 65534 -g 65534 work
	chmod 711 .
	cd work
	exec setpriv --reuid=65534 --regid=65534 --clear-groups bash "$0" "$@"
fi
here=$PWD
ln -sfn "$here" "/tmp/cairn-mariadb-$$" # a socket's name must be short
socket=/tmp/cairn-mariadb-$$/socket
trap 'rm -f "/tmp/cairn-mariadb-$$"' EXIT
mariadb-install-db --no-defaults --datadir="$here/data" --auth-root-authentication-method=normal \
	--skip-test-db >log 2>&1
mariadbd --no-defaults --datadir="$here/data" --socket="$socket" --skip-networking \
	--innodb-buffer-pool-size=8M --innodb-log-file-size=8M --max-connections=20 >>log 2>&1 &
server=$!
sql() { mariadb --no-defaults --socket="$socket" -u root -N -B "$@"; }
until sql -e 'select 1' >>log 2>&1; do
	kill -0 "$server"
done
sql <<'END'
create database bank;
use bank;
create table account (id int primary key, money int not null, pad char(200) not null) engine=innodb;
create table move (id int auto_increment primary key, source int, target int, sum int) engine=innodb;
insert into account select seq, 1000, repeat('x', 200) from seq_1_to_40000;
delimiter //
create procedure work(n int)
begin
	declare a, b, m int;
	while n > 0 do
		set a = 1 + floor(rand() * 39999), m = 1 + floor(rand() * 9);
		set b = 1 + (a + floor(rand() * 30000)) % 40000;
		start transaction;
		update account set money = money - m where id = least(a, b);
		update account set money = money + m where id = greatest(a, b);
		insert into move (source, target, sum) values (least(a, b), greatest(a, b), m);
		commit;
		set n = n - 1;
	end while;
end//
END
for ((step = 1; step <= 20; step++)); do
	clients=
	for _ in 1 2 3 4; do
		sql bank -e 'call work(50)' &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # a list of numbers
	wait $clients
	echo "step $step"
done
sql bank <<'END'
select count(*), sum(money) from account;
select count(*), count(distinct id) from move;
select count(*) from account a where money != 1000
	- (select coalesce(sum(sum), 0) from (select source, sum(sum) as sum from move group by source) s where s.source = a.id)
	+ (select coalesce(sum(sum), 0) from (select target, sum(sum) as sum from move group by target) t where t.target = a.id);
check table account, move extended;
END
sql -e shutdown
wait "$server"
