#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A job whose program runs in containers: the cairn inside checkpoints, the one outside queues the job again. Each leg
# is a new container; one that is cancelled leaves none behind.
# Once is enough, and a plain user's containers are the harder ones.
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

no_containers() {
	[ -z "$(podman ps -q)" ]
}

queued_again() {
	[ "$(grep -c "cairn: job $job is to be queued again" legs.out)" = "$1" ]
}

cat >script <<END
#!/bin/bash
exec "$CAIRN" run -- podman run --rm --replace --name job --userns keep-id -e 'SLURM_*' \\
	-v "\$PWD:/work" -w /work localhost/cairn-test cairn run -d /work/ckpt -- work steps
END
submit legs --requeue <script
for leg in 1 2; do
	works steps
	as_user scancel --batch --signal=USR1 "$job"
	until_true "leg $leg stops" queued_again $leg
	next_leg $leg
	until_true "leg $((leg + 1))" said legs "going on from /work/ckpt/gen-00000$leg"
done
said legs 'no scontrol here: .* outside' || fail 'it is not said who queues the job again'
works steps
as_user scancel "$job"
in_state CANCELLED
until_true 'its container ends' no_containers
[ -d ckpt/gen-000003 ] || fail 'what was cancelled has not been saved'
is CANCELLED || fail "a cancelled job is $(state)"

submit last <script
until_true 'it goes on' said last 'going on from /work/ckpt/gen-000003'
works steps
enough steps
in_state COMPLETED
right last steps
[ "$(field ExitCode)" = 0:0 ] || fail "exit code $(field ExitCode)"
