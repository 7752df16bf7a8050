package airudder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

const (
	listEndpoint = "list"

	maxList      = 64 << 20 // bytes of one page
	maxPages     = 1000
	listRetries  = 3
	listInterval = 500 * time.Millisecond // before the first retry
)

// List returns the tasks that the upstream lists and those named by hand, each
// once. since fills {since} of the request. With an error it returns the tasks
// named by hand, as far as they are known.
func (c *Client) List(ctx context.Context, since time.Time) (call.Listing, error) {
	names, fileErr := c.named.look()
	all := newListing(c.cfg.Zone)
	var err error
	if c.list != nil {
		if err = c.pages(ctx, since, all); err == nil {
			c.mu.Lock()
			all.said.Pushes = c.window.pushed(all.tasks, c.list.Limit())
			c.mu.Unlock()
		}
	}
	if err != nil {
		all = newListing(c.cfg.Zone)
	}
	for _, id := range names {
		all.name(id)
	}
	all.said.Tasks, all.said.Off = all.tasks, c.list == nil
	all.said.Speed, all.said.Slowed = c.budget.slowness()
	return all.said, errors.Join(err, fileErr)
}

// pages asks for one page, or for all where the request says how.
func (c *Client) pages(ctx context.Context, since time.Time, all *listing) error {
	f := template.Filling{Since: since, Until: time.Now(), Zone: c.cfg.Zone}
	turn := newTurner(c.list)
	for f.Page = range maxPages {
		q := request{op: "list tasks", endpoint: listEndpoint, Request: c.list.Fill(f)}
		if turn.kind != "" {
			q.op += ", page " + strconv.Itoa(f.Page+1)
		}
		p, err := c.page(ctx, q, f.Page == 0)
		if err != nil {
			return err
		}
		took, err := c.take(p.arrays, all)
		if err != nil {
			return within(q.op, err)
		}
		if !turn.next(&f, p, took, all) {
			all.hear(p, c.totals, took.entries > 0 || f.Page == 0, turn.cursor)
			return nil
		}
		all.hear(p, c.totals, false, turn.cursor)
	}
	all.said.Pages = maxPages
	return nil
}

// taken is what a page added to a listing.
type taken struct {
	entries int
	fresh   bool   // one of them named a new task
	tasks   uint64 // a sum over their TaskIDs
}

// take adds a page's entries.
func (c *Client) take(arrays []jsonrows.Value, all *listing) (t taken, err error) {
	unnamed, begun, before := 0, 0, len(all.tasks)
	for _, array := range arrays {
		for it := jsonrows.ElementsOf(array); it.Next(); t.entries++ {
			id, ok := all.add(it.Value)
			switch {
			case !ok:
				c.metrics.listWithoutID.Inc()
				unnamed++
				if hasBegun(it.Value) {
					begun++
				}
			case all.index[id] >= before: // no page before has shown it
				t.fresh = true
				all.said.Entries++
			}
			t.tasks += xxhash.Sum64String(id)
			if len(all.tasks) > maxTasks {
				return t, &Error{kind: KindGarbage, text: fmt.Sprintf(
					"the list names more than %d tasks; a request with {since} may ask for fewer", maxTasks)}
			}
		}
	}
	if t.fresh || before == 0 { // else the page shows again what others have shown
		all.said.Entries += unnamed
		all.said.Nameless += begun
	}
	return t, nil
}

// page reads one page. What may pass is tried again: a page of null (which on
// the first page is an empty list only if it stays) and a failing upstream.
func (c *Client) page(ctx context.Context, q request, first bool) (page, error) {
	wait := backoff.NewExponentialBackOff(backoff.WithInitialInterval(listInterval), backoff.WithMaxElapsedTime(0))
	for tries := 0; ; tries++ {
		p, err := c.pageOnce(ctx, q)
		again := p.null && first || passes(err)
		if !again || tries == listRetries {
			return p, err
		}
		if _, err := sleep(ctx, nil, wait.NextBackOff()); err != nil {
			return page{}, cancelled(ctx, q.op)
		}
	}
}

// passes reports whether an error of a page is worth asking again at once. The
// others need the operator, or a pause longer than a list should take.
func passes(err error) bool {
	switch kindOf(err) {
	case KindServer, KindCut, KindGarbage, KindHTML, KindNetwork:
		return true
	}
	return false
}

func (c *Client) pageOnce(ctx context.Context, q request) (p page, err error) {
	for {
		resp, err := c.send(ctx, q)
		if err == nil {
			p, err = readPage(resp.body, c.totals)
			err = resp.finish(err)
		}
		if !q.again(err) {
			return p, err
		}
	}
}

func readPage(body io.Reader, t totals) (p page, err error) {
	if p.envelope, err = readEnvelope(listEndpoint, body, maxList); err != nil {
		return p, err
	}
	return p, p.findEntries(t)
}
