package webconfig

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"airudder-exporter/internal/setting"
)

// Serve is server.Serve with what the file says. A file that Check would refuse ends it.
func (c Config) Serve(l net.Listener, server *http.Server, log *slog.Logger) error {
	if c.WebConfigFile == "" {
		return server.Serve(l)
	}
	if problems := c.Check(); len(problems) > 0 {
		return problems[0]
	}
	ctx, cancel := context.WithCancel(context.Background())
	watched, began := make(chan struct{}), c.Says().TLS
	go func() {
		defer close(watched)
		c.watch(ctx, began, log)
	}()
	defer func() { cancel(); <-watched }()
	// The library has a line for each request while the file is wrong, and may quote it there.
	return web.Serve(l, server, &web.FlagConfig{WebConfigFile: &c.WebConfigFile}, slog.New(slog.DiscardHandler))
}

// Authenticated reports whether somebody is known who made a request that Serve has let
// through: by a password, which the library has compared, or by a certificate.
func (c Config) Authenticated(r *http.Request) bool {
	if c.WebConfigFile == "" {
		return false
	}
	f, err := c.read()
	if err != nil {
		return false
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 && verifies(f.TLSConfig) {
		return true
	}
	user, _, given := r.BasicAuth()
	_, known := f.Users[user]
	return given && known
}

// every is how often the file is looked at.
const every = 5 * time.Second

// watch tells the log once when the file becomes one that cannot be used, and once when
// it can be used again. Two looks in a row must find it wrong: somebody may be writing.
func (c Config) watch(ctx context.Context, began bool, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	last, told := "", ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		wrong := c.wrong(began)
		switch {
		case wrong == told:
		case wrong == "":
			log.Info("the web configuration can be used again", "variable", c.variable(), "file", c.WebConfigFile)
			told = ""
		case wrong == last:
			log.Warn("the web configuration cannot be used: "+wrong, "variable", c.variable(), "file", c.WebConfigFile)
			told = wrong
		}
		last = wrong
	}
}

// wrong is what keeps the file from being used by a server that began with TLS, or
// without; empty: nothing.
func (c Config) wrong(began bool) string {
	f, err := c.read()
	switch {
	case err != nil:
		return "requests are refused, since the file " + err.Error()
	case began && !f.TLSConfig.IsEnabled():
		return "TLS was turned off there, which takes a restart; until then connections are refused"
	case !began && f.TLSConfig.IsEnabled():
		return "TLS was turned on there, which takes a restart; until then it is served without"
	}
	return ""
}

func (c Config) variable() string { return setting.Name(c.SettingName, "WebConfigFile") }
