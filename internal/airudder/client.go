package airudder

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
)

// Client reads one AIRudder account. Its methods may be called at the same
// time. The only goroutine that it starts asks for a token; it ends with the
// context of the call that needed the token.
type Client struct {
	cfg     Config
	base    *url.URL
	log     *slog.Logger
	http    *http.Client
	metrics *metrics
	budget  *budget
	tokens  *tokens
	shown   credentials // when a token was last asked for; the renewal's own
	named   *named
	flight  flight

	list   *template.Template // nil: no list
	detail *template.Template
	totals totals

	mu     sync.Mutex
	window window // of the listings before

	largeRow *semaphore.Weighted // of one: held while a row of more than jsonrows.MaxRow is read

	words call.Words // of rows' statuses
}

// New returns a client, or all that is wrong with its configuration. It sends
// nothing. A nil logger logs nothing.
func New(cfg Config, logger *slog.Logger, reg prometheus.Registerer) (*Client, error) {
	var wrong []error
	for _, problem := range cfg.check() {
		wrong = append(wrong, problem)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err := errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	if cfg.AuthScheme == "" {
		cfg.AuthScheme = "Token"
	}
	if cfg.Zone == nil {
		cfg.Zone = defaultZone()
	}
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		cfg: cfg, base: base, log: logger,
		http:    &http.Client{Transport: newTransport(cfg), CheckRedirect: stay},
		metrics: newMetrics(reg),
		budget:  newBudget(cfg.RequestsPerSecond),

		largeRow: semaphore.NewWeighted(1),
		words:    rowWords(cfg.RowStatuses),
		window:   newWindow(),
	}
	c.totals = newTotals(cfg.TotalFields)
	c.list, _ = template.ParseList(cmp.Or(cfg.ListRequest, DefaultList)) // both are checked
	c.detail, _ = template.ParseDetail(cmp.Or(cfg.DetailRequest, DefaultDetail))
	c.tokens = newTokens(c.authenticate, c.replaced, logger)
	c.watch(reg)
	c.named = newNamed(cfg, logger, c.metrics.listWithoutID.Inc)
	_, _ = c.named.look() // so that Named knows them; List reports the error
	return c, nil
}

func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // see decoded
		DialContext:         cfg.Dial,
		MaxIdleConnsPerHost: cfg.Concurrency + 1,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 30 * time.Second,

		MaxResponseHeaderBytes: maxHeader,

		// A dead HTTP/2 connection would take all requests down with it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// stay follows no redirect: the key and the token are for the base URL alone.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Named reports whether a task was named by hand.
func (c *Client) Named(taskID string) bool { return c.named.has(taskID) }

// Share sets which part of the deployment's request budget is this client's
// own, from 0 (no request goes) to 1 (the part at the start).
func (c *Client) Share(fraction float64) { c.budget.setShare(fraction) }

// Check asks for a new token, within the budget, to see whether the upstream is
// there and takes the app key and secret.
func (c *Client) Check(ctx context.Context) error {
	token, _ := c.tokens.current()
	c.tokens.refused(token)
	_, err := c.tokens.get(ctx)
	return err
}

// CloseIdleConnections closes the connections that no request uses.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }
