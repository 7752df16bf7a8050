# What run and soak share. They source it at the top of the checkout.

# The packages whose tests use Kafka: a real one where TEST_KAFKA_BROKERS is set.
# shellcheck disable=SC2034 # used by the scripts that source this
kafka_packages=(./internal/kafka/... ./internal/hold/... ./internal/shards/... ./internal/topics/... ./internal/compat/... ./internal/record/... ./internal/replay/... ./internal/prooftest/...)

step() { printf '\n=== %s (at %d min %d s)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

fail() {
  echo "ci: $*" >&2
  exit 1
}

# start_brokers DIR starts a plain broker with a registry and a secured broker,
# and exports the variables that the tests read.
start_brokers() {
  local exports
  exports=$(bash .ci/kafka.sh start "$1/plain") || fail "the broker does not start"
  eval "$exports"
  exports=$(bash .ci/kafka.sh start "$1/secure" --secure --no-registry) || fail "the secured broker does not start"
  eval "$exports"
}

# brokers_die DIR stops, kills, pauses and removes three brokers while exporters
# run, and prints what happened to these.
brokers_die() {
  local exports n
  exports=$(bash .ci/kafka.sh start "$1/cluster" --brokers 3 --no-registry) || fail "the cluster does not start"
  (
    eval "$exports"
    unset TEST_SCHEMA_REGISTRY_URL
    go test -count=1 -timeout 60m -v -run '^TestBrokersDie$' ./internal/prooftest >"$1/brokers.log" 2>&1
  ) || { failures "$1/brokers.log"; fail "exporters do not survive their brokers"; }
  sed -n '/brokers: what happened/,/finished .* events/p' "$1/brokers.log"
  for n in 1 2 3; do bash .ci/kafka.sh kill "$1/cluster" "$n"; done
}

# consumers_of_three DIR runs the consumers on three brokers, where the markers of a
# transaction reach its partitions one by one.
consumers_of_three() {
  local exports
  exports=$(bash .ci/kafka.sh start "$1/three" --brokers 3) || fail "the cluster does not start"
  (
    eval "$exports"
    bash .ci/consumers.sh
  )
  bash .ci/kafka.sh stop "$1/three"
}

stop_brokers() {
  local brokers
  for brokers in cluster three plain secure; do bash .ci/kafka.sh stop "$1/$brokers" || true; done
  rm -rf "$1"
}

# failures LOG prints what failed in a verbose test run: first the tests' names,
# then their own output, without the exporters' logs that a failed proof shows too.
failures() {
  local failed
  failed=$(sed -nE 's/^ *--- FAIL: ([^ ]+) .*/\1/p' "$1")
  grep -E '^ *--- FAIL|^FAIL|^panic:|DATA RACE' "$1" || true
  awk -v failed="$failed" '
    BEGIN { n = split(failed, names, "\n"); for (i = 1; i <= n; i++) bad[names[i]] = 1 }
    /^=== (RUN|NAME|CONT) / { if (shown = ($3 in bad)) print; next }
    /^===|^ *--- / { shown = 0; next }
    /^ +\{"time":/ { next }
    shown || /^panic:/ { print substr($0, 1, 600) }
  ' "$1" | head -300 || true
  awk '/^panic:/ { n = 60 } n-- > 0' "$1"
}

# summary LOG prints the result of a verbose test run and the proof's own figures.
# Of the first starts, each of which is a deployment of its own, it prints only
# the table.
summary() {
  grep -v fault_first_test "$1" | grep -E '^ok|open txn$|requests? (arrives|lost)|answer lost|at random|^ +all  |from kill to|came and went|was fenced|finished [0-9]+ · events|fault table, ' || true
  echo "$(grep -c '^ *--- PASS' "$1") tests passed, $(grep -c '^ *--- SKIP' "$1" || true) skipped"
  grep -E '^ *--- SKIP' -A1 "$1" || true
}

# vulnerabilities runs govulncheck, and lets it pass where its database cannot be reached.
vulnerabilities() {
  local out status=0
  out=$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... 2>&1) || status=$?
  echo "$out" | tail -20
  case $status in
    0) ;;
    3) fail "govulncheck found vulnerabilities" ;;
    *) echo "govulncheck could not reach its database; vulnerabilities are not checked" ;;
  esac
}

# static_binaries builds both programs as the image does, and checks that they
# are linked statically.
static_binaries() {
  local dir
  dir=$(mktemp -d)
  CGO_ENABLED=0 go build -trimpath -o "$dir/" ./cmd/...
  for program in "$dir"/*; do
    if ldd "$program" >/dev/null 2>&1; then fail "$(basename "$program") is not static"; fi
    ls -l "$program" | awk '{print $5, $9}'
  done
  "$dir/airudder-exporter" version
  rm -rf "$dir"
}

# contracts validates what the exporter says of its topics: by default, and with all
# that privacy and an account add.
contracts() {
  local lender
  lender=$(mktemp --suffix=.yaml)
  PRIVACY=lender PRIVACY_KEY=ci:$(head -c 32 /dev/urandom | base64) AIRUDDER_ACCOUNT=ci KAFKA_EVENT_KEY=callee_number \
    go run ./cmd/airudder-exporter contract >"$lender"
  bash .ci/asyncapi.sh schemas/asyncapi.yaml "$lender"
  rm "$lender"
}

# chart renders the chart with Helm and holds what comes out against Kubernetes' own types;
# reads docker-compose.yml as docker does; and builds what the image holds as it does.
chart() {
  (
    cd deploy/helm/test
    # -vet=off: vet would go through all of Kubernetes' packages; .ci/soak does it. -count=1: the
    # cache does not see that files outside of this module changed.
    go test -vet=off -count=1 .
  )
}

# unit has systemd judge the service, where systemd is: its syntax, and how much a process
# that was taken over could do (0 is nothing, 10 everything).
unit() {
  local dir complaints
  if ! command -v systemd-analyze >/dev/null; then
    echo "systemd is not here; deploy/systemd is not checked"
    return
  fi
  dir=$(mktemp -d)
  sed 's#/usr/local/bin/airudder-exporter#/bin/true#' deploy/systemd/airudder-exporter.service >"$dir/airudder-exporter.service"
  complaints=$(systemd-analyze verify "$dir/airudder-exporter.service" 2>&1) || true
  [[ -z $complaints ]] || fail "deploy/systemd: $complaints"
  systemd-analyze security --offline=yes --threshold=20 "$dir/airudder-exporter.service" 2>&1 | tail -1
  rm -rf "$dir"
}

# released PLATFORM… builds a release twice, from two clones, and compares every byte.
released() {
  local dir n
  dir=$(mktemp -d)
  for n in 1 2; do
    git clone -q . "$dir/src$n"
    bash "$dir/src$n/deploy/release.sh" v0.0.0 "$dir/dist$n" "$@" || fail "the release is not built"
    sleep 1 # so that a time of day would differ
  done
  diff -r "$dir/dist1" "$dir/dist2" || fail "two builds of one commit differ"
  cat "$dir/dist1/SHA256SUMS"
  rm -rf "$dir"
}
