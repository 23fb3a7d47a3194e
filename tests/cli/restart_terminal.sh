#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A restarted program at a shell: stopped, continued, signalled, killed as the program itself would be.
. "$TESTS/cli/lib"
[ -x /bin/bash ] || { echo "no bash"; exit 77; }
ids=namespace
[ "$(id -u)" != 0 ] || ids="namespace direct"

# steps IDS
steps() {
	cat <<EOF
> cairn=$cairn; export CAIRN_IDS=$1 CAIRN_CKPT_DIR=ck.$1
> (until [ -e go.$1 ]; do sleep 0.1; done; \$cairn checkpoint -n tty --kill && echo kil''led) &
> \$cairn launch -n tty sh -c 'touch go.$1; exec $helpers/echo_signals read'
= killed
> wait; \$cairn restart
> one
= got one
* the terminal's signals, once each
^ C
= got INT
^ \\
= got QUIT
# 0 got INT
^ Z
= Stopped
# 0 got QUIT
* a stop that comes soon after is a stop
> fg
= restart
> two
= got two
^ C
= got INT
^ Z
= Stopped
* reading from the terminal in the background stops it
> bg
~ jobs = Stopped
> fg
= restart
> three
= got three
^ Z
= Stopped
* one that ends while the job stands
> \$cairn kill -n tty
~ jobs = Killed
* each signal once, whether it went to the group or to cairn alone
> \$cairn launch -n sig $helpers/echo_signals &
= ready
> \$cairn checkpoint -n sig --kill; wait; \$cairn restart &
> while ! \$cairn status -n sig >/dev/null; do sleep 0.1; done; kill -USR1 %%
= got USR1
> \$cairn status -n sig >/dev/null; kill -USR1 \$!
= got USR1
> \$cairn status -n sig >/dev/null; kill -USR2 %%
= got USR2
# 0 got USR1
> \$cairn status -n sig >/dev/null; kill -USR2 \$!
= got USR2
> \$cairn status -n sig >/dev/null; kill -USR1 %%
= got USR1
# 0 got USR2
> \$cairn kill -n sig; wait; echo en''d
= end
# 0 got USR1
EOF
}

for i in $ids; do
	steps "$i" | "$helpers/terminal" 60 || fail "ids $i"
done
