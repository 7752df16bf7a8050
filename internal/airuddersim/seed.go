package airuddersim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// What a stream of random numbers is for; one more part of its seed.
const (
	forTask = iota + 1
	forRow
	forAttempt
	forDialling
	forCancel
	forResponses
	forForm
)

// random is the stream that belongs to these numbers. The same numbers give the
// same stream, whatever else was drawn: so no order of events or requests can
// change a call.
func random(seed uint64, parts ...int) *rand.Rand {
	hi, lo := seed, ^seed
	for _, p := range parts {
		hi = mix(hi ^ uint64(p))
		lo = mix(lo + hi)
	}
	return rand.New(rand.NewPCG(hi, lo))
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hexID is an identifier of 32 hex digits that follows from its parts.
func hexID(seed uint64, kind string, parts ...int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %v", kind, seed, parts))
	return hex.EncodeToString(sum[:16])
}

// tokenText looks like the API's tokens: base64 with + and /, not URL-safe.
func tokenText(seed uint64, n int) string {
	a := sha256.Sum256(fmt.Appendf(nil, "token %d %d", seed, n))
	b := sha256.Sum256(a[:])
	return "+/" + base64.StdEncoding.EncodeToString(append(a[:], b[:14]...))
}

// pick is one of the choices.
func pick[T any](r *rand.Rand, choices []T) T { return choices[r.IntN(len(choices))] }
