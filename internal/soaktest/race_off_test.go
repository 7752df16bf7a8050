//go:build !race

package soaktest

// raceDetector says whether the tests run under it.
const raceDetector = false
