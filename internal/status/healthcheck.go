package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Healthcheck asks the server at addr, which is HTTP_ADDR as the server got it,
// for path (/healthz or /readyz), and returns nil for 200 alone. An address that
// means every interface is asked on loopback. It takes five seconds at most.
func Healthcheck(ctx context.Context, addr, path string) error {
	target, err := dialable(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	url := "http://" + target + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	// A transport of its own: no proxy from the environment stands before us.
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("health check: GET %s: %w", url, err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // the code has said it already
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("health check: GET %s: %s: %s", url, response.Status, strings.TrimSpace(string(text)))
	}
	return nil
}

// dialable turns an address to listen on into one to connect to.
func dialable(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil:
		return "", fmt.Errorf("HTTP_ADDR: %q has to be host:port, such as 127.0.0.1:8080: %w", addr, err)
	case port == "0":
		return "", errors.New("HTTP_ADDR: port 0 is another port at each start; name one that can be asked")
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
