package main

import (
	"math"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/env"
)

var (
	token       = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)
	placeholder = regexp.MustCompile(`[{}]`)
	known       = strings.NewReplacer("{page}", "1", "{since}", "1", "{until}", "1")
)

func checkURL(r *env.Reader, name, value, example, instead string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		r.Bad(name, "is not an absolute http or https URL: give one such as "+example)
	case u.User != nil:
		r.Bad(name, "holds a user name: give the URL alone"+instead)
	}
}

// isHostPort reports whether an address is host:port with a number for a port.
func isHostPort(address string, emptyHost bool) bool {
	host, port, err := net.SplitHostPort(address)
	n, errPort := strconv.ParseUint(port, 10, 16)
	return err == nil && errPort == nil && (emptyHost || host != "" && n > 0) && !strings.ContainsAny(host, "/@ \t\r\n")
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func positive(r *env.Reader, name string, d time.Duration) {
	if d <= 0 {
		r.Bad(name, "is not above 0: give a duration such as 1m or 30s")
	}
}

func atLeastOne(r *env.Reader, name string, n int) {
	if n < 1 || n > math.MaxInt32 {
		r.Bad(name, "is out of range: give 1 or more")
	}
}

func notBelow(r *env.Reader, name string, d time.Duration, least string, floor time.Duration) {
	if d < floor && r.OK(name, least) {
		r.Bad(name, "is below "+least+", "+r.Shown(least)+": give at least as much")
	}
}

func oneOf(r *env.Reader, name, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		r.Bad(name, "is not one of them: give "+strings.Join(allowed[:last], ", ")+" or "+allowed[last])
	}
}

// together holds two variables to being given both or neither.
func together(r *env.Reader, a, valueA, b, valueB string) {
	if valueA != "" && valueB == "" {
		r.Add(b, "is required with "+a)
	}
	if valueB != "" && valueA == "" {
		r.Add(a, "is required with "+b)
	}
}
