# SPDX-License-Identifier: Apache-2.0
# What the tests of programs on terminals share: begin one below Cairn, type, read, kill it all, restart.
set timeout 60
set cairn $env(CAIRN)
set ckpt [pwd]/ckpt
set env(HOME) [pwd]
set env(TERM) dumb

proc fail {why} {
	puts "\nfails: $why"
	exit 1
}

# Run a command in a new terminal; its process id.
proc begin {args} {
	global spawn_id
	set pid [spawn {*}$args]
	expect_after {
		timeout { fail "no answer in time" }
		eof { fail "the terminal closed" }
	}
	return $pid
}

# What is below a process: it, and all its descendants.
proc below {pid} {
	set all $pid
	foreach file [glob -nocomplain /proc/$pid/task/*/children] {
		if {[catch {set f [open $file]}]} continue
		foreach child [read $f] { lappend all {*}[below $child] }
		close $f
	}
	return $all
}

proc kill_everything {pid} {
	global spawn_id
	foreach p [below $pid] { catch {exec kill -9 $p} }
	expect eof
	wait
}

# Checkpoint, kill, restart in another terminal.
proc revive {name pid} {
	global cairn ckpt spawn_id
	exec $cairn checkpoint -n $name
	kill_everything $pid
	return [begin $cairn restart -n $name $ckpt]
}

proc ask {typed answer} {
	send -- $typed
	expect -re $answer
}

# The program ends by itself, with success.
proc finish {} {
	expect eof
	lassign [wait] - - - status
	if {$status != 0} { fail "exit status $status" }
}
