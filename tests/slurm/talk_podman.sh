#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Job scripts as they were written for DMTCP and podman-hpc, unchanged: one outside that requeues, with the
# container in the background, one inside that launches in the foreground or restarts. Each leg is a new container.
# A plain user's: as on the machines that they are from.
[ "$(id -u)" != 0 ] || {
	echo "run as a plain user only"
	exit 77
}
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"
# shellcheck source=../containers/podman
. "$TESTS/containers/podman"

trap 'podman_close; end_cluster' EXIT
podman_open "$cluster/containers"
cp -R "$TESTS/../share/cairn" cairn-share

# What podman-hpc makes of its own options.
cat >podman-hpc <<'END'
#!/bin/bash
args=() flags=(--network=host --pid=host --privileged -v /dev/shm:/dev/shm -e 'SLURM_*')
for arg; do
	case $arg in
	--mpi) args+=("${flags[@]}") ;;
	*) args+=("$arg") ;;
	esac
done
exec podman run --security-opt seccomp=unconfined "${args[@]:1}"
END
# The next leg is to find what is still in the container of the one before.
cat >my_env_setup.sh <<'END'
export CAIRN_RUNDIR=/podman-hpc/run
source /podman-hpc/cairn-share/nersc_cr.sh
END
# Into a file: podman may lose the last lines that a container with a terminal (-it) prints.
without=$(podman run --rm -v "$PWD:/podman-hpc" -w /podman-hpc localhost/cairn-test bash -c \
	'source cairn-share/nersc_cr.sh; start_coordinator; source ./my_env_setup.sh; start_coordinator' 2>&1)
[ "$(grep -c 'Set CAIRN_RUNDIR to .* mounted into each' <<<"$without")" = 1 ] ||
	fail "of a run directory that is the container's own it is said: $without"

cat >my_g4.sh <<'END'
#!/bin/bash
work steps >answer.out
:
END
cat >test-auto.sh <<'END'
#!/bin/bash

# Ensure the checkpoint directory exists and has the correct permissions
chmod 755 /podman-hpc

export DMTCP_COORD_HOST=$(hostname)
source my_env_setup.sh

function restart_job() {
    start_coordinator -i 300

    if [[ $(restart_count) == 0 ]]; then
        dmtcp_launch --join-coordinator -i 300 ./my_g4.sh
        echo "Initial launch successful."
    elif [[ $(restart_count) > 0 ]] && [[ -e $PWD/dmtcp_restart_script.sh ]]; then
        echo "Restarting the job..."
        $PWD/dmtcp_restart_script.sh &
        echo "Restart initiated."
    else
        echo "Failed to restart the job, exiting."; exit
    fi

    trap ckpt_dmtcp SIGTERM
}

restart_job

wait
END
chmod +x podman-hpc my_g4.sh

submit talk --requeue <<'END'
#!/bin/bash
#SBATCH -t 01:00:00
#SBATCH --time-min=00:45:00
#SBATCH --comment=01:05:00
#SBATCH --signal=SIGTERM@60
export DMTCP_COORD_HOST=$(hostname)

function requeue () {
    echo "Got Signal. Going to requeue"
    scontrol requeue ${SLURM_JOB_ID}
}

trap requeue SIGTERM

./podman-hpc run --userns keep-id --rm -it --mpi \
    -e SLURM_JOBID=${SLURM_JOB_ID} \
    -v $(pwd):/podman-hpc \
    -w /podman-hpc \
    localhost/cairn-test \
    /bin/bash ./test-auto.sh &

wait
END

survives_term talk steps
enough steps
in_state COMPLETED
right answer steps
coordinators_end
