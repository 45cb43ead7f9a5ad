#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds Debian's linux-source-6.1 with patches/ and config, once for each change of them, and prints the path of the
# bzImage; .config and System.map lie beside it. What it does meanwhile goes to standard error.
set -euo pipefail
export LC_ALL=C

usage="build.sh [--install] [--debug] [--keep-tree]

  --install    install missing Debian packages (as with CI=true)
  --debug      add config.debug: a kernel that checks its own locking
  --keep-tree  keep the sources and objects, so that the next build with --keep-tree takes only what has changed

The cache is \${XDG_CACHE_HOME:-~/.cache}/daxfile/kernel."

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
configs=("$here/config")
install=${CI:-false}
keep=false
while [ $# -gt 0 ]; do
  case $1 in
    --install) install=true ;;
    --debug) configs+=("$here/config.debug") ;;
    --keep-tree) keep=true ;;
    --help) echo "$usage" && exit ;;
    *) echo "$usage" >&2 && exit 2 ;;
  esac
  shift
done

say() { printf '[%4d s] %s\n' "$SECONDS" "$*" >&2; }
fail() { say "$@" && exit 1; }

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

[ "$(uname -m)" = x86_64 ] || fail "the system call has a number on x86_64 only; build on such a machine"
command -v dpkg-query >/dev/null || fail "this needs Debian, or a system made from it"

version=$(apt-cache policy linux-source-6.1 2>/dev/null | sed -n 's/^ *Candidate: //p')
if [ -z "$version" ] && [ "$install" = true ]; then
  "${as_root[@]}" apt-get update -q >&2
  version=$(apt-cache policy linux-source-6.1 | sed -n 's/^ *Candidate: //p')
fi
[ -n "$version" ] || fail "apt knows no package linux-source-6.1; it is in Debian 12; \"apt-get update\" may help"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/daxfile/kernel
key=$({ echo "$version" && cat "$here/build.sh" "$here"/patches/*.patch "${configs[@]}"; } | sha256sum | cut -c 1-20)
built=$cache/$key

# Says where the kernel is, if it is there, and notes that it was wanted.
answer() {
  [ -f "$built/bzImage" ] || return 1
  touch "$built"
  echo "$built/bzImage"
}
answer && exit

missing=()
for package in gcc make patch flex bison bc libc6-dev libelf-dev xz-utils util-linux; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  line=(apt-get install --yes --no-install-recommends "${missing[@]}")
  [ "$install" = true ] || fail "Debian packages are missing; install them, or add --install: ${as_root[*]} ${line[*]}"
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${line[@]}" >&2
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
if ! flock --nonblock 9; then
  say "waiting for another build"
  flock 9
  answer && exit
fi

# Only the holder of the lock touches these, so a killed build's leftovers are as good as none.
tree=$cache/tree
work=$cache/work
rm -rf "$work"
mkdir "$work"
[ "$keep" = true ] && [ "$(cat "$tree/.daxfile-version" 2>/dev/null)" = "$version" ] || rm -rf "$tree"
trap '[ "$keep" = true ] || rm -rf "$tree"; rm -rf "$work"' EXIT

applied=$tree/.daxfile-patches
if [ -d "$tree" ]; then
  say "using the tree of the last build"
  # What has not changed stays applied: its files would look new to make.
  while read -r patch; do
    cmp -s "$here/patches/$patch" "$applied/$patch" && continue
    for later in $(cd "$applied" && printf '%s\n' *.patch | sort -r); do
      [[ $later < $patch ]] && break
      patch --directory "$tree" --strip 1 --reverse --silent <"$applied/$later"
      rm "$applied/$later"
    done
    break
  done < <(cd "$applied" && ls)
else
  say "downloading linux-source-6.1 $version"
  # Without its sandbox, which cannot write to a folder of root's; what it fetches is verified all the same.
  (cd "$work" && apt-get download -q -o APT::Sandbox::User=root "linux-source-6.1=$version" >&2)
  say "unpacking"
  dpkg -x "$work"/linux-source-6.1_*.deb "$work/package"
  mkdir "$work/tree"
  tar -xJf "$work/package/usr/src/linux-source-6.1.tar.xz" -C "$work/tree" --strip-components 1
  echo "$version" >"$work/tree/.daxfile-version"
  mkdir "$work/tree/.daxfile-patches"
  mv "$work/tree" "$tree"
fi
for patch in "$here"/patches/*.patch; do
  name=$(basename "$patch")
  [ ! -e "$applied/$name" ] || continue
  patch --directory "$tree" --strip 1 --forward --silent <"$patch" || fail "$name does not apply"
  cp "$patch" "$applied"
done

# The same bytes whoever builds.
make=(nice -n 10 make --directory "$tree" ARCH=x86_64 "KBUILD_BUILD_TIMESTAMP=2017-06-16" KBUILD_BUILD_VERSION=1)
make+=(KBUILD_BUILD_USER=daxfile KBUILD_BUILD_HOST=daxfile)

cat "${configs[@]}" >"$work/config"
"${make[@]}" --silent KCONFIG_ALLCONFIG="$work/config" allnoconfig >"$work/log" 2>&1 || fail "$(tail "$work/log")"
refused=$(grep '^CONFIG_' "$work/config" | grep -Fxv -f "$tree/.config" || true)
[ -z "$refused" ] || fail "the kernel's configuration does not take: $refused"

say "building"
"${make[@]}" --jobs "$(nproc)" bzImage 2>&1 | tee "$work/log" | {
  objects=0
  while read -r kind _; do
    if [ "$kind" = CC ] || [ "$kind" = AS ]; then objects=$((objects + 1)); else continue; fi
    if [ $((objects % 300)) = 0 ]; then say "$objects objects"; fi
  done
} || fail "$(tail -n 30 "$work/log")"

mkdir "$work/built"
cp "$tree/arch/x86/boot/bzImage" "$tree/.config" "$tree/System.map" "$work/built"
rm -rf "$built"
mv "$work/built" "$built"
# What nobody has wanted for a month.
find "$cache" -mindepth 1 -maxdepth 1 -type d -name '????????????????????' -mtime +30 -exec rm -rf {} +
say "built, $(stat -c %s "$built/bzImage") bytes"
answer
