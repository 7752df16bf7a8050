#!/usr/bin/env bash
# Breaks the protocol in one way after another, each a patch in mutations/, and
# checks that the tests that the patch names fail, on the in-process broker. What
# no test notices, no test protects. When a patch no longer applies, make it again:
# make the same change by hand, take git diff, keep the patch's header, undo.
#
#   mutations.sh          runs the tests; some minutes
#   mutations.sh check    only checks that each patch applies and the packages that it changes compile
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=.ci/steps.sh
source .ci/steps.sh

here=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$tree"
cd "$tree"
unset TEST_KAFKA_BROKERS

for patch in "$here"/.ci/mutations/*.patch; do
  name=$(basename "$patch" .patch)
  git apply "$patch" || fail "$name does not apply"
  if [[ ${1:-} == check ]]; then
    sed -n 's|^+++ b/\(.*\)/[^/]*$|./\1|p' "$patch" | sort -u | xargs go build || fail "$name does not compile"
    git apply -R "$patch"
    continue
  fi
  while read -r package test; do
    if go test -count=1 -timeout 5m -run "^$test\$" "$package" >"$tree/log" 2>&1; then
      fail "$name: $test did not notice"
    fi
    grep -qE '^ *--- FAIL|^panic: test timed out' "$tree/log" || { cat "$tree/log"; fail "$name: $test did not run"; }
    printf '%-60s noticed by %s\n' "$name" "$test"
  done < <(sed -n 's/^Noticed by: //p' "$patch")
  git apply -R "$patch"
done
