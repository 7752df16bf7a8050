package rebuild

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/record"
)

// origins are who published the records of the three topics. Several ledgers may share
// them, and only one of those is rebuilt.
type origins struct {
	ledgerID string // whose records are taken; empty: nobody's yet
	named    bool   // by the operator; else it is that of the first record
	seen     map[record.Origin]tally
}

// tally counts the records of one origin.
type tally struct {
	records int
	newest  time.Time
}

func newOrigins(named string) *origins {
	return &origins{ledgerID: named, named: named != "", seen: map[record.Origin]tally{}}
}

// ours counts a record, and reports whether it is to be taken.
func (o *origins) ours(by record.Origin, at time.Time) bool {
	t := o.seen[by]
	t.records++
	if at.After(t.newest) {
		t.newest = at
	}
	o.seen[by] = t
	o.ledgerID = cmp.Or(o.ledgerID, by.LedgerID)
	return by.LedgerID == o.ledgerID
}

// others is how many records were passed over.
func (o *origins) others() (n int) {
	for by, t := range o.seen {
		if by.LedgerID != o.ledgerID {
			n += t.records
		}
	}
	return n
}

// check refuses what leaves open which ledger is meant, or says that another account's
// is.
func (o *origins) check(account, setting string) error {
	var newest record.Origin
	found := false
	for by, t := range o.seen {
		if by.LedgerID == o.ledgerID && (!found || t.newest.After(o.seen[newest].newest)) {
			newest, found = by, true
		}
	}
	switch others := o.others() > 0; {
	case !o.named && others:
		return fmt.Errorf("%w: the topics hold records of several ledgers: say by --ledger-id which one is meant:\n%s",
			errRefused, o.list())
	case !found && others:
		return fmt.Errorf("%w: nothing in the topics is of the ledger %s. There are:\n%s", errRefused, o.ledgerID, o.list())
	case found && newest.Account != account:
		return fmt.Errorf("%w: the newest records of the ledger %s are of the account %s, but %s is %s: "+
			"set it to the account of the ledger that is meant, and change it later with `airudder-exporter ledger adopt`",
			errRefused, o.ledgerID, cmp.Or(newest.Account, "(none)"), setting, cmp.Or(account, "(none)"))
	}
	return nil
}

// list has a line for each origin.
func (o *origins) list() string {
	var lines []string
	byID := func(a, b record.Origin) int {
		return cmp.Or(cmp.Compare(a.LedgerID, b.LedgerID), cmp.Compare(a.Account, b.Account))
	}
	for _, by := range slices.SortedFunc(maps.Keys(o.seen), byID) {
		lines = append(lines, fmt.Sprintf("  %s, account %s: %d records, the newest of %s",
			by.LedgerID, cmp.Or(by.Account, "(none)"), o.seen[by].records, o.seen[by].newest.UTC().Format(time.RFC3339)))
	}
	return strings.Join(lines, "\n")
}
