#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Job scripts as they were written for DMTCP in containers, unchanged: one outside that requeues, one inside
# that launches in the foreground or restarts. What SIGTERM finds is what the next leg goes on from.
# shellcheck source=lib.sh
. "$TESTS/slurm/lib.sh"

cat >my_env_setup.sh <<END
source "$TESTS/../share/cairn/nersc_cr.sh"
END
cat >my_g4.sh <<END
#!/bin/bash
"$program" steps
:
END
# In the place of the container's runtime, whose options are not for us: a root directory of its own by chroot, with
# what is in this one. There no namespaces can be made, and ids come by cycling.
cat >shifter <<'END'
#!/bin/bash
while [[ $1 == --* ]]; do shift; done
root=$(mktemp -d "$TMPDIR/root-XXXXXX")
exec unshare --user --map-root-user --mount bash -c '
	root=$1 here=$PWD
	shift
	for dir in /*; do
		[ -d "$dir" ] || continue
		if [ -L "$dir" ]; then
			ln -s "$(readlink "$dir")" "$root$dir"
		else
			mkdir "$root$dir" && mount --rbind "$dir" "$root$dir"
		fi
	done
	exec chroot "$root" bash -c "cd \"\$0\" && exec \"\$@\"" "$here" "$@"' shifter "$root" "$@"
END
cat >test-auto.sh <<'END'
#!/bin/bash

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
chmod +x my_g4.sh shifter

submit talk --requeue <<'END'
#!/bin/bash
#SBATCH -t 01:00:00
#SBATCH --time-min=00:45:00
#SBATCH --comment=01:05:00
#SBATCH --signal=B:TERM@60
export DMTCP_COORD_HOST=$(hostname)

function requeue () {
    echo "Got Signal. Going to requeue"
    scontrol requeue ${SLURM_JOB_ID}
}

trap requeue SIGTERM

./shifter --module=cvmfs --image=some/image:tag /bin/bash ./test-auto.sh &

wait
END

# In the first leg the script has no trap of its own while the program runs; in the second it has one. The
# outer script does not wait after its trap: what it leaves behind is found by the next leg.
survives_term talk steps
enough steps
in_state COMPLETED
right talk steps
[ "$(find . -maxdepth 1 -name 'root-*' | wc -l)" = 3 ] || fail 'not each leg had its own root directory'
coordinators_end
