# What the scripts that install something share. They source it.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter

say() { printf '%s\n' "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }

# need COMMAND PACKAGE installs a missing command where that is possible.
need() {
  if command -v "$1" >/dev/null; then return; fi
  apt_install "$2" "$1 is missing"
}

apt_install() {
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then die "$2: install $1"; fi
  say "$2: installing $1"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >&2
}

# once DIR COMMAND… runs the command with an empty directory as its last argument,
# which becomes DIR only if the command succeeds. A lock keeps two runs apart.
once() {
  local dir=$1
  shift
  [[ -d $dir ]] && return
  mkdir -p "$cache"
  (
    flock 9
    [[ -d $dir ]] && exit
    say "installing $(basename "$dir")"
    rm -rf "$dir.part"
    mkdir "$dir.part"
    "$@" "$dir.part" >&2
    mv "$dir.part" "$dir"
  ) 9>"$cache/.lock"
}
