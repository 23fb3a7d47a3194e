# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of applications share. Each of them ends in app_drive, which runs a command plainly,
# then below Cairn, checkpointed, killed and restarted at each --at MARK; both results must be equal.
# A mark is a line that the command prints: a checkpoint comes when the program is there, not after
# some time.
set -euo pipefail
programs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/programs
drive=$(dirname "$CAIRN")/tests/drive

# Skip where one of these commands is not installed.
app_need() {
	local command
	for command; do
		if ! command -v "$command" >/dev/null; then
			echo "$command is not installed"
			exit 77
		fi
	done
}

app_options=()
app_drive() {
	"$drive" app "${app_options[@]}" "$@"
}

# Two rounds at fixed steps, for programs that print "step N" from 1 to 20.
app_steps() {
	app_drive --at '^step 5$' --at '^step 11$' "$@"
}

# Open MPI: more processes than processors, as root too; who waits for another lets others run.
app_openmpi() {
	app_need mpicc.openmpi mpirun.openmpi
	# One that comes to its end before it is killed takes the files with it that its processes share.
	app_options=(--kill)
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
	# All take the lowest free port: one that a test has let go may be another's by its restart.
	export OMPI_MCA_btl_tcp_port_min_v4=$((10000 + $$ % 200 * 100))
	export OMPI_MCA_btl_tcp_port_min_v6=$OMPI_MCA_btl_tcp_port_min_v4
}

# GROMACS: a box of water in box/run.tpr.
app_water() {
	if ! grep -qw rdtscp /proc/cpuinfo; then
		echo "this processor does not show rdtscp, which GROMACS wants"
		exit 77
	fi
	export GMX_MAXBACKUP=-1
	mkdir box
	cp "$programs/water/"* box/
	(
		cd box
		gmx -quiet solvate -cs spc216.gro -box 2.2 2.2 2.2 -o conf.gro -p topol.top
		gmx -quiet grompp -f run.mdp -c conf.gro -p topol.top -o run.tpr
	) >prepare.txt 2>&1 || {
		cat prepare.txt
		exit 1
	}
}
