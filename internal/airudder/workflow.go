package airudder

import (
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// workflow are the fields that a workflow's details add to "the same rows": no
// documentation tells whether they stand in each row or in data. Both are read.
var workflow = []workflowField{
	{"workflow_id", func(t *call.Task) *call.Opt[string] { return &t.WorkflowID }, func(r *call.Row) *call.Opt[string] { return &r.WorkflowID }},
	{"workflow_name", func(t *call.Task) *call.Opt[string] { return &t.WorkflowName }, func(r *call.Row) *call.Opt[string] { return &r.WorkflowName }},
	{"nodetask_id", func(t *call.Task) *call.Opt[string] { return &t.NodeTaskID }, func(r *call.Row) *call.Opt[string] { return &r.NodeTaskID }},
	{"nodetask_name", func(t *call.Task) *call.Opt[string] { return &t.NodeTaskName }, func(r *call.Row) *call.Opt[string] { return &r.NodeTaskName }},
	{"case_id", func(t *call.Task) *call.Opt[string] { return &t.CaseID }, func(r *call.Row) *call.Opt[string] { return &r.CaseID }},
}

type workflowField struct {
	name string
	task func(*call.Task) *call.Opt[string]
	row  func(*call.Row) *call.Opt[string]
}

// workflowFields are those of the tasks or of the rows.
func workflowFields[T any](of func(workflowField) func(*T) *call.Opt[string]) (all fields[T]) {
	for _, f := range workflow {
		all = append(all, field[T]{f.name, promoted(text(of(f)))}) // until the schemas' next major version
	}
	return all
}

// promoted is a field that was unknown once, and has one of its own now. For one major
// version of the schemas it stays in the additional fields, too: who reads it there
// still finds it.
func promoted[T any](set setter[T]) setter[T] {
	return func(d *decoding, dst *T, v jsonrows.Value) fit { return set(d, dst, v) | keepRaw }
}

// isWorkflow reports whether a field is one of those.
func isWorkflow(name string) bool {
	for _, f := range workflow {
		if f.name == name {
			return true
		}
	}
	return false
}

// inherit gives rows what data says of the workflow, where they say nothing of it.
func inherit(task *call.Task, rows []call.Row) {
	for _, f := range workflow {
		said := *f.task(task)
		for i := range rows {
			if _, says := rows[i].Additional[f.name]; said.Set && !says {
				*f.row(&rows[i]) = said
			}
		}
	}
}
