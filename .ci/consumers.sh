#!/usr/bin/env bash
# Runs the programs as docker-compose.yml does, with the consumers of deploy/consumers, on
# the real Kafka and registry of TEST_KAFKA_BROKERS and TEST_SCHEMA_REGISTRY_URL and on a
# PostgreSQL of its own. The exporter and each consumer are killed KILLS times (10) at random
# moments while calls finish; then the simulated AIRudder stops, everybody catches up, and
# what was published and what each consumer made of it is held against what really happened.
#
#   consumers.sh [NAME…]    all consumers, or these
#
# A consumer NAME has a script .ci/consumers/NAME.sh, which runs with the environment below:
#
#   NAME.sh build     installs and compiles what it needs, under the cache
#   NAME.sh beside    becomes (exec) what runs beside it and is not killed, or ends at once
#   NAME.sh start     becomes (exec) the consumer; it must run until a SIGTERM, and then end with 0
#   NAME.sh check     waits until the consumer has caught up, prints one line of figures, and
#                     fails where they are wrong. The consumer runs, and nothing is published
#
# They find AIRUDDER_BASE_URL (with /truth), KAFKA_BROKERS, SCHEMA_REGISTRY_URL, the topics by
# the exporter's names for them, DATABASE_URL, KAFKA_GROUP (of their own), CONSUMERS_WORK (a
# directory, for what outlives a kill), CONSUMERS_SUFFIX (for names of topics) and
# CONSUMERS_PORT (one that is free, the same through all starts of the consumer).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/install.sh
source .ci/install.sh

# Those that are named twice run as two instances.
names=(crm-updater crm-updater scoring loan-join crm-webhook)
if (($#)); then names=("$@"); fi
mapfile -t kinds < <(printf '%s\n' "${names[@]}" | sort -u)
kills=${KILLS:-10}

work=$(mktemp -d)
chmod 711 "$work" # PostgreSQL's user has a directory in it
suffix=$$
ports=$(bash .ci/kafka.sh ports $((3 + ${#kinds[@]})))
read -ra port <<<"$ports"
sim_url=http://127.0.0.1:${port[0]}
exporter_url=http://127.0.0.1:${port[1]}
export AIRUDDER_BASE_URL=$sim_url AIRUDDER_APP_KEY=ci AIRUDDER_APP_SECRET=ci
export AIRUDDER_LIST_INTERVAL=1s AIRUDDER_REQUESTS_PER_SECOND=50
export AIRUDDER_POLL_MIN_INTERVAL=200ms AIRUDDER_POLL_MAX_INTERVAL=1s
export AIRUDDER_POLL_AFTER_END=45s AIRUDDER_SEAL_OPEN_AFTER=3s # a call may end 40 s after its task
export KAFKA_BROKERS=$TEST_KAFKA_BROKERS SCHEMA_REGISTRY_URL=$TEST_SCHEMA_REGISTRY_URL
export KAFKA_CREATE_TOPICS=true KAFKA_ASSIGNMENT=all HTTP_ADDR=127.0.0.1:${port[1]}
export KAFKA_TOPIC_CALL_COMPLETED=ci.events-$suffix KAFKA_TOPIC_CALL_REVISED=ci.revised-$suffix
export KAFKA_TOPIC_TASK_STATUS=ci.status-$suffix KAFKA_TOPIC_DEAD_LETTER=ci.dead-$suffix KAFKA_TOPIC_LEDGER=ci.ledger-$suffix
export DATABASE_URL=postgresql://consumers@127.0.0.1:${port[2]}/consumers
export CONSUMERS_WORK=$work CONSUMERS_SUFFIX=$suffix PYTHONDONTWRITEBYTECODE=1

# --- processes ---

# cleanup ends the loops, which are this shell's children, and then what they started, which
# knows the directory: a pid alone may be somebody else's by now.
cleanup() {
  local file pid
  for file in "$work"/*.loop "$work"/*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    if grep -qsx "PPid:.$$" "/proc/$pid/status" || grep -qsz "^CONSUMERS_WORK=$work$" "/proc/$pid/environ"; then kill -9 "$pid"; fi
  done
  if [[ -d $work/postgres/data ]]; then as_postgres pg_ctl -D "$work/postgres/data" -m immediate -s stop || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

give_up() {
  say "$*"
  tail -n 5 "$work"/*.log >&2
  exit 1
}

# await WHAT COMMAND… waits until the command succeeds, for about two minutes and ten seconds
# for each kill.
await() {
  local what=$1
  shift
  for _ in $(seq $((600 + 50 * kills))); do
    if "$@" >/dev/null 2>&1; then return; fi
    if [[ -s $work/faults ]]; then give_up "$(cat "$work/faults")"; fi
    sleep 0.2
  done
  give_up "waited for $what in vain"
}

# background LABEL COMMAND… starts a process that is ended with the rest.
background() {
  local label=$1
  shift
  "$@" >>"$work/$label.log" 2>&1 &
  echo $! >"$work/$label.pid"
}

# killed LABEL SECONDS FUNCTION… is a process of its own: it starts the function, which execs
# a program, kills that again and again, after so many seconds and up to five more, and
# becomes it at last.
killed() {
  local label=$1 least=$2 pid
  shift 2
  for _ in $(seq "$kills"); do
    "$@" >>"$work/$label.log" 2>&1 &
    pid=$!
    echo $pid >"$work/$label.pid"
    sleep "$((least + RANDOM % 5)).$((RANDOM % 10))"
    kill -9 $pid || echo "$label ended by itself" >>"$work/faults"
    wait $pid 2>/dev/null || true
  done
  rm "$work/$label.pid"
  touch "$work/$label.killed"
  "$@" >>"$work/$label.log" 2>&1
}

# kill_on_and_off LABEL SECONDS FUNCTION… starts killed.
kill_on_and_off() {
  killed "$@" 2>>"$work/kills.log" &
  echo $! >"$work/$1.loop"
}

await_kills() { await "the kills of $1" test -e "$work/$1.killed"; }

# terminate FILE ends a process of this pid in good order: it must exit with 0.
terminate() {
  local pid
  pid=$(cat "$work/$1")
  kill -TERM "$pid" || give_up "$1 has ended by itself"
  wait "$pid" || give_up "$1 ended with $? at SIGTERM"
  rm "$work/$1"
}

# --- PostgreSQL: a cluster for this run, of a user without rights ---

as_postgres() {
  if [[ $(id -u) == 0 ]]; then
    (cd / && setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@")
  else
    "$@"
  fi
}

start_postgres() {
  local bin
  if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && ! command -v initdb >/dev/null; then
    apt_install postgresql "PostgreSQL is missing"
  fi
  bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
  export PATH=${bin:+$bin:}$PATH
  mkdir "$work/postgres"
  if [[ $(id -u) == 0 ]]; then chown postgres:postgres "$work/postgres"; fi
  as_postgres initdb -D "$work/postgres/data" -A trust -U consumers -E UTF8 --locale=C --no-sync >/dev/null
  # Nothing of it outlives the run, and it is not what is killed: no fsync.
  as_postgres pg_ctl -D "$work/postgres/data" -l "$work/postgres/log" -w -s start \
    -o "-p ${port[2]} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
  as_postgres createdb -h 127.0.0.1 -p "${port[2]}" -U consumers consumers
}

# --- the exporter ---

exporter() { exec "$work/airudder-exporter" run; }
sealing_exporter() { AIRUDDER_POLL_AFTER_END=1s AIRUDDER_SEAL_OPEN_AFTER=1s exporter; } # no more calls finish

check() { "$work/airudder-exporter" check >"$work/check.log"; }

metric() { curl -sf "$exporter_url/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
more_than() { [[ $(metric "$1" | cut -d. -f1) -gt $2 ]]; }

# caught_up SECOND succeeds when each task was read after that second, or is sealed, and as
# many are sealed as have ended.
caught_up() {
  python3 - "$sim_url" "$exporter_url" "$1" <<'PY'
import json, sys, urllib.request
from datetime import datetime
def get(url):
    return json.load(urllib.request.urlopen(url, timeout=5))
truth, tasks, after = get(sys.argv[1] + "/truth"), [], ""
while True:
    page = get(f"{sys.argv[2]}/api/status?limit=1000{after}")
    tasks += page["tasks"]
    if not page.get("next"):
        break
    after = "&after=" + page["next"]
def read_since(task):
    return "read_at" in task and datetime.fromisoformat(task["read_at"].split(".")[0].rstrip("Z") + "+00:00").timestamp() > float(sys.argv[3])
sealed = page["totals"]["groups"]["sealed"]
sys.exit(sealed < sum(t["ended"] for t in truth["tasks"]) or not all(t.get("seal") or read_since(t) for t in tasks))
PY
}

# --- the consumers ---

# consumer KIND COMMAND becomes its script, with its own group and port.
consumer() {
  local i
  for i in "${!kinds[@]}"; do
    if [[ ${kinds[i]} == "$1" ]]; then break; fi
  done
  exec env "KAFKA_GROUP=ci.$1-$suffix" "CONSUMERS_PORT=${port[3 + i]}" bash ".ci/consumers/$1.sh" "$2"
}

# label N is the name of the Nth process: its kind, with a number where there are several.
label() {
  local n
  n=$(printf '%s\n' "${names[@]:0:$1}" | grep -cx "${names[$1]}" || true)
  if ((n)); then echo "${names[$1]}-$((n + 1))"; else echo "${names[$1]}"; fi
}

started=$SECONDS
for kind in "${kinds[@]}"; do (consumer "$kind" build); done
start_postgres
CGO_ENABLED=0 go build -o "$work/" ./cmd/...
say "everything is built after $((SECONDS - started)) s"

background sim "$work/airudder-sim" --addr "127.0.0.1:${port[0]}" --tasks 40 --rows 12 --warm-up 2m --rate 30 --overtake 0.9 \
  --token-ttl 5s --drift-after 1ms --oddity late_changes=5s
await "the simulated AIRudder" "$work/airudder-sim" healthcheck --addr "127.0.0.1:${port[0]}"
check # topics are missing, and a run would create them: no failure
background first exporter                          # makes the topics, so that consumers find them
await "the first events" more_than airudder_events_total 50
kill -9 "$(cat "$work/first.pid")"
rm "$work/first.pid"
for kind in "${kinds[@]}"; do background "$kind.beside" consumer "$kind" beside; done
kill_on_and_off exporter 2 exporter
for i in "${!names[@]}"; do kill_on_and_off "$(label "$i")" 4 consumer "${names[i]}" start; done
await_kills exporter
await "events after the kills" more_than airudder_events_total 20
curl -sf -X POST -d '{"stop": true}' "$sim_url/faults" >/dev/null
await "a check that passes" check
tail -12 "$work/check.log"
terminate exporter.loop
say "the exporter was killed $kills times, and ended with 0 at SIGTERM, after $((SECONDS - started)) s"
background sealing sealing_exporter # while consumers are still killed
for i in "${!names[@]}"; do await_kills "$(label "$i")"; done
say "${#names[@]} consumers were killed $kills times each after $((SECONDS - started)) s"
await "the exporter to catch up, and the seals" caught_up $(($(date +%s) + 3)) # what was read earlier is published by then
terminate sealing.pid

python=$(bash .ci/kafka.sh python)
"$python" .ci/verify.py "$KAFKA_BROKERS" "$SCHEMA_REGISTRY_URL" "$sim_url" \
  "$KAFKA_TOPIC_CALL_COMPLETED" "$KAFKA_TOPIC_CALL_REVISED" "$KAFKA_TOPIC_TASK_STATUS" "$KAFKA_TOPIC_LEDGER"
"$python" .ci/consuming.py "$KAFKA_BROKERS" "$SCHEMA_REGISTRY_URL" "$KAFKA_TOPIC_CALL_COMPLETED" "$KAFKA_TOPIC_TASK_STATUS"
for kind in "${kinds[@]}"; do (consumer "$kind" check) || give_up "$kind is wrong"; done
for i in "${!names[@]}"; do terminate "$(label "$i").loop"; done
say "the consumers ended with 0 at SIGTERM after $((SECONDS - started)) s"
