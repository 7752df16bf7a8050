#!/usr/bin/env bash
# Runs the programs as docker-compose.yml does, on the real Kafka and registry of
# TEST_KAFKA_BROKERS and TEST_SCHEMA_REGISTRY_URL, kills the exporter three times,
# and reads and checks everything that was published with Confluent's Python client:
# field by field, and then as schemas/README.md tells the authors of consumers to.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
suffix=$$
sim_url=http://127.0.0.1:18090
export AIRUDDER_BASE_URL=$sim_url AIRUDDER_APP_KEY=ci AIRUDDER_APP_SECRET=ci
export AIRUDDER_LIST_INTERVAL=1s AIRUDDER_REQUESTS_PER_SECOND=50
export AIRUDDER_POLL_MIN_INTERVAL=200ms AIRUDDER_POLL_MAX_INTERVAL=1s AIRUDDER_POLL_AFTER_END=10m
export KAFKA_BROKERS=$TEST_KAFKA_BROKERS SCHEMA_REGISTRY_URL=$TEST_SCHEMA_REGISTRY_URL
export KAFKA_CREATE_TOPICS=true KAFKA_ASSIGNMENT=all HTTP_ADDR=127.0.0.1:18080
export KAFKA_TOPIC_CALL_COMPLETED=ci.events-$suffix KAFKA_TOPIC_TASK_STATUS=ci.status-$suffix
export KAFKA_TOPIC_DEAD_LETTER=ci.dead-$suffix KAFKA_TOPIC_LEDGER=ci.ledger-$suffix

pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# await WHAT COMMAND… waits until the command succeeds, for about a minute.
await() {
  local what=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "consumer.sh: waited a minute for $what" >&2
  tail -n 5 "$work"/*.log >&2
  exit 1
}

export_calls() {
  env "$@" "$work/airudder-exporter" run 2>>"$work/exporter.log" &
  exporter=$!
  pids+=("$exporter")
}

metric() { curl -sf http://127.0.0.1:18080/metrics | awk -v name="$1" '$1 == name {print $2}'; }
more_than() { [[ $(metric "$1" | cut -d. -f1) -gt $2 ]]; }

# holds EXPRESSION succeeds when that is so of the upstream's tasks and the exporter's totals.
holds() {
  python3 - "$sim_url" http://127.0.0.1:18080 "$1" <<'PY'
import json, sys, urllib.request
truth, status = (json.load(urllib.request.urlopen(u, timeout=5)) for u in (sys.argv[1] + "/truth", sys.argv[2] + "/api/status?limit=0"))
sys.exit(not eval(sys.argv[3], {"tasks": truth["tasks"], "totals": status["totals"]}))
PY
}

CGO_ENABLED=0 go build -o "$work/" ./cmd/...
"$work/airudder-sim" --addr 127.0.0.1:18090 --tasks 40 --rows 12 --warm-up 2m --rate 30 --token-ttl 5s --drift-after 1ms 2>"$work/sim.log" &
pids+=($!)
await "the simulated AIRudder" "$work/airudder-sim" healthcheck --addr 127.0.0.1:18090
"$work/airudder-exporter" check >"$work/check.log"  # topics are missing, and a run would create them: no failure
export_calls
await "the first events" more_than airudder_events_total 50
for _ in 1 2 3; do
  kill -9 "$exporter"
  wait "$exporter" || true # its port is free then
  export_calls
  await "events after a kill" more_than airudder_events_total 20
done
"$work/airudder-exporter" check | tail -12
curl -sf -X POST -d '{"stop": true}' "$sim_url/faults" >/dev/null
await "the exporter to catch up" holds 'sum(len(t["calls"]) for t in tasks) == totals["events"]'
kill -TERM "$exporter"
wait "$exporter"
echo "consumer.sh: the exporter ended with 0 at SIGTERM"
export_calls AIRUDDER_POLL_AFTER_END=1s AIRUDDER_SEAL_OPEN_AFTER=1s # no more calls finish
await "the seals" holds 'sum(t["ended"] for t in tasks) == totals["groups"]["sealed"]'
kill -TERM "$exporter"
wait "$exporter"

python=$(bash .ci/kafka.sh python)
export PYTHONDONTWRITEBYTECODE=1
"$python" .ci/verify.py "$KAFKA_BROKERS" "$SCHEMA_REGISTRY_URL" "$sim_url" \
  "$KAFKA_TOPIC_CALL_COMPLETED" "$KAFKA_TOPIC_TASK_STATUS" "$KAFKA_TOPIC_LEDGER"
"$python" .ci/consuming.py "$KAFKA_BROKERS" "$SCHEMA_REGISTRY_URL" "$KAFKA_TOPIC_CALL_COMPLETED" "$KAFKA_TOPIC_TASK_STATUS"
