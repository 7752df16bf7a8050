package airudder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v4"

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
		err = c.pages(ctx, since, all)
	}
	if err != nil {
		all = newListing(c.cfg.Zone)
	}
	for _, id := range names {
		all.name(id)
	}
	return call.Listing{Tasks: all.tasks}, errors.Join(err, fileErr)
}

// pages asks for one page, or for all where the request says how.
func (c *Client) pages(ctx context.Context, since time.Time, all *listing) error {
	paging := c.list.paging()
	f := filling{since: since, until: time.Now(), zone: c.cfg.Zone}
	cursors := map[string]bool{}
	for ; f.page < maxPages; f.page++ {
		q := c.list.fill(f)
		q.op, q.endpoint = "list tasks", listEndpoint
		if paging.word != "" {
			q.op += ", page " + strconv.Itoa(f.page+1)
		}
		p, err := c.page(ctx, q, f.page == 0)
		if err != nil {
			return err
		}
		entries, fresh, err := c.take(p.arrays, all)
		if err != nil {
			return within(q.op, err)
		}
		more := fresh
		switch paging.word {
		case "":
			return nil
		case "offset": // a server that gives fewer than asked for loses none
			f.offset += min(entries, paging.size)
		case "cursor":
			f.cursor = memberAt(p.envelope, paging.argument)
			next, _ := identity(f.cursor)
			more = next != "" && !cursors[next]
			cursors[next] = true
		}
		if !more {
			return nil
		}
	}
	c.log.WarnContext(ctx, "the task list has more pages than are read; tasks on the others are not exported",
		"pages", maxPages)
	return nil
}

// take adds a page's entries and counts them; fresh says whether one named a new
// task.
func (c *Client) take(arrays []jsonrows.Value, all *listing) (entries int, fresh bool, err error) {
	for _, array := range arrays {
		for it := jsonrows.ElementsOf(array); it.Next(); entries++ {
			fresh = all.add(it.Value, c.metrics) || fresh
			if len(all.tasks) > maxTasks {
				return entries, fresh, &Error{kind: KindGarbage, text: fmt.Sprintf(
					"the list names more than %d tasks; a request with {since} may ask for fewer", maxTasks)}
			}
		}
	}
	return entries, fresh, nil
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
			p, err = readPage(resp.body)
			err = resp.finish(err)
		}
		if !q.again(err) {
			return p, err
		}
	}
}

// page is one answer of the list.
type page struct {
	envelope map[string]json.RawMessage
	arrays   []jsonrows.Value // of entries
	null     bool             // it says nothing, not even that there are none
}

func readPage(body io.Reader) (p page, err error) {
	if p.envelope, err = readEnvelope(listEndpoint, body, maxList); err != nil {
		return p, err
	}
	p.arrays, p.null, err = findEntries(dataOf(p.envelope))
	return p, err
}
