package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"airudder-exporter/internal/kafka"
)

// column is one of the table for people.
type column struct {
	title string
	width int // at least; beyond 0 on the left, below 0 on the right
	text  func(fields) string
}

func field(name string) func(fields) string {
	return func(f fields) string { return f.text(name) }
}

var (
	taskColumn = column{"TASK", 32, field("task_id")}
	callColumn = column{"CALL", 36, field("call_id")}

	callColumns = []column{taskColumn, callColumn, {"NUMBER", -6, field("task_sequence")}, durationColumn,
		{"INTENTION", 9, field("intention")}, {"RING", 8, field("ring_type")}, {"HANGUP", 6, field("hangup_type")}}
	revisedColumns = append([]column{{"REVISION", -8, field("revision")}}, callColumns...)
	statusColumns  = []column{taskColumn, {"NUMBER", -6, field("sequence")}, {"STATUS", 21, transition},
		{"ROWS", -6, field("rows")}, {"FINISHED", -8, field("rows_finished")}, {"OPEN", -6, field("rows_open")},
		{"EXPORTED", -8, field("exported")}, {"UNEXPORTED", -10, field("unexported")}}
	letterColumns = []column{taskColumn, {"ROW", 32, field("key")}, {"REASON", 12, field("reason")},
		{"RESOLVED", 8, func(f fields) string { return map[string]string{"true": "yes", "false": "no"}[f.text("resolved")] }},
		{"BYTES", -7, field("raw_size")}, {"SHA256", 64, field("raw_sha256")}}
	privateColumns = []column{taskColumn, callColumn, {"REVISION", -8, field("revision")}, {"FIELDS", 0, func(f fields) string {
		return strings.Join(f.filled("task_id", "account", "call_id", "revision", "observed_at"), " ")
	}}}

	durationColumn = column{"DURATION", -8, func(f fields) string {
		ms, err := strconv.ParseInt(f.text("duration_ms"), 10, 64)
		if err != nil {
			return ""
		}
		return (time.Duration(ms) * time.Millisecond).Round(100 * time.Millisecond).String()
	}}
)

func transition(f fields) string {
	if _, sealed := f["seal"]; sealed && f.text("seal") != "" {
		return f.text("status") + ", sealed"
	}
	if previous := f.text("previous_status"); previous != "" {
		return previous + " → " + f.text("status")
	}
	return f.text("status")
}

// table is a record as a line of a table, the first with the columns' titles above
// it. Of what can be personal data, it shows nothing but a dead letter's row, if that
// was asked for, and the key of a call.
func (p *printer) table(m kafka.Message, value []byte, of fields) []byte {
	var b strings.Builder
	if !p.begun {
		p.begun = true
		p.row(&b, "TIME", "PART@OFFSET", func(c column) string { return c.title }, p.title())
	}
	rest := ""
	switch {
	case p.of.columns == nil || m.Value == nil: // the ledger, or a tombstone
		rest = strings.TrimSpace(string(m.Key) + " " + string(value))
	case p.raw:
		row, _ := base64.StdEncoding.DecodeString(of.text("raw"))
		rest = string(row)
	}
	text := func(c column) string { return c.text(of) }
	p.row(&b, m.Time.UTC().Format(time.RFC3339), fmt.Sprintf("%d@%d", m.Partition, m.Offset), text, rest)
	if p.headers {
		for _, h := range m.Headers {
			fmt.Fprintf(&b, "    %s: %s\n", printable(h.Key), printable(string(h.Value)))
		}
	}
	return []byte(b.String())
}

// title is that of what stands behind the columns.
func (p *printer) title() string {
	switch {
	case p.of.columns == nil:
		return "ENTRY"
	case p.raw:
		return "RAW"
	}
	return ""
}

func (p *printer) row(b *strings.Builder, when, place string, text func(column) string, rest string) {
	line := fmt.Sprintf("%-20s  %-11s", when, place)
	for _, c := range p.of.columns {
		line += fmt.Sprintf("  %*s", -c.width, printable(text(c)))
	}
	fmt.Fprintln(b, strings.TrimRight(line+"  "+printable(rest), " "))
}

// printable keeps what AIRudder sends from working on the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}
