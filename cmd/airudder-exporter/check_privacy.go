package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"airudder-exporter/internal/record/privacy"
)

// privacy shows what becomes of each field that can hold personal data: its mode, and
// the topics that show something of it.
func (c *checker) privacy() {
	choice := choice(c.cfg)
	tokens := ""
	if name := choice.KeyName(); name != "" && !choice.Open() {
		tokens = ", and its tokens are of the key " + name
	}
	c.ok("%s: an event's header airudder_privacy is %s%s", choice.Preset(), choice.Header(), tokens)
	topics := c.cfg.Kafka.Topics
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  field\tmode\ttopic\n")
	for _, f := range privateFields(choice, topics) {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", f.Field, f.Mode, cmp.Or(strings.Join(f.Topics, ", "), "-"))
	}
	_ = w.Flush()                               // a closed pipe ends the program at the next line
	if key := c.cfg.Kafka.EventKey; key != "" { // else it is the ledger's
		c.personalKeys(key)
	}
	if !choice.Open() && choice.Mode(privacy.AdditionalFields) == privacy.Keep {
		c.note("additional_fields is keep: a field that AIRudder misspells or sends in another type stands there as it is, whatever its mode")
	}
	if !choice.Open() && choice.Mode(privacy.RawRow) == privacy.Keep {
		c.note("raw is keep: a dead letter in %s has all of its row, whatever the modes", topics.DeadLetter)
	}
}

// topicsOf are the topics that show a field's values or what stands for them.
func topicsOf(f privacy.Field, mode privacy.Mode, topics Topics) []string {
	switch {
	case mode == privacy.Drop:
		return nil
	case f.Kind == privacy.Raw:
		return []string{topics.DeadLetter}
	case mode == privacy.Private:
		return []string{topics.CallPrivate}
	case mode == privacy.PseudonymPrivate:
		return []string{topics.CallCompleted, topics.CallPrivate}
	}
	return []string{topics.CallCompleted}
}

// personalKeys warns where the events' keys hold personal data: compaction, metrics
// and tools show keys where they show no values.
func (c *checker) personalKeys(key string) {
	choice := choice(c.cfg)
	if err := c.cfg.checkKey(key); err != nil {
		c.fail("%v", err)
	}
	for _, f := range privacy.Fields() {
		if f.Name == key && f.Personal && choice.Mode(key) == privacy.Keep {
			c.note("the event key is %s: keys hold personal data, and tools and logs show keys more often than values", key)
		}
	}
}
