#!/usr/bin/env bash
# Looks at the status page in Chromium, with scripts and without, and has axe judge
# whether everybody can read it.
#
# axe is pinned by axe/package-lock.json and kept under
# ${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter: a second run needs no network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/install.sh
source .ci/install.sh

home=$cache/axe-$(cat .ci/axe/package*.json | sha256sum | cut -c1-12)

fetch_axe() {
  need npm npm
  cp .ci/axe/package*.json "$1/"
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
}

if ! command -v chromium-browser google-chrome chrome >/dev/null && ! (need chromium chromium); then
  say "there is no Chromium, and none can be installed here; the page is not looked at"
  exit 0
fi
once "$home" fetch_axe
TEST_AXE=$home/node_modules/axe-core/axe.min.js go test -count=1 -v -run 'InABrowser|WithoutScripts|TestEverybodyCanRead' ./internal/status |
  grep -E '^(---|ok|FAIL|PASS)|^ +[a-z_]+_test.go'
