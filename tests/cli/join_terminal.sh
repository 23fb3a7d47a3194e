#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program that has joined, at a shell: stopped, continued, interrupted as it would be without cairn.
. "$TESTS/cli/lib"
[ -x /bin/bash ] || { echo "no bash"; exit 77; }
cat >steps <<EOF
> cairn=$cairn
> \$cairn launch -n job sh -c 'echo fi""rst; exec sleep 1000' </dev/null &
= first
* it reads from the terminal; ^Z stops it, the shell sees it
> \$cairn launch --join -n job sh -c 'echo rea""dy; read x; echo got \$x'
= ready
^ Z
= Stopped
> \$cairn status -n job
= job: running, 2 processes
> fg
= launch
> hello
= got hello
* ^C: the shell sees death by that signal
> \$cairn launch --join -n job sh -c 'echo rea""dy; exec sleep 100'
= ready
^ C
> echo status=\$?
= status=130
* each signal once
> \$cairn launch --join -n job $helpers/echo_signals read
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
* while the agent is stopped, others may end
> kill -STOP %1; fg %2
= launch
> more
= got more
^ D
> echo status=\$?
= status=0
> kill -CONT %1; \$cairn kill -n job; wait; echo en''d
= end
EOF
"$helpers/terminal" 60 <steps
