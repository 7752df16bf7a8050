#!/usr/bin/env bash
# Tests the alerts of deploy/prometheus with Prometheus's own promtool: against series
# made by hand, and against what real exporters say in a day of peace and in each
# trouble, which internal/alerttest records in virtual time.
#
# promtool comes out of Debian's package, unpacked under the cache: nothing is installed
# and no service starts. One that is installed already is used as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/install.sh
source .ci/install.sh

# fetch_promtool DIR unpacks Debian's package there.
fetch_promtool() {
  command -v apt-get >/dev/null || die "promtool is missing: install Prometheus"
  cd "$1"
  apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
  dpkg-deb -x prometheus_*.deb .
  rm prometheus_*.deb
}

promtool() {
  if type -P promtool >/dev/null; then
    command promtool "$@"
    return
  fi
  once "$cache/promtool" fetch_promtool
  "$cache/promtool/usr/bin/promtool" "$@"
}

promtool check rules deploy/prometheus/alerts.yaml
promtool test rules deploy/prometheus/alerts_test.yaml

scenarios=$(mktemp -d)
trap 'rm -rf "$scenarios"' EXIT
go test -count=1 ./internal/alerttest -out "$scenarios"
promtool check rules "$scenarios/dashboard.rules"
promtool test rules "$scenarios"/*.yaml
