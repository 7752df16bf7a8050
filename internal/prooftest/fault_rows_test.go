package prooftest

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// faultRow is a row of the table: a request, how it goes wrong, and how often.
type faultRow struct {
	asked
	on    way
	code  int16 // with refused and denied
	times int
}

// The ways in which a request can go wrong, beside the killer's.
const (
	refused   way = "refused"                   // the broker does nothing, and answers a code
	denied    way = "done, and reported failed" // the broker does it, and the answer is a code
	cutAnswer way = "answer cut in the middle"  // half of it comes
	noLedger  way = "the ledger's leader gets nothing"
	noEvents  way = "only the ledger's leader gets something"
	tardy     way = "answered after the deadline" // and for a producer's request after its end
)

func (r faultRow) String() string {
	name := fmt.Sprintf("%s, %s", r.step, r.on)
	if r.code != 0 {
		text := "?"
		if e, ok := kerr.ErrorForCode(r.code).(*kerr.Error); ok {
			text = e.Message
		}
		name += fmt.Sprintf(": %d %s", r.code, text)
	}
	if r.times > 1 {
		name += fmt.Sprintf(", %d times", r.times)
	}
	return name
}

// aWhile is how many requests a fault hits that lasts.
const aWhile = 3

// networkRows are the ways of the network, for each request.
func networkRows(all []asked) (rows []faultRow) {
	for _, a := range all {
		for _, on := range []way{lost, silent, cutAnswer} {
			rows = append(rows, faultRow{a, on, 0, 1})
			if a.cause != restart {
				rows = append(rows, faultRow{a, on, 0, aWhile})
			}
		}
	}
	return rows
}

// lateRows are the requests and the answers that come late.
func lateRows(all []asked) (rows []faultRow) {
	for _, a := range all {
		rows = append(rows, faultRow{a, tardy, 0, 1})
		if a.effect && slices.Contains(slices.Concat(metaSteps, startSteps, workSteps), a.step) {
			rows = append(rows, faultRow{a, late, 0, 1})
		}
	}
	return rows
}

// codeRows are the answers that are codes: once, and for a while. A code that
// passes by itself lasts, too, where nothing but the membership depends on it;
// another one only costs the same again.
func codeRows(all []asked) (rows []faultRow) {
	for _, a := range all {
		for _, code := range a.codes {
			on := refused
			if !a.effect {
				on = denied
			}
			rows = append(rows, faultRow{a, on, code, 1})
			if a.effect {
				rows = append(rows, faultRow{a, denied, code, 1})
			}
			if !a.ends(code) && a.cause != restart && (!a.ofGroupWork() || passing(code)) {
				rows = append(rows, faultRow{a, on, code, aWhile})
			}
		}
	}
	return rows
}

// dividedRows are the requests to one leader that fail while those to others
// arrive: no answer, and every code.
func dividedRows() (rows []faultRow) {
	produce := asked{stepProduce, itself, true, produceCodes}
	for _, on := range []way{noLedger, noEvents} {
		rows = append(rows, faultRow{produce, on, 0, 1}, faultRow{produce, on, 0, aWhile})
		for _, code := range produceCodes {
			rows = append(rows, faultRow{produce, on, code, 1})
		}
	}
	return rows
}

// fits reports whether a request is one that the row can happen to.
func (r faultRow) fits(w *world, q *request) bool {
	if q.step != r.step {
		return false
	}
	produce, ok := q.msg.(*kmsg.ProduceRequest)
	if !ok || r.on != noLedger && r.on != noEvents {
		return true
	}
	ledger := 0
	for _, t := range produce.Topics {
		if t.Topic == w.Topics.Ledger {
			ledger++
		}
	}
	return ledger > 0 && ledger < len(produce.Topics)
}

// fate is what the row does to one request.
func (r faultRow) fate(w *world, q *request) fate {
	switch r.on {
	case lost:
		return fate{lose: true}
	case silent:
		return fate{drop: true}
	case late:
		return fate{hangUp: true, before: func() { w.awaitSuccessor(q.txn) }}
	case tardy:
		return fate{after: func() { w.awaitTooLate(q.txn) }}
	case cutAnswer:
		return fate{half: true}
	case noLedger:
		return fate{spares: "!" + w.Topics.Ledger, lose: r.code == 0, refuse: r.code}
	case noEvents:
		return fate{spares: w.Topics.Ledger, lose: r.code == 0, refuse: r.code}
	case refused:
		return fate{refuse: r.code}
	}
	return fate{replace: r.code}
}

// awaitTooLate waits until nobody waits for an answer any more: a later producer
// is in a transaction or, of a request that belongs to none, or to the meta,
// which may have been written, the longest deadline has passed.
func (w *world) awaitTooLate(id string) {
	if id != "" && !isInit(id) {
		w.awaitSuccessor(id)
		return
	}
	<-time.After(4 * time.Second)
}
