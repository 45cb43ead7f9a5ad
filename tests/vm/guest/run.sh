# Runs inside the guest, in the host's root: prepares the machine and runs its tests under each runtime.
# Reads settings, machines (one line) and files/MACHINE beside it; leaves MACHINE.RUNTIME.PART.{log,xml,exit} in results/.
cd /run/daxfile || exit 1
. ./settings
. ./machine.sh
tell() { echo "@@ $*" >/dev/console; }
uptime() { sed 's/[. ].*//' /proc/uptime; }
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/tmp/home TMPDIR=/tmp NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 DENO_DIR=/tmp/deno
mkdir -p /tmp/home /tmp/claims
# Its databases want to be written to.
cp -r "$DENO_CACHE" /tmp/deno
# File names are read from lists, one a line, and never expanded.
IFS='
'
set -f

# Tests make files here that must lie on a disk, whatever machine they are for.
disk=$(find_disk scratch)
mkfs.ext4 -q "/dev/$disk" && mount "/dev/$disk" /var/tmp || tell "trouble: the disk for /var/tmp did not mount"

# On one processor, also where the guest has two: threads that wait for each other on two cost twice as much in emulation. The
# other one is for what a test runs beside itself, or races with.
#
# By way of a module that imports them all: Deno loads everything anew for each file it is given, which takes seconds here, and reports
# success for one that throws after it registered a test.
run_deno() { # RESULT FILE...
  xml=$1.xml
  shift
  for file; do
    echo "await import(\"$CHECKOUT/$file\").catch((error) => { console.error(error); Deno.exit(1); });"
  done >/tmp/tests.mjs
  timeout -k 5 "$LIMIT" taskset 1 "$DENO" test -A --no-check --cached-only "--junit-path=$xml" /tmp/tests.mjs
}

run_bun() { # RESULT FILE...
  xml=$1.xml
  shift
  timeout -k 5 "$LIMIT" taskset 1 "$BUN" test --timeout "${LIMIT}000" --reporter=junit "--reporter-outfile=$xml" "$@"
}

# In place of tests: a command, which counts as one test.
run_exec() { # RESULT
  timeout -k 5 "$LIMIT" sh -c "$EXEC"
  code=$?
  [ "$code" = 0 ] && failure= || failure="<failure message=\"it ended with $code\"/>"
  echo "<testcase file=\"exec\" name=\"exec\">$failure</testcase>" >"$1.xml"
  return "$code"
}

run_part() { # MACHINE RUNTIME PART FILE...
  result=/run/daxfile/results/$1.$2.$3
  runtime=$2
  shift 3
  (cd "$CHECKOUT" && "run_$runtime" "$result" "$@") >"$result.log" 2>&1
  echo $? >"$result.exit"
  grep -qs "<testcase" "$result.xml" || { rm -f "$result.xml" && return 1; }
}

# All files in one process, because starting a runtime costs seconds here. Only if that process dies or a file does not
# load, which takes the results of the others with it, does each file get a process of its own.
run_runtime() { # MACHINE RUNTIME
  files=$(cat "/run/daxfile/files/$1")
  run_part "$1" "$2" all $files && return
  part=0
  for file in $files; do
    run_part "$1" "$2" "$part" "$file"
    part=$((part + 1))
  done
}

IFS='|' read -r name medium index mode layer mkfs options <machines
mkdir "/tmp/claims/$name"
if (prepare "$name" "$medium" "$index" "$mode" "$layer" "$mkfs" "$options") >"results/$name.unprepared.log" 2>&1; then
  mv "results/$name.unprepared.log" "results/$name.prepared.log"
  . "/tmp/claims/$name/environment"
  for runtime in $RUNTIMES; do
    begin=$(uptime)
    run_runtime "$name" "$runtime"
    tell "done $runtime $begin $(uptime)"
  done
fi

# What the kernel complains of while tests run is a failure, even if every test passed.
dmesg >results/kernel.log
complaint=$(grep -m1 -E 'BUG:|WARNING:|Oops|Call Trace' results/kernel.log) && tell "trouble: the kernel said: $complaint"
