#!/usr/bin/env bash
# deploy/consumers/scoring, for consumers.sh.
set -euo pipefail
# shellcheck source=.ci/install.sh
source .ci/install.sh
program=deploy/consumers/scoring
python=$(python_with $program/requirements.txt)
export KAFKA_TOPIC_SCORES=${KAFKA_TOPIC_SCORES:-ci.scores-$CONSUMERS_SUFFIX}
export KAFKA_TOPIC_SCORED_TASKS=${KAFKA_TOPIC_SCORED_TASKS:-ci.scored-$CONSUMERS_SUFFIX}

case $1 in
  build)
    for file in settings.py records.py test_records.py; do cmp $program/$file deploy/consumers/crm-updater/$file; done
    (cd $program && "$python" -m unittest -q)
    ;;
  beside) ;;
  start) exec "$python" $program/scoring.py ;;
  check) exec "$python" .ci/consumers/scoring.py ;;
esac
