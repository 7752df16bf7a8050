// Package topics says what the topics must be, creates those that are missing, and
// holds those that exist against that: partitions, replicas and settings on which
// the promise, or its price, depends.
//
//	topics.go    what they must be; created, or asked for
//	missing.go   what to do about those that are missing
//	findings.go  what is odd about those that exist
package topics
