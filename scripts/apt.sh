# SPDX-License-Identifier: Apache-2.0
# Packages of any suite and architecture of Debian, from the mirrors that the machine's apt knows and
# without a change to its apt or dpkg. Sourced after common.sh, never run.
# shellcheck shell=bash

# apt_mirror NAME: the first mirror of debian or debian-security among the machine's apt sources, in
# either format; nothing where there is none.
apt_mirror() {
  { find /etc/apt/sources.list /etc/apt/sources.list.d -type f \
    \( -name '*.list' -o -name '*.sources' \) -exec cat {} + 2>/dev/null || true; } |
    sed -nE -e 's/^URIs:[[:space:]]*([^[:space:]]+).*/\1/p' \
      -e 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' |
    grep -E -m 1 "/$1/?\$" || true
}

debian_mirror() { apt_mirror debian; }

# open_apt FOLDER SUITE ARCHITECTURE [deb-src]: reads the package lists of a suite, with its security
# updates where the machine has a mirror of them, and with deb-src the lists of sources. State lies in
# FOLDER, which is the caller's to remove. Sets the array `apt`, a command like apt-get for which no
# package is installed. Ends the script when the lists cannot be read.
open_apt() {
  local folder=$1 suite=$2 architecture=$3 type mirror security
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || die "the machine's apt sources name no mirror of Debian"
  security=$(apt_mirror debian-security)
  mkdir -p "$folder"/{lists,cache,state}/partial "$folder/cache/archives/partial"
  for type in deb ${4:+"$4"}; do
    printf '%s [arch=%s signed-by=%s] %s %s main\n' "$type" "$architecture" "$keyring" "$mirror" "$suite"
    [[ -z $security ]] || printf '%s [arch=%s signed-by=%s] %s %s-security main\n' \
      "$type" "$architecture" "$keyring" "$security" "$suite"
  done >"$folder/sources.list"
  apt=(
    apt-get -qq -o Dir::Etc::SourceList="$folder/sources.list" -o Dir::Etc::SourceParts=-
    -o Dir::State="$folder/state" -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
    -o Dir::State::Status=/dev/null -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none
    -o Acquire::GzipIndexes=false -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    -o APT::Architecture="$architecture" -o APT::Architectures="$architecture"
  )
  quietly "${apt[@]}" update ||
    die "cannot read the package lists of Debian's $suite for $architecture from $mirror ($log)"
}

# unpack_packages FOLDER ROOT PACKAGE...: those packages and all that they need, unpacked into ROOT by
# the open apt of FOLDER: nothing of them is run.
unpack_packages() {
  local folder=$1 target=$2 file
  shift 2
  quietly "${apt[@]}" --download-only --no-install-recommends -y install "$@" ||
    die "cannot download $*, or what they need ($log)"
  # Debian's packages are of one tree, whether their files name /lib or /usr/lib.
  mkdir -p "$target"/usr/{bin,sbin,lib}
  ln -sfn usr/bin "$target/bin"
  ln -sfn usr/sbin "$target/sbin"
  ln -sfn usr/lib "$target/lib"
  for file in "$folder"/cache/archives/*.deb; do
    quietly dpkg -x "$file" "$target" || die "cannot unpack $(basename "$file") ($log)"
  done
}
