package airudder

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"airudder-exporter/internal/call"
)

const (
	detailEndpoint = "detail"
	detailPath     = "/service/cloud/detail"
)

// Read streams one task's detail. It asks judge about every finished row, with
// the CallID's bytes (none, if the row has no usable one) and the row's xxHash64,
// and passes over those that are not new; the others reach yield in Parts, in the order
// of the response, or are rejected. An error of yield ends the reading and is returned as it is. The
// Reading is valid only without an error; rows that were yielded are, always.
//
// An upstream that puts the rows before the task's own fields is asked twice,
// unless the new rows are few enough to be held until the fields have come.
func (c *Client) Read(ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error) (call.Reading, error) {
	op := "read task " + taskID
	if !saneTaskID(taskID) {
		return call.Reading{}, &Error{op: "read task", kind: KindClient, text: "not a task id"}
	}
	r := &reading{asked: taskID, verdict: judge, yield: yield, metrics: c.metrics, zone: c.cfg.RedialZone}
	r.q = request{op: op, endpoint: detailEndpoint, method: http.MethodGet, path: detailPath,
		query: "TaskID=" + url.QueryEscape(taskID)}
	if err := c.readOnce(ctx, r); err != nil {
		return call.Reading{}, err
	}
	if r.passOver {
		header := r.task
		r.inHand = &header
		if err := c.readOnce(ctx, r); err != nil {
			return call.Reading{}, err
		}
	}
	return r.result(), nil
}

func (c *Client) readOnce(ctx context.Context, r *reading) error {
	untouched := func() bool { return !r.yielded } // else the replay would yield rows again
	return c.authorized(ctx, r.q, untouched, func(started time.Time, body io.Reader) error {
		r.begin(started)
		err := r.read(newScanner(body))
		if err != nil && ctx.Err() == nil {
			err = r.salvage(err)
		}
		return err
	})
}
