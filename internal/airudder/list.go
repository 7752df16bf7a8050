package airudder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

const (
	listEndpoint = "list"
	listPath     = "/service/cloud/list"

	maxList      = 64 << 20 // bytes of one page
	maxPages     = 1000
	listRetries  = 3
	listInterval = 500 * time.Millisecond // before the first retry
)

// List returns the tasks that the upstream lists and those named by hand, each
// once. since fills {since} of the query. With an error it returns the tasks
// named by hand, as far as they are known.
func (c *Client) List(ctx context.Context, since time.Time) (call.Listing, error) {
	names, fileErr := c.named.look()
	all := newListing(c.cfg.Zone)
	var err error
	if c.cfg.ListEnabled {
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

// pages asks for one page, or for all where the query says how.
func (c *Client) pages(ctx context.Context, since time.Time, all *listing) error {
	paged := strings.Contains(c.cfg.ListQuery, "{page}")
	now := time.Now()
	for page := 1; page <= maxPages; page++ {
		q := request{op: "list tasks", endpoint: listEndpoint, method: http.MethodGet, path: listPath}
		q.query = listQuery(c.cfg.ListQuery, page, since, now)
		if paged {
			q.op += ", page " + strconv.Itoa(page)
		}
		arrays, err := c.page(ctx, q, page == 1)
		if err != nil {
			return err
		}
		fresh, err := c.take(arrays, all)
		if err != nil {
			return within(q.op, err)
		}
		if !paged || !fresh {
			return nil
		}
	}
	c.log.WarnContext(ctx, "the task list has more pages than are read; tasks on the others are not exported",
		"pages", maxPages)
	return nil
}

// take adds a page's entries; fresh says whether one named a new task.
func (c *Client) take(arrays []jsonrows.Value, all *listing) (fresh bool, err error) {
	for _, array := range arrays {
		for it := jsonrows.ElementsOf(array); it.Next(); {
			fresh = all.add(it.Value, c.metrics) || fresh
			if len(all.tasks) > maxTasks {
				return fresh, &Error{kind: KindGarbage, text: fmt.Sprintf(
					"the list names more than %d tasks; a query with {since} may ask for fewer", maxTasks)}
			}
		}
	}
	return fresh, nil
}

// page reads one page. What may pass is tried again: a page of null (which on
// the first page is an empty list only if it stays) and a failing upstream.
func (c *Client) page(ctx context.Context, q request, first bool) ([]jsonrows.Value, error) {
	wait := backoff.NewExponentialBackOff(backoff.WithInitialInterval(listInterval), backoff.WithMaxElapsedTime(0))
	for tries := 0; ; tries++ {
		arrays, null, err := c.pageOnce(ctx, q)
		again := null && first || passes(err)
		if !again || tries == listRetries {
			return arrays, err
		}
		if _, err := sleep(ctx, nil, wait.NextBackOff()); err != nil {
			return nil, cancelled(ctx, q.op)
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

func (c *Client) pageOnce(ctx context.Context, q request) (arrays []jsonrows.Value, null bool, err error) {
	for {
		resp, err := c.send(ctx, q)
		if err == nil {
			arrays, null, err = readPage(resp.body)
			err = resp.finish(err)
		}
		if !q.again(err) {
			return arrays, null, err
		}
	}
}

func readPage(body io.Reader) (arrays []jsonrows.Value, null bool, err error) {
	data, err := readEnvelope(listEndpoint, body, maxList)
	if err != nil {
		return nil, false, err
	}
	return findEntries(data)
}

// listQuery fills the placeholders of a query.
func listQuery(template string, page int, since, until time.Time) string {
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	return strings.NewReplacer(
		"{page}", strconv.Itoa(page),
		"{since}", url.QueryEscape(since.UTC().Format(time.RFC3339)),
		"{until}", url.QueryEscape(until.UTC().Format(time.RFC3339)),
	).Replace(strings.TrimPrefix(template, "?"))
}
