//go:build race

package rig

// Race says whether the tests, and so the exporter, run under it.
const Race = true
