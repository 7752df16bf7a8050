package contract

import (
	"regexp"

	"airudder-exporter/schemas"
)

// What can be in a topic, as Config names it.
const (
	CallCompleted     = "CallCompleted"
	TaskStatusChanged = "TaskStatusChanged"
	DeadLetter        = "DeadLetter"
	CallPrivate       = "CallPrivate"
	CallRevised       = "CallRevised"
	Ledger            = "Ledger"
)

// publication is a topic that consumers read, and what is particular to its headers.
type publication struct {
	record  string // what is in it
	id      string
	title   string
	about   []string
	summary string
	schema  string
	key     key

	ceType    string
	ceID      header // without its name
	ceSubject header
	ofEvent   bool // it has the headers of an event, and the event's time
}

// The example that the document is written with: the API's own.
const (
	exampleTask = "82caed2ecc5029c9eb7efea50e83466f"
	exampleCall = "6dbf57adc3ecf4f4bfd5efe85ccad659"
	exampleRow  = "15744007"
)

// published is the one list of the topics in Avro, in the document's order.
func published(cfg Config) []publication {
	return []publication{completed(cfg), statusChanged(), deadLetter(cfg), private(cfg), revised(cfg)}
}

// ofCall is the ce_subject of a record about a call.
var ofCall = header{meaning: "The CallID.", pattern: anything, example: exampleCall}

// byTask is the key of what is about a task.
var byTask = key{form: "<TaskID>", meaning: "The records of a task are in one partition, in order.", pattern: anything, example: exampleTask}

func completed(cfg Config) publication {
	return publication{
		record: CallCompleted, id: "callCompleted", title: "Events",
		summary: "One finished call.",
		about: []string{
			"One record for each finished call. Its identity is account, task_id and call_id.",
			"It is published when a response first shows the call's row as finished.",
			"The events of a task are numbered by task_sequence: 1, 2, 3 and so on, without gaps, in the order of publishing.",
		},
		schema: schemas.CallCompleted(), key: eventKey(cfg), ofEvent: true,
		ceType:    "airudder.call.completed",
		ceID:      header{meaning: "`<TaskID>/<CallID>/0`.", pattern: `.+/.+/0`, example: exampleTask + "/" + exampleCall + "/0"},
		ceSubject: ofCall,
	}
}

func statusChanged() publication {
	return publication{
		record: TaskStatusChanged, id: "taskStatus", title: "Status of the tasks",
		summary: "A task's change of status, or its seal.",
		about: []string{
			"One record for each change of a task's status that a complete response showed, and one for each seal, which says that the export of a task is complete as far as anyone can know.",
			"exported is the last task_sequence: the task's events are all there up to it once the distinct numbers that you hold are as many as it says.",
			"The records of a task are numbered by sequence, without gaps.",
		},
		schema: schemas.TaskStatusChanged(), key: byTask,
		ceType:    "airudder.task.status-changed",
		ceID:      header{meaning: "`<TaskID>/status/<sequence>`.", pattern: `.+/status/[1-9][0-9]*`, example: exampleTask + "/status/2"},
		ceSubject: header{meaning: "The TaskID.", pattern: anything, example: exampleTask},
	}
}

func deadLetter(cfg Config) publication {
	return publication{
		record: DeadLetter, id: "deadLetter", title: "Dead letters",
		summary: "A row that cannot be an event, or its end.",
		about: []string{
			"One record for each row that cannot become an event. When a later response shows the row sound, its event follows, and a second record of the same task and key with resolved true.",
			deadRaw(cfg),
		},
		schema: schemas.DeadLetter(), key: byTask,
		ceType: "airudder.call.dead-letter",
		ceID: header{meaning: "`<TaskID>/dead/<key>`; where resolved, `<TaskID>/dead/<key>/resolved`.",
			pattern: `.+/dead/.+`, example: exampleTask + "/dead/" + exampleRow},
		ceSubject: header{meaning: "The CallID; the TaskID where there is none.", pattern: anything, example: exampleTask},
	}
}

func private(cfg Config) publication {
	return publication{
		record: CallPrivate, id: "callPrivate", title: "Private values",
		summary: "What is kept apart from an event.",
		about: []string{
			"One record for each event, and for each CallRevised, with the values that privacy keeps apart from it: with the event's key, in the partition of the same number, committed in the same transaction.",
			"Join it to its event by account, task_id, call_id and revision (0: the event's).",
			"All of it is personal data: give the topic an ACL of its own.",
		},
		schema: schemas.CallPrivate(), key: eventKey(cfg), ofEvent: true,
		ceType:    "airudder.call.private",
		ceID:      header{meaning: "Its event's, and `/private`.", pattern: `.+/.+/[0-9]+/private`, example: exampleTask + "/" + exampleCall + "/0/private"},
		ceSubject: ofCall,
	}
}

func revised(cfg Config) publication {
	return publication{
		record: CallRevised, id: "callRevised", title: "Revisions",
		summary: "An event of which AIRudder says something else now.",
		about: []string{
			"One record each time that a documented field of a published call's row says something else, in the order of the changes: revision is 1, 2 and so on per call. call is the whole call as it is then, with its event's task_sequence.",
			"It takes the place of the event, and is no call more: counts, seals and digests are of events alone.",
			"A call has 20 at most. A row is compared when its task is read, so a change between two readings is not seen, and none after the task is closed.",
		},
		schema: schemas.CallRevised(), key: eventKey(cfg), ofEvent: true,
		ceType:    "airudder.call.revised",
		ceID:      header{meaning: "`<TaskID>/<CallID>/<revision>`.", pattern: `.+/.+/[1-9][0-9]*`, example: exampleTask + "/" + exampleCall + "/1"},
		ceSubject: ofCall,
	}
}

func deadRaw(cfg Config) string {
	if mode := cfg.Privacy.mode("raw"); mode != "" && mode != "keep" {
		return "Privacy leaves the row itself out: raw is null, and raw_size and raw_sha256 are the row's."
	}
	return "raw has the row as AIRudder sent it, personal data included: give the topic an ACL of its own."
}

// eventKey is what events are keyed by.
func eventKey(cfg Config) key {
	const ofCall = "<TaskID>/<CallID>"
	// In a TaskID before a slash, / and % are escaped.
	k := key{form: ofCall, meaning: "Each call has a key of its own: nothing orders two calls.",
		pattern: `[^/]+/.+`, example: exampleTask + "/" + exampleCall}
	field := ""
	switch cfg.EventKey {
	case "row":
		k.form, k.example = "<TaskID>/<row id>", exampleTask+"/"+exampleRow
		k.meaning = "The attempts of one row are in one partition, in order. Where the row has no id, the key is " + code(ofCall) + "."
	case "task_id":
		k.form, k.example, k.pattern = "<TaskID>", exampleTask, anything
		k.meaning = "The calls of a task are in one partition, in the order of task_sequence."
	case "callee_number":
		field, k.example = cfg.EventKey, "+6212345678"
	case "comments":
		field, k.example = cfg.EventKey, "C12345567"
	}
	if field != "" {
		k.form, k.pattern = field, anything
		k.meaning = "The calls with one " + field + " are in one partition, in order. Where it is null or empty, the key is " + code(ofCall) + "."
		if mode := cfg.Privacy.mode(field); mode != "" && mode != "keep" {
			k.form = "token of " + field
			k.example = cfg.Privacy.Key + ".WqMDZDk6S8fV2hNnqf2sGA"
			k.pattern = regexp.QuoteMeta(cfg.Privacy.Key) + `\.[A-Za-z0-9_-]{22}|[^/]+/.+`
		}
	}
	if k.form == ofCall || cfg.EventKey == "row" {
		k.meaning += " In the TaskID, `/` is written `%2F` and `%` is written `%25`."
	}
	if !cfg.EventKeySet {
		k.meaning += " A ledger keeps the key that it was made with, and this configuration names none: this is a new ledger's."
	}
	return k
}
