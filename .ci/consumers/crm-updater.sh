#!/usr/bin/env bash
# deploy/consumers/crm-updater, for consumers.sh.
set -euo pipefail
# shellcheck source=.ci/install.sh
source .ci/install.sh
program=deploy/consumers/crm-updater
python=$(python_with $program/requirements.txt)

case $1 in
  build) ;;
  beside) ;;
  start) exec "$python" $program/crm_updater.py ;;
  check)
    (cd $program && TEST_DATABASE_URL=$DATABASE_URL "$python" -m unittest -q)
    exec "$python" .ci/consumers/crm-updater.py
    ;;
esac
