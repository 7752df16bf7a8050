// Package schemas holds the Avro schemas of the records that the exporter
// publishes.
//
// The schemas only ever grow: every version under released/ reads what today's
// schema writes, and today's reads what every released version wrote. So a
// released version is added beside the others and never changed, a new field is
// optional (a union with null, default null), and no field is removed or changes
// its type.
package schemas

import _ "embed"

var (
	//go:embed call_completed.avsc
	callCompleted string
	//go:embed task_status_changed.avsc
	taskStatusChanged string
	//go:embed dead_letter.avsc
	deadLetter string
	//go:embed call_private.avsc
	callPrivate string
	//go:embed call_revised.avsc
	callRevised string
)

// CallCompleted is the schema of a finished call.
func CallCompleted() string { return callCompleted }

// TaskStatusChanged is the schema of a task's transition or seal.
func TaskStatusChanged() string { return taskStatusChanged }

// DeadLetter is the schema of a row that could not become a CallCompleted.
func DeadLetter() string { return deadLetter }

// CallPrivate is the schema of what is kept apart from a CallCompleted.
func CallPrivate() string { return callPrivate }

// CallRevised is the schema of a CallCompleted that says something else now.
func CallRevised() string { return callRevised }
