package main

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// release is the version, and revision the commit, where the build sets them (-ldflags "-X
// main.release=v1.2.3"): an image is built without the history that Go reads.
var release, revision string

// build is what this program was built from. A revision that is not known is empty.
type build struct{ version, revision, goVersion string }

func thisBuild() build {
	from, ok := debug.ReadBuildInfo()
	if !ok {
		return build{version: "unknown"}
	}
	b := build{version: from.Main.Version, goVersion: from.GoVersion}
	if release != "" {
		b.version = release
	}
	for _, s := range from.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	if revision != "" {
		b.revision = revision
	}
	return b
}

// version is the version, with the commit where that is known.
func version() string {
	b := thisBuild()
	text := b.version
	if b.revision != "" {
		text += " " + b.revision
	}
	if b.goVersion != "" {
		text += " " + b.goVersion
	}
	return text
}

// buildInfo is the build as a metric.
func buildInfo() prometheus.Collector {
	b := thisBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "airudder_build_info",
		Help: "Always 1; its labels say what runs: version, revision (empty: not known), goversion.",
		ConstLabels: prometheus.Labels{
			"version": b.version, "revision": b.revision, "goversion": b.goVersion,
		},
	})
	info.Set(1)
	return info
}
