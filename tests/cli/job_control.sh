#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stop, continue and interrupt a launched program at a shell: all as it would be without cairn.
. "$TESTS/cli/lib"
[ -x /bin/bash ] || { echo "no bash"; exit 77; }
cat >steps <<EOF
> cairn=$cairn
* ^Z stops both, the shell sees it
> \$cairn launch -n job sh -c 'echo rea""dy; read x; echo got \$x'
= ready
^ Z
= Stopped
* a stopped computation still answers, and stays stopped
> \$cairn status -n job
= job: stopped
~ jobs = Stopped
> fg
= launch
> hello
= got hello
* ^C: the shell sees death by that signal
> \$cairn launch sh -c 'echo rea""dy; exec sleep 100'
= ready
^ C
> echo status=\$?
= status=130
* each signal once, whether it went to the group or to cairn alone (status: once cairn has read the last)
> \$cairn launch -n sig $helpers/echo_signals &
= ready
> \$cairn status -n sig >/dev/null; kill -USR1 %1
= got USR1
> \$cairn status -n sig >/dev/null; kill -USR1 \$!
= got USR1
> \$cairn status -n sig >/dev/null; kill -USR2 %1
= got USR2
# 0 got USR1
> \$cairn status -n sig >/dev/null; kill -USR2 \$!
= got USR2
> \$cairn status -n sig >/dev/null; kill -USR1 %1
= got USR1
# 0 got USR2
> \$cairn kill -n sig; wait; echo en''d
= end
# 0 got USR1
* the terminal's signals, once each
> \$cairn launch -n tty $helpers/echo_signals read
= ready
^ C
= got INT
^ \\
= got QUIT
# 0 got INT
> line
= got line
# 0 got QUIT
^ Z
= Stopped
> fg
= launch
> more
= got more
^ C
= got INT
^ Z
= Stopped
> \$cairn kill -n tty
~ jobs = Killed
* reading from the terminal in the background stops it
> \$cairn launch -n bg cat &
~ jobs = Stopped
> fg
= launch
> text
= text
^ D
> echo status=\$?
= status=0
EOF
"$helpers/terminal" 60 <steps
