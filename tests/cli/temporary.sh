#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files in the directory that the program's environment names for temporary ones, as batch systems do for each
# job: they are gone when the job has ended, and come back with the program.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# For each line that it reads, it says the next number, from a file, which a shared mapping counts as well.
program='import mmap, os, sys
notes = open(os.environ["TMPDIR"] + "/notes")
shared = open(os.environ["TMPDIR"] + "/inner/shared", "r+b")
memory = mmap.mmap(shared.fileno(), 4096)
shared.close()
print("up", flush=True)
for line in sys.stdin:
    memory[0] += 1
    n = int(os.read(notes.fileno(), 2))
    print(n if memory[0] == n else f"{memory[0]} and {n}", flush=True)'

mkdir -p scratch/inner
printf '%s\n' {1..9} >scratch/notes
head -c 4096 /dev/zero >scratch/inner/shared
ln -s scratch link
start a env TMPDIR="$PWD/link" "$CAIRN" launch -n a -d dir -- python3 -c "$program"
hear a
ask a 1
must 0 gen-000001 "$CAIRN" checkpoint -n a
ask a 2
must 0 '' "$CAIRN" kill -n a
ended a 137
rm -r scratch
start a "$CAIRN" restart dir
ask a 2
ask a 3
[ "$(wc -l <scratch/notes)" = 9 ] || fail "the file has not come back"
[ "$(head -c 1 scratch/inner/shared | od -An -tu1)" -eq 3 ] || fail "the mapping is not of the file"
must 0 '' "$CAIRN" kill -n a
ended a 137
