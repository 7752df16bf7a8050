package airudder

import (
	"context"

	"golang.org/x/sync/semaphore"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
)

const detailEndpoint = "detail"

// Read streams one task's detail. It asks judge about every finished row, with
// the CallID's bytes (none, if the row has no usable one) and the row's xxHash64,
// and passes over those that are not new; the others reach yield in Parts, in the
// order of the response, or are rejected. An error of yield ends the reading and is
// returned as it is. The Reading is valid only without an error; rows that were
// yielded are, always.
//
// An upstream that puts the rows before the task's own fields is asked twice,
// unless the new rows are few enough to be held until the fields have come.
func (c *Client) Read(
	ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error,
) (call.Reading, error) {
	if !saneTaskID(taskID) {
		return call.Reading{}, &Error{op: "read task", kind: KindClient, text: "not a task id"}
	}
	d := c.newDetail(taskID, judge, yield)
	q := request{op: "read task " + taskID, endpoint: detailEndpoint, taskID: taskID, Request: c.detail.Fill(template.Filling{Task: taskID})}
	a, err := d.whole(func() (*answer, error) { return c.ask(ctx, q, d) })
	if err != nil {
		return call.Reading{}, err
	}
	return a.reading(), nil
}

func (c *Client) newDetail(taskID string, judge call.Judge, yield func(call.Part) error) *detail {
	return &detail{
		asked: taskID, judge: judge, yield: yield,
		decoding: decoding{zone: c.cfg.Zone, mismatched: c.metrics.mismatched},
		metrics:  c.metrics, words: c.words, totals: c.totals, largeRow: c.largeRow,
	}
}

// detail is what one Read asks for, in one request or in two.
type detail struct {
	asked    string
	judge    call.Judge
	yield    func(call.Part) error
	decoding decoding
	metrics  *metrics
	totals   totals
	words    call.Words // that rows may have for a status, besides the documented ones
	largeRow *semaphore.Weighted

	header  *call.Task // the task's own fields, where an earlier answer ended with them
	yielded bool       // a request that is sent again would yield rows again
}

// whole reads an answer, and once more where its rows stood before the task's own
// fields and were too many to be held until these had come.
func (d *detail) whole(read func() (*answer, error)) (*answer, error) {
	a, err := read()
	if err == nil && a.passOver {
		d.header = &a.task
		a, err = read()
	}
	return a, err
}

// ask asks for the detail and reads the answer to its end.
func (c *Client) ask(ctx context.Context, q request, d *detail) (a *answer, err error) {
	for {
		resp, err := c.send(ctx, q)
		if err == nil {
			a = &answer{detail: d, started: resp.started}
			err = resp.finish(a.read(ctx, resp.body))
		}
		if d.yielded || !q.again(err) {
			return a, err
		}
	}
}
