package contract

import "regexp"

// header is one of a record's headers. A header with a value has always that one.
type header struct{ name, meaning, value, pattern, example string }

// anything is the pattern of every text that is not empty.
const anything = `.+`

// timeLayout is a pattern of RFC 3339 in UTC with milliseconds.
const timeLayout = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`

// headersOf are the headers that internal/record writes, in its order. A test holds the
// two together.
func headersOf(cfg Config, p publication) []header {
	source := cfg.Source
	if cfg.Account != "" {
		source += "/accounts/" + cfg.Account
	}
	source += "/tasks/"
	at := header{name: "ce_time", meaning: "observed_at: when the exporter began the request whose response showed this.", pattern: timeLayout, example: "2026-11-29T08:30:12.250Z"}
	recorded := at
	recorded.name = "ce_recordedtime"
	if p.ofEvent {
		at.meaning = "occurred_at of the event: the call's end, else its start, else observed_at."
		at.example = "2026-11-29T08:29:58.000Z"
	}
	id, subject := p.ceID, p.ceSubject
	id.name, subject.name = "ce_id", "ce_subject"
	id.meaning += " Unique within its ce_source: deduplicate by it where a mirror or a copy may repeat records."
	all := []header{
		{name: "ce_specversion", meaning: "The version of CloudEvents, of which these are the headers in binary mode.", value: "1.0"},
		{name: "ce_type", meaning: "What the record is.", value: p.ceType},
		{name: "ce_source", meaning: "The task, whose id is escaped as in a URL.", pattern: regexp.QuoteMeta(source) + `.+`, example: source + exampleTask},
		id, subject, at, recorded,
		{name: "content-type", meaning: "The form of the value.", value: "application/avro"},
		{name: "airudder_ledger_id", meaning: "The ledger that keeps the record from being published twice. Where several accounts share a topic, it tells their records apart.", pattern: anything, example: "5f0c8b9e-3d6f-4a39-9a4e-2f5f0b6c7d81"},
	}
	if cfg.Account != "" {
		all = append(all, header{name: "airudder_account", meaning: "The account.", value: cfg.Account})
	}
	if p.ofEvent {
		all = append(all,
			header{name: "ce_sequence", meaning: "The event's task_sequence, a number: not in the order of its text.", pattern: `[1-9][0-9]*`, example: "17"},
			header{name: "airudder_privacy", meaning: "The privacy that the event was made under: its preset and a digest of all modes. Records from before a change have another one.", pattern: `[a-z]+/[0-9a-f]{16}`, example: cfg.Privacy.Header},
		)
	}
	return all
}
