# SPDX-License-Identifier: Apache-2.0
# nginx with two workers, and clients that ask anew or on the same connection; all that they get is summed up.
set -eu
port=$((20000 + $$ % 10000))
head -c 300000 /bin/bash >page
mkdir -p tmp
started() {
	cat >nginx.conf <<END
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path tmp;
	proxy_temp_path tmp;
	fastcgi_temp_path tmp;
	uwsgi_temp_path tmp;
	scgi_temp_path tmp;
	server { listen 127.0.0.1:$port; root $PWD; }
}
END
	nginx -e error.log -p "$PWD" -c nginx.conf &
	server=$!
	until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>refused; do
		kill -0 "$server" 2>gone || return 1
	done
}
until started; do port=$((port + 1)); done
/usr/bin/python3 "$(dirname "$0")/http_clients.py" "$port"
kill -QUIT "$server"
wait "$server"
