package prooftest

import (
	"slices"
)

// asked is a request of the exporter, with what a broker may answer it.
type asked struct {
	step   step
	cause  cause
	effect bool    // a broker changes something: refused is not the same as done and reported failed
	codes  []int16 // that brokers answer it with
}

// cause is how a request is brought about that does not come by itself.
type cause string

const (
	itself  cause = ""
	doubt   cause = "doubt"   // the producer ends: the answer to an EndTxn is lost
	rejoin  cause = "rejoin"  // the group's member joins again: a heartbeat is refused
	restart cause = "restart" // the process ends in good order, and starts
)

// Codes that mean something here. Source: the protocol guide's table of error
// codes.
const (
	codeOutOfRange = 1
	codeGeneration = 22
	codeTopicRight = 29
	codeGroupRight = 30
	codeTxnRight   = 53
)

// What a broker may answer, by request. Source: the lists of possible error
// codes in Kafka's own response classes (org.apache.kafka.common.requests,
// 4.1), with those that its coordinators, its log and its request handling
// return beside them (TransactionCoordinator, GroupCoordinator, UnifiedLog,
// KafkaApis); for a produce in a transaction also KIP-890's. -1 is the answer
// to whatever a broker did not expect, for any request.
var (
	initCodes   = []int16{-1, 7, 14, 15, 16, 31, 42, 47, 48, 49, 50, 51, 53, 90}
	addCodes    = []int16{-1, 3, 14, 15, 16, 29, 47, 48, 49, 51, 53, 55, 90, 120}
	endCodes    = []int16{-1, 14, 15, 16, 42, 47, 48, 49, 51, 53, 90, 120}
	findCodes   = []int16{-1, 14, 15, 42, 53}
	fetchCodes  = []int16{-1, codeOutOfRange, 2, 3, 6, 9, 29, 43, 56, 74, 75, 76, 78, 100, 103, 109}
	metaCodes   = []int16{-1, 3, 5, 17, 29}
	configCodes = []int16{-1, 3, 7, 17, 29, 31, 42}
	listCodes   = []int16{-1, 3, 5, 6, 9, 29, 43, 56, 74, 75, 78}

	produceCodes = []int16{
		-1, 2, 3, 6, 7, 9, 10, 14, 15, 16, 17, 18, 19, 20, 21, 29, 32, 42, 43, 45, 46, 47, 48, 49, 51, 53, 56, 59, 74, 76, 87, 90, 100, 120,
	}

	findGroupCodes = []int16{-1, 14, 15, 24, 30, 42}
	joinCodes      = []int16{-1, 14, 15, 16, 22, 23, 24, 25, 26, 27, 30, 42, 79, 81, 82}
	syncCodes      = []int16{-1, 14, 15, 16, 22, 23, 25, 27, 30, 82}
	heartbeatCodes = []int16{-1, 14, 15, 16, 22, 25, 27, 30, 82}
	leaveCodes     = []int16{-1, 14, 15, 16, 25, 30, 82}
	offsetsCodes   = []int16{-1, 3, 14, 15, 16, 24, 25, 29, 30}
)

// everyRequest is what `run` sends to brokers once the topics are there.
func everyRequest() []asked {
	return []asked{
		{stepFind, doubt, false, findCodes},
		{stepFence, doubt, true, initCodes},
		{stepMetadata, doubt, false, metaCodes},
		{stepVersions, doubt, false, []int16{-1, 35, 42}},
		{stepConfigs, doubt, false, configCodes},
		{stepBarrierAdd, doubt, true, addCodes},
		{stepBarrierProduce, doubt, true, produceCodes},
		{stepBarrierEnd, doubt, true, endCodes},
		{stepReplay, doubt, false, fetchCodes},
		{stepAdd, itself, true, addCodes},
		{stepProduce, itself, true, produceCodes},
		{stepEnd, itself, true, endCodes},
		{stepHeartbeat, itself, true, heartbeatCodes},
		{stepFindGroup, rejoin, false, findGroupCodes},
		{stepJoin, rejoin, true, joinCodes},
		{stepSync, rejoin, true, syncCodes},
		{stepOffsets, rejoin, false, offsetsCodes},
		{stepListOffsets, restart, false, listCodes},
		{stepLeave, restart, true, leaveCodes},
	}
}

// ofGroupWork reports whether a request keeps the membership alone. What is
// owned stays owned whatever becomes of it.
func (a asked) ofGroupWork() bool {
	return slices.Contains([]step{stepHeartbeat, stepFindGroup, stepJoin, stepSync, stepOffsets}, a.step)
}

// passing reports whether a code says that the same will be answered otherwise
// by itself.
func passing(code int16) bool {
	return slices.Contains([]int16{3, 5, 6, 7, 9, 14, 15, 16, 19, 20, 22, 25, 27, 51, 56, 74, 75, 78, 79}, code)
}

// fencing reports whether a code says that a producer's time is over.
func fencing(code int16) bool { return slices.Contains([]int16{47, 49, 90}, code) }

// says is what has to stand in the log once a code was answered; empty: nothing
// in particular. A right that is missing is named.
func (a asked) says(code int16) string {
	switch {
	case code == codeTxnRight && a.step != stepEnd && a.step != stepMetaEnd:
		return "the right Write on the transactional ids"
	case code == codeTopicRight && a.step == stepReplay:
		return "the right Read on the topic"
	case code == codeTopicRight && slices.Contains([]step{stepAdd, stepBarrierAdd, stepMetaAdd, stepProduce, stepBarrierProduce, stepMetaProduce}, a.step):
		return "the right Write on the topic"
	case code == codeOutOfRange && a.step == stepReplay:
		return "does not begin at offset 0 any more"
	}
	return ""
}

// ends reports whether the exporter ends itself, as it must: the ledger's
// beginning is gone.
func (a asked) ends(code int16) bool { return a.step == stepReplay && code == codeOutOfRange }
