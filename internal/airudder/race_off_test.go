//go:build !race

package airudder

// raceDetector says whether the tests run under it.
const raceDetector = false
