package airudder

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"airudder-exporter/internal/call"
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
func (c *Client) List(ctx context.Context, since time.Time) ([]call.Listed, error) {
	names, fileErr := c.named.look()
	all := newListing()
	var err error
	if c.cfg.ListEnabled {
		err = c.pages(ctx, since, all)
	}
	if err != nil {
		all = newListing()
	}
	for _, id := range names {
		all.name(id)
	}
	return all.tasks, errors.Join(err, fileErr)
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
		fresh, err := c.take(q, arrays, all)
		if err != nil || !paged || !fresh {
			return err
		}
	}
	c.log.WarnContext(ctx, "the task list has more pages than are read", "pages", maxPages)
	return nil
}

// take adds a page's entries; fresh says whether one named a new task.
func (c *Client) take(q request, arrays []view, all *listing) (fresh bool, err error) {
	for _, array := range arrays {
		for it := newElements(array); it.next(); {
			fresh = all.add(it.value.bytes, c.metrics) || fresh
			if len(all.tasks) > maxTasks {
				return fresh, &Error{op: q.op, kind: KindGarbage,
					text: "the list names more than " + strconv.Itoa(maxTasks) + " tasks; a query with {since} may ask for fewer"}
			}
		}
	}
	return fresh, nil
}

// page reads one page. What may pass is tried again: a page of null (which on
// the first page is an empty list only if it stays) and a failing upstream.
func (c *Client) page(ctx context.Context, q request, first bool) ([]view, error) {
	wait := backoff.NewExponentialBackOff(backoff.WithInitialInterval(listInterval), backoff.WithMaxElapsedTime(0))
	for tries := 0; ; tries++ {
		arrays, null, err := c.pageOnce(ctx, q)
		again := null && first || passes(err)
		if !again || tries == listRetries {
			return arrays, err
		}
		if err := sleep(ctx, nil, wait.NextBackOff()); err != nil {
			return nil, cancelled(q.op, ctx)
		}
	}
}

// passes reports whether an error of a page is worth asking again at once. The
// others need someone's hand, or a pause longer than a list should take.
func passes(err error) bool {
	switch kindOf(err) {
	case KindServer, KindCut, KindGarbage, KindHTML, KindNetwork:
		return true
	}
	return false
}

func (c *Client) pageOnce(ctx context.Context, q request) (arrays []view, null bool, err error) {
	err = c.authorized(ctx, q, func() bool { return true }, func(_ time.Time, body io.Reader) error {
		data, err := readEnvelope(q, body, maxList)
		if err != nil {
			return err
		}
		arrays, null, err = findEntries(data)
		return err
	})
	return arrays, null, err
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
