#!/usr/bin/env bash
# deploy/consumers/crm-webhook, for consumers.sh. Beside it runs the endpoint.
set -euo pipefail
# shellcheck source=.ci/install.sh
source .ci/install.sh
program=deploy/consumers/crm-webhook
home=$cache/crm-webhook-$(cat $program/package*.json .ci/consumers/crm-webhook.sh | sha256sum | cut -c1-12)
python=$(python_with deploy/consumers/crm-updater/requirements.txt)
export KAFKA_TOPIC_WEBHOOK_DEAD_LETTER=ci.refused-$CONSUMERS_SUFFIX WEBHOOK_URL=http://127.0.0.1:$CONSUMERS_PORT/calls WEBHOOK_TIMEOUT_MS=2000

# fetch DIR installs the packages there. The client's binary is for download where npm's own
# packages are not: it is compiled, with the libraries of the system.
fetch() {
  need npm npm
  need g++ g++
  need make make
  cp $program/package*.json $program/.npmrc "$1/"
  npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
  local prefix client=$1/node_modules/@confluentinc/kafka-javascript
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  if [[ -d $prefix/include/node ]]; then export npm_config_nodedir=$prefix; fi
  (cd "$client" && CKJS_LINKING=dynamic npx --no node-pre-gyp install --build-from-source >"$1/build.log" 2>&1) || die "the client cannot be compiled: $(tail -n 20 "$1/build.log")"
  find "$client" -name '*.o' -delete
}

case $1 in
  build)
    need node nodejs
    node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || die "node is $(node --version), needed is 20 or later"
    once "$home" fetch
    mkdir "$CONSUMERS_WORK/crm-webhook"
    cp -r $program/*.mjs $program/test "$CONSUMERS_WORK/crm-webhook/"
    ln -s "$home/node_modules" "$CONSUMERS_WORK/crm-webhook/node_modules"
    (cd "$CONSUMERS_WORK/crm-webhook" && node --test >test.log) || { cat "$CONSUMERS_WORK/crm-webhook/test.log"; exit 1; }
    "$python" .ci/consumers/crm-webhook.py topic
    CONSUMERS_NODE=$CONSUMERS_WORK/crm-webhook "$python" .ci/consumers/crm-webhook.py aborted
    ;;
  beside) exec "$python" .ci/consumers/crm-webhook.py serve ;;
  start) INSTANCE=ci exec node "$CONSUMERS_WORK/crm-webhook/main.mjs" ;;
  check) exec "$python" .ci/consumers/crm-webhook.py check ;;
esac
