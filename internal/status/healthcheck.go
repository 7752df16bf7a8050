package status

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Healthcheck asks the server that was given cfg for path (/healthz or /readyz),
// and returns nil only for 200. An address that means every interface is asked on
// loopback. It takes five seconds at most.
func Healthcheck(ctx context.Context, cfg Config, path string) error {
	target, err := cfg.dialable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if problems := cfg.Web().Check(); len(problems) > 0 {
		return fmt.Errorf("health check: %w", problems[0])
	}
	// A transport of its own uses no proxy from the environment.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: cfg.Web().Client()}
	url := "http://" + target + path
	if transport.TLSClientConfig != nil {
		url = "https://" + target + path
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if cfg.HealthcheckUsername != "" {
		request.SetBasicAuth(cfg.HealthcheckUsername, cfg.HealthcheckPassword)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("health check: GET %s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("health check: GET %s: %s: the web configuration wants a user and a password: set %s and %s", url, response.Status,
			cfg.setting("HealthcheckUsername"), cfg.setting("HealthcheckPassword"))
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // the status code says enough
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("health check: GET %s: %s: %s", url, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// dialable turns an address to listen on into one to connect to.
func (c Config) dialable() (string, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %q is not host:port: give one such as 127.0.0.1:8080: %w", c.setting("Addr"), c.Addr, err)
	case port == "0":
		return "", fmt.Errorf("%s: port 0 is a different port at each start, so nothing can be asked: give another port",
			c.setting("Addr"))
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	} else if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
