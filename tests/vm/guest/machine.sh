# Makes one machine ready: a namespace on its memory, a file system on that, and the environment its tests see.

# The nth region of a kind of memory, in the order of their addresses, which is the order of QEMU's arguments.
find_region() { # MEDIUM INDEX
  set +f
  for region in /sys/bus/nd/devices/region*; do
    case $(readlink -f "$region") in
      */ACPI0012:*) medium=nvdimm ;;
      */virtio*) medium=virtio-pmem ;;
      *) medium=legacy ;;
    esac
    [ "$medium" = "$1" ] && echo "$(cat "$region/resource") ${region##*/region}"
  done | sort | sed -n "$(($2 + 1))s/.* //p"
}

make_namespace() { # REGION MODE
  ndctl create-namespace -f -e "namespace$1.0" "--mode=$2" --map=mem
}

find_disk() { # SERIAL
  set +f
  for serial in /sys/block/vd*/serial; do
    [ "$(cat "$serial")" = "$1" ] && basename "$(dirname "$serial")"
  done
}

prepare() { # NAME MEDIUM INDEX MODE LAYER MKFS OPTIONS
  set -ex
  environment="/tmp/claims/$1/environment"
  echo "export DAXFILE_TEST_MACHINE=$1" >"$environment"
  if [ "$2" = disk ]; then
    device=/dev/$(find_disk "$1")
  else
    region=$(find_region "$2" "$3")
    made=$(make_namespace "$region" "$4")
    echo "$made"
    device=/dev/$(echo "$made" | sed -n 's/.*"\(blockdev\|chardev\)":"\([^"]*\)".*/\2/p')
  fi
  case $5 in
    "") ;;
    dm)
      dmsetup create "$1" --table "0 $(blockdev --getsz "$device") linear $device 0"
      dmsetup mknodes "$1"
      device=/dev/mapper/$1
      ;;
    *)
      printf 'n\np\n1\n%s\n\nw\n' "$5" | busybox fdisk -u "$device"
      device=${device}p1
      ;;
  esac
  if [ "$4" = devdax ]; then
    echo "unset DAXFILE_TEST_DIR; export DAXFILE_TEST_DEVICE=$device" >>"$environment"
    return
  fi
  unset IFS
  $6 "$device"
  mkdir -p "/mnt/$1"
  mount -o "$7" "$device" "/mnt/$1"
  echo "unset DAXFILE_TEST_DEVICE; export DAXFILE_TEST_DIR=/mnt/$1" >>"$environment"
}
