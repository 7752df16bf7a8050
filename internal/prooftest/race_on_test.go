//go:build race

package prooftest

// raceDetector says whether the tests, and so the exporter, run under it.
const raceDetector = true
