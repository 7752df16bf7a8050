#!/usr/bin/env bash
# deploy/consumers/loan-join, for consumers.sh. Beside it runs who writes the loans.
set -euo pipefail
# shellcheck source=.ci/install.sh
source .ci/install.sh
program=deploy/consumers/loan-join
home=$cache/loan-join-$(find $program -type f -not -path '*/target/*' | sort | xargs sha256sum | sha256sum | cut -c1-12)
python=$(python_with deploy/consumers/crm-updater/requirements.txt)
export KAFKA_TOPIC_LOANS=ci.loans-$CONSUMERS_SUFFIX KAFKA_TOPIC_JOINED=ci.joined-$CONSUMERS_SUFFIX
export KAFKA_TOPIC_MISSED=ci.missed-$CONSUMERS_SUFFIX KAFKA_TOPIC_CONTACTS=ci.contacts-$CONSUMERS_SUFFIX

# compile DIR builds the program there, and runs its tests.
compile() {
  need mvn maven
  need javac default-jdk-headless
  cp -r $program/pom.xml $program/src "$1/"
  mvn -q -B -Dstyle.color=never -f "$1/pom.xml" package
}

case $1 in
  build)
    once "$home" compile
    "$python" .ci/consumers/loan-join.py topic # the program wants the loans to be there
    ;;
  beside) exec "$python" .ci/consumers/loan-join.py write ;;
  start) STATE_DIR=$CONSUMERS_WORK/loan-join INSTANCE=ci exec java -Xmx256m -XX:+UseSerialGC -jar "$home/target/loan-join.jar" ;;
  check) exec "$python" .ci/consumers/loan-join.py check ;;
esac
