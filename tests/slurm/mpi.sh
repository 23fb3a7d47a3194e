#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mpirun inside of cairn run: the launcher and its processes, over three legs.
for tool in mpirun.openmpi mpicc.openmpi; do
	command -v $tool >/dev/null || {
		echo "$tool is not installed"
		exit 77
	}
done
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

mpicc.openmpi -O2 -o mpi_work "$TESTS/slurm/mpi_work.c" || fail 'it does not compile'
# Its processes are mpirun's own on this node; several share a core here.
submit mpi --requeue <<END
#!/bin/bash
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_plm=isolated OMPI_MCA_ras=^slurm
exec "$CAIRN" run -d ckpt -- mpirun.openmpi -n 3 "$PWD/mpi_work" steps
END
for leg in 1 2; do
	works steps
	as_user scancel --batch --signal=USR1 "$job"
	until_true "leg $leg stops" said mpi "leg $leg: job .* is to be queued again"
	next_leg $leg
	until_true "leg $((leg + 1))" said mpi "leg $((leg + 1)): job"
done
works steps
enough steps
in_state COMPLETED
n=$(steps steps)
seq "$n" | cmp - steps || fail 'steps are lost, doubled or changed'
said mpi "^total $((3 * n * (n + 1) / 2))\$" || fail 'the sum is wrong'
[ "$(field ExitCode)" = 0:0 ] || fail "exit code $(field ExitCode)"
