# Runs inside the guest in place of ../guest/run.sh: makes or finds each machine's file system and starts its writer, for ever.
# Reads settings, machines and writer beside it; what was written before a power cut is there again at the next boot.
cd /run/daxfile || exit 1
. ./settings
. ./machine.sh
tell() { echo "@@ $*" >/dev/console; }
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/tmp/home TMPDIR=/tmp NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 DENO_DIR=/tmp/deno
mkdir -p /tmp/home /tmp/claims
cp -r "$DENO_CACHE" /tmp/deno

# After a cut: the namespace is in its labels, and the file system on it.
again() { # NAME MEDIUM INDEX OPTIONS
  set -ex
  if [ "$2" = disk ]; then
    device=/dev/$(find_disk "$1")
  else
    device=/dev/$(ndctl list --region="region$(find_region "$2" "$3")" --namespaces | sed -n 's/.*"blockdev":"\([^"]*\)".*/\1/p')
  fi
  mkdir -p "/mnt/$1"
  mount -o "$4" "$device" "/mnt/$1"
}

while IFS='|' read -r name medium index mode layer mkfs options; do
  mkdir "/tmp/claims/$name"
  if [ -e "made.$name" ]; then
    (again "$name" "$medium" "$index" "$options") >"results/$name.log" 2>&1
  else
    (prepare "$name" "$medium" "$index" "$mode" "$layer" "$mkfs" "$options") >"results/$name.log" 2>&1
  fi || { tell "trouble: $name is not there: $(tail -n 1 "results/$name.log")"; continue; }
  : >"made.$name"
  (cd "$CHECKOUT" && exec sh /run/daxfile/writer "$name" "/mnt/$name" "/run/daxfile/acknowledged.$name") >>"results/$name.log" 2>&1 &
done <machines
wait
tell "trouble: all writers have ended"
