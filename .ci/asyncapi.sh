#!/usr/bin/env bash
# Validates AsyncAPI documents with AsyncAPI's own parser.
#
#   asyncapi.sh FILE…
#
# The parser is pinned by asyncapi/package-lock.json and kept under
# ${XDG_CACHE_HOME:-$HOME/.cache}/airudder-exporter: a second run needs no network.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=.ci/install.sh
source "$here/install.sh"

home=$cache/asyncapi-$(cat "$here"/asyncapi/package*.json | sha256sum | cut -c1-12)

fetch_parser() {
  need npm npm
  cp "$here"/asyncapi/package*.json "$1/"
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
}

need node nodejs
node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || die "node is $(node --version), needed is 18 or later"
once "$home" fetch_parser
NODE_PATH=$home/node_modules node "$here/asyncapi/validate.cjs" "$@"
