package demo

import (
	"fmt"
	"strings"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// shownCall is one line of the demo.
type shownCall struct {
	Time       time.Time `json:"time"` // when it was published
	TaskName   string    `json:"task_name"`
	Reference  string    `json:"customer_reference"`
	Number     string    `json:"callee_number"` // masked
	Intention  string    `json:"intention"`
	DurationMS *int64    `json:"duration_ms"`
	CallID     string    `json:"call_id"`
	Topic      string    `json:"topic"`
	Partition  int       `json:"partition"`
	Offset     int64     `json:"offset"`
}

func shown(m kafka.Message, e record.Event) shownCall {
	return shownCall{
		Time: m.Time.UTC(), TaskName: e.TaskName, Reference: e.Comments,
		Number: masked(e.CalleeNumber), Intention: e.Intention, DurationMS: milliseconds(e.Duration),
		CallID: e.CallID, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset,
	}
}

// The lines for a terminal, of which the narrowest that is usual has 80 columns.
const columns = "%-8s  %-13s  %-10s  %-14s  %-6s %6s  %s"

func header() string {
	return fmt.Sprintf(columns, "TIME", "TASK", "REFERENCE", "CALLEE", "INTENT", "LENGTH", "PART@OFFSET")
}

func (c shownCall) String() string {
	return fmt.Sprintf(columns, c.Time.Local().Format(time.TimeOnly), middle(c.TaskName, 13), middle(c.Reference, 10),
		middle(c.Number, 14), middle(c.Intention, 6), length(c.DurationMS), fmt.Sprintf("%d@%d", c.Partition, c.Offset))
}

// masked shows as much of a number as tells two apart.
func masked(number string) string {
	if len(number) < 8 {
		return strings.Repeat("•", len(number))
	}
	return number[:6] + strings.Repeat("•", len(number)-8) + number[len(number)-2:]
}

// middle cuts a text to n characters, out of its middle: campaigns differ in both
// ends of their names.
func middle(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	tail := (n - 1) / 3
	return string(r[:n-1-tail]) + "…" + string(r[len(r)-tail:])
}

func milliseconds(d call.Opt[time.Duration]) *int64 {
	if !d.Set {
		return nil
	}
	ms := d.Value.Milliseconds()
	return &ms
}

func length(ms *int64) string {
	if ms == nil {
		return "–"
	}
	return (time.Duration(*ms) * time.Millisecond).Round(time.Second).String()
}
