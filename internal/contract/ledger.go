package contract

// field is a field of a value in JSON. One that is not always there is left out where it
// is zero.
type field struct {
	name, kind string // a JSON type; "time" is a string in RFC 3339
	always     bool
	meaning    string
	fields     []field // of an object
}

func aboutLedger(cfg Config) []string {
	return []string{
		"What was published, so that nothing is published twice. It is read in full at each start, so it is compacted and never deleted.",
		"Its values are small JSON objects without personal data, not compressed, so any Kafka tool reads them. Only the exporter writes it.",
		"The entries of a task go (tombstones) once it is closed, " + span(cfg.Retention) + " after its seal; `task/<TaskID>` stays.",
		"In keys, a `/` of a TaskID is written `%2F` and a `%` is written `%25`. CallIDs stand as they are.",
	}
}

// entries are the kinds of the ledger's records.
func entries() []message {
	of := func(name, summary, form, pattern, example string, fields []field) message {
		return message{name: name, summary: summary, key: key{form: form, pattern: pattern, example: example}, json: fields}
	}
	return []message{
		of("LedgerCall", "What a call was published as.", "call/<TaskID>/<CallID>", `call/[^/]+/.+`,
			"call/"+exampleTask+"/"+exampleCall, publishedFields("event or dead_letter.",
				field{name: "n", kind: "integer", meaning: "The event's task_sequence."},
				field{name: "revision", kind: "integer", meaning: "Of the last CallRevised."},
				field{name: "fields", kind: "string", meaning: "Where changes are published: `<form>:<hash>` of what the row's documented fields said in the last record of the call."},
				field{name: "limit", kind: "integer", meaning: "Bytes that the topic took, where the event was too large for it."})),
		of("LedgerRow", "A dead letter without a CallID, or what has become of it. The id in the key is sha256: and 16 hex digits of the row's SHA-256 where the row has none.", "row/<TaskID>/<row id>", `row/[^/]+/.+`,
			"row/"+exampleTask+"/"+exampleRow, publishedFields("dead_letter, or resolved: the row has shown a call since.",
				field{name: "call_id", kind: "string", meaning: "Of a resolved row: that call."})),
		of("LedgerTask", "How far a task is.", "task/<TaskID>", `task/[^/]+`, "task/"+exampleTask, taskFields()),
		of("LedgerMeta", "Which ledger this is, and what it was made with: in every partition.", "meta", `meta`, "meta", metaFields()),
		of("LedgerProducer", "Who wrote the partition last.", "producer", `producer`, "producer", producerFields()),
	}
}

// publishedFields are those of a call and of a row. own are what one of them has.
func publishedFields(as string, own ...field) []field {
	return append([]field{
		{name: "at", kind: "time", always: true, meaning: "When the exporter began the request whose response showed what the entry says last."},
		{name: "as", kind: "string", always: true, meaning: as},
		{name: "reason", kind: "string", meaning: "Of a dead letter: as in DeadLetter."},
		{name: "row", kind: "string", always: true, meaning: "The row's xxHash64, by which later changes are noticed."},
	}, own...)
}

func taskFields() []field {
	return []field{
		{name: "status", kind: "string", meaning: "The last status that was published."},
		{name: "sequence", kind: "integer", meaning: "Of the last TaskStatusChanged."},
		{name: "events", kind: "integer", meaning: "The last task_sequence when this was written; the entries of calls may have a higher one."},
		{name: "terminal_since", kind: "time", meaning: "Since when the task has been seen ended."},
		{name: "seal", kind: "integer", meaning: "The number of the last seal."},
		{name: "sealed_at", kind: "time", meaning: "When it was made."},
		{name: "sealed_events", kind: "integer", meaning: "The last task_sequence that it tells. It is valid while that is the task's last."},
		{name: "list_print", kind: "string", meaning: "A fingerprint of what the list showed of the task."},
		{name: "look", kind: "object", meaning: "What complete readings at the task's end have shown alike.", fields: []field{
			{name: "first", kind: "time", meaning: "When the first of them began."},
			{name: "last", kind: "time", meaning: "When the last that counts did."},
			{name: "count", kind: "integer", meaning: "How many they are."},
			{name: "rows", kind: "integer", meaning: "Rows."},
			{name: "finished", kind: "integer", meaning: "Finished rows."},
			{name: "cancelled", kind: "integer", meaning: "Cancelled rows."},
			{name: "events", kind: "integer", meaning: "The last task_sequence after it."},
		}},
		{name: "had_rows", kind: "boolean", meaning: "A complete reading has shown rows."},
		{name: "unconfirmed", kind: "string", meaning: "A status that takes a step back, and that one reading has shown."},
		{name: "gone_since", kind: "time", meaning: "Since when readings have found no such task, or no row any more."},
		{name: "closed_at", kind: "time", meaning: "The task is never read again. Without sealed_at: closed without a seal."},
		{name: "before_export_since", kind: "boolean", meaning: "The task ended before the export begins."},
		{name: "schedule_end", kind: "time", meaning: "With before_export_since: when."},
	}
}

func metaFields() []field {
	return []field{
		{name: "format", kind: "integer", always: true, meaning: "2. A program that knows another one refuses the ledger."},
		{name: "ledger_id", kind: "string", always: true, meaning: "As in the header airudder_ledger_id."},
		{name: "partitions", kind: "integer", always: true, meaning: "The ledger's, fixed at its creation."},
		{name: "event_topic", kind: "string", always: true, meaning: "The topic of the events."},
		{name: "event_key", kind: "string", always: true, meaning: "What events are keyed by."},
		{name: "account", kind: "string", meaning: "The account's name."},
		{name: "source", kind: "string", always: true, meaning: "What every ce_source begins with."},
		{name: "detail_path", kind: "string", always: true, meaning: "Of the request for a task's detail."},
		{name: "privacy", kind: "string", always: true, meaning: "The modes of all fields."},
		{name: "export_since", kind: "time", always: true, meaning: "Tasks whose schedule ended before are not exported."},
		{name: "created", kind: "time", always: true, meaning: "When the ledger was made."},
		{name: "reach", kind: "time", meaning: "Of a ledger that was rebuilt: what was published before is not known."},
	}
}

func producerFields() []field {
	return []field{
		{name: "host", kind: "string", always: true, meaning: "Of the process."},
		{name: "pid", kind: "integer", always: true, meaning: "Of the process."},
		{name: "producer_id", kind: "integer", always: true, meaning: "Of the Kafka producer."},
		{name: "epoch", kind: "integer", always: true, meaning: "Of the Kafka producer."},
		{name: "started", kind: "time", always: true, meaning: "When the process started."},
		{name: "instance", kind: "string", always: true, meaning: "Random, one a process."},
		{name: "role", kind: "string", meaning: "tool: no exporter."},
		{name: "beat_ms", kind: "integer", meaning: "Of a tool: how often it writes, at least, in milliseconds. Whoever wants the partition waits for it, until it is silent for three times as long."},
		{name: "done", kind: "boolean", meaning: "Of a tool: it writes no more."},
	}
}
