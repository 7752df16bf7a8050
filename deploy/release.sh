#!/usr/bin/env bash
# Builds a release: for each platform an archive with both programs, the completions of
# the usual shells, the licence, the documents and the schemas, and a bill of materials
# (CycloneDX); the chart, as Helm installs it; and SHA256SUMS over all of it.
#
#   deploy/release.sh v1.2.3 DIR [linux/amd64 …]
#
# The same commit and the same Go make the same bytes, wherever they are built: without
# cgo, without paths, and with the commit's time in the archives. It needs Go, git and GNU
# tar, and a checkout without changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
  echo "release.sh: $*" >&2
  exit 1
}

[[ $# -ge 2 ]] || die "give a version, a directory and, if not all, platforms: v1.2.3 dist linux/amd64"
version=$1 out=$2
shift 2
platforms=("$@")
[[ ${#platforms[@]} -gt 0 ]] || platforms=({linux,darwin,windows}/{amd64,arm64})
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || die "$version is no version: give one such as v1.2.3 or v1.2.3-rc.1"
[[ -z $(git status --porcelain) ]] || die "the checkout has changes, which nobody could build again: commit them, or take them away"
mkdir -p "$out"
out=$(cd "$out" && pwd)
[[ -z $(ls -A "$out") ]] || die "$out is not empty: give another directory"

export CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local LC_ALL=C TZ=UTC
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The completions are the same everywhere; the program of this machine writes them.
go build -trimpath -o "$work/airudder-exporter" ./cmd/airudder-exporter
mkdir "$work/completions"
for shell in bash zsh fish powershell; do
  "$work/airudder-exporter" completion "$shell" >"$work/completions/airudder-exporter.$shell"
done

# pack DIR NAME writes an archive of NAME, which is in DIR.
pack() {
  tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$1" -cf - "$2" | gzip -n9
}

# build PLATFORM makes its archive and its bill of materials.
build() {
  local os=${1%/*} arch=${1#*/} name suffix=""
  name=airudder-exporter_${version#v}_${os}_$arch
  [[ $os != windows ]] || suffix=.exe
  mkdir -p "$work/$name"
  for program in airudder-exporter airudder-sim; do
    GOOS=$os GOARCH=$arch go build -trimpath -ldflags "-s -w -buildid= -X main.release=$version" \
      -o "$work/$name/$program$suffix" "./cmd/$program"
  done
  cp -RL LICENSE README.md schemas deploy "$work/completions" "$work/$name/"
  find "$work/$name" \( -name '*.go' -o -name go.mod -o -name go.sum \) -delete
  sed -i "s/^version: .*/version: ${version#v}/; s/^appVersion: .*/appVersion: \"$version\"/" "$work/$name/deploy/helm/airudder-exporter/Chart.yaml"
  find "$work/$name" -type d -exec chmod 755 {} + -o -type f ! -perm -u+x -exec chmod 644 {} + -o -type f -exec chmod 755 {} +
  pack "$work" "$name" >"$out/$name.tar.gz"
  pack "$work/$name/deploy/helm" airudder-exporter >"$out/airudder-exporter-${version#v}.tgz" # as `helm package` names it
  "$work/bin/cyclonedx-gomod" bin -json -noserial -std -version "$version" -output "$work/sbom.json" "$work/$name/airudder-exporter$suffix"
  # The time of its making is the one thing in it that another build would change.
  sed -E "s/(\"timestamp\": )\"[^\"]*\"/\1\"$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)\"/" "$work/sbom.json" >"$out/$name.cdx.json"
  echo "$name"
}

GOBIN=$work/bin GOFLAGS="" go install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0
for platform in "${platforms[@]}"; do build "$platform"; done
(cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
