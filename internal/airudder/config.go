package airudder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config is how the upstream is reached, and what is read from it.
type Config struct {
	BaseURL    string // scheme, host and, perhaps, the path of a proxy
	AppKey     string
	AppSecret  string
	AuthScheme string // before the token in Authorization; empty: Token

	ListEnabled bool
	ListQuery   string   // may hold {page}, {since} and {until}
	TaskIDs     []string // named by hand, beside the list or instead of it
	TaskIDsFile string   // more of them, one a line; empty: none

	RequestsPerSecond float64       // of the whole deployment; see Client.Share
	Concurrency       int           // task details that the caller reads at once
	Timeout           time.Duration // to the first byte, and between bytes
	ResponseTimeout   time.Duration // for a whole answer

	RedialZone *time.Location // of redials' times, which name none; nil: +08:00

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: the system's network

	// SettingName is what the operator calls a setting, which this package names as
	// Config spells it. Nil: the same.
	SettingName func(field string) string
}

func (cfg *Config) setting(field string) string {
	if cfg.SettingName == nil {
		return field
	}
	return cfg.SettingName(field)
}

// check returns the base URL, or all that is wrong.
func (cfg *Config) check() (*url.URL, error) {
	base, err := url.Parse(cfg.BaseURL)
	var wrong []error
	expect := func(ok bool, setting, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(setting+": "+format, args...))
		}
	}
	expect(err == nil && base.Host != "" && base.User == nil && base.RawQuery == "" && base.Fragment == "" &&
		(base.Scheme == "http" || base.Scheme == "https"),
		cfg.setting("BaseURL"), "want http:// or https://, a host, and at most a path")
	expect(cfg.RequestsPerSecond > 0, cfg.setting("RequestsPerSecond"), "%v: want more than 0", cfg.RequestsPerSecond)
	expect(cfg.Concurrency > 0, cfg.setting("Concurrency"), "%d: want at least 1", cfg.Concurrency)
	expect(cfg.Timeout > 0, cfg.setting("Timeout"), "%s: want more than 0", cfg.Timeout)
	expect(cfg.ResponseTimeout > 0, cfg.setting("ResponseTimeout"), "%s: want more than 0", cfg.ResponseTimeout)
	expect(!strings.ContainsAny(cfg.AuthScheme, " \t\r\n"), cfg.setting("AuthScheme"), "%q: want one word", cfg.AuthScheme)
	for _, id := range cfg.TaskIDs {
		expect(saneTaskID(id), cfg.setting("TaskIDs"), "%q: want 1 to %d bytes without / and control characters", id, maxTaskID)
	}
	return base, errors.Join(wrong...)
}

// defaultRedialZone is what the documented sample's redial times make sense in.
func defaultRedialZone() *time.Location { return time.FixedZone("+08:00", 8*60*60) }
