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

need_python() {
  need python3 python3
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "python3 is $(python3 -V), needed is 3.10 or later"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then apt_install python3-venv "python3 has no venv"; fi
}

# python_with FILE prints the path of a Python that has what the requirements file says.
python_with() {
  local home
  home=$cache/python-$(sha256sum "$1" | cut -c1-12)
  if [[ ! -d $home ]]; then
    need_python
    once "$home" fetch_python "$1"
  fi
  echo "$home/bin/python"
}

fetch_python() {
  python3 -m venv "$2"
  "$2/bin/pip" install -q --disable-pip-version-check -r "$1"
}
