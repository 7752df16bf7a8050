package airudder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"time"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/setting"
)

// The requests of an account that needs no others, and no list at all.
const (
	DefaultList   = template.DefaultList
	DefaultDetail = template.DefaultDetail
	Off           = template.Off
)

// Config is how the upstream is reached, and what is read from it.
type Config struct {
	BaseURL    string // scheme, host and, perhaps, the path of a proxy
	AppKey     string
	AppSecret  string
	AuthScheme string // before the token in Authorization; empty: Token

	// Credentials are key and secret as they are now, where they can change while the
	// client is used. Nil: AppKey and AppSecret.
	Credentials func() (key, secret string)

	ListRequest   string   // a template; empty: DefaultList; off: none
	DetailRequest string   // a template; empty: DefaultDetail
	TotalFields   []string // names of members that count what there is; see totals
	TaskIDs       []string // named by hand, beside the list or instead of it
	TaskIDsFile   string   // more of them, one a line; empty: none

	RequestsPerSecond float64       // of the whole deployment; see Client.Share
	Concurrency       int           // task details that the caller reads at once
	Timeout           time.Duration // to the first byte, and between bytes
	ResponseTimeout   time.Duration // for a whole answer

	RowStatuses []string // word:meaning, of rows; meaning: finished, cancelled or open

	Zone *time.Location // of times that name none, in the list and in details; nil: +08:00

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: the system's network

	// SettingName is what the operator calls a setting, which this package names as
	// Config spells it. Nil: the same.
	SettingName func(field string) string
}

func (cfg Config) setting(field string) string {
	return setting.Name(cfg.SettingName, field)
}

// Check says what is wrong with the settings by themselves: it reads no file and
// asks nobody.
func (cfg Config) Check() []*setting.Error {
	problems := cfg.check()
	if cfg.ListRequest == Off && len(cfg.TaskIDs) == 0 && cfg.TaskIDsFile == "" {
		rule := setting.Check{Problems: problems}
		rule.Bad(cfg.setting("ListRequest"), cfg.ListRequest, fmt.Sprintf("leaves no task to export: give tasks as %s or %s, or a request such as %s",
			cfg.setting("TaskIDs"), cfg.setting("TaskIDsFile"), DefaultList))
		problems = rule.Problems
	}
	return problems
}

// DetailPath is the path of the request for a task's detail, which says of which
// product the tasks are; empty where that is no request.
func (cfg Config) DetailPath() string {
	t, err := template.ParseDetail(cmp.Or(cfg.DetailRequest, DefaultDetail))
	if err != nil {
		return ""
	}
	return t.Path()
}

// check is Check for a client that may be without tasks.
func (cfg Config) check() []*setting.Error {
	var rules setting.Check
	rules.URL(cfg.setting("BaseURL"), cfg.BaseURL, "https://api.airudder.com", "")
	if cfg.AuthScheme != "" && strings.ContainsFunc(cfg.AuthScheme, notOfToken) {
		rules.Bad(cfg.setting("AuthScheme"), cfg.AuthScheme, "is not one word: give one such as Token or Bearer")
	}
	if _, err := template.ParseList(cmp.Or(cfg.ListRequest, DefaultList)); err != nil {
		rules.Bad(cfg.setting("ListRequest"), cfg.ListRequest, err.Error())
	}
	if _, err := template.ParseDetail(cmp.Or(cfg.DetailRequest, DefaultDetail)); err != nil {
		rules.Bad(cfg.setting("DetailRequest"), cfg.DetailRequest, err.Error())
	}
	cfg.checkRowStatuses(&rules)
	for _, id := range cfg.TaskIDs {
		if !saneTaskID(id) || strings.ContainsAny(id, " \t\r\n;") {
			rules.Bad(cfg.setting("TaskIDs"), id, "is not a list of task ids: separate them by commas")
		}
	}
	for _, name := range cfg.TotalFields {
		if !isName(name) {
			rules.Bad(cfg.setting("TotalFields"), name, "is not a list of fields: give their names, separated by commas, or nothing")
		}
	}
	if n := cfg.RequestsPerSecond; !(n > 0) || math.IsInf(n, 0) { // NaN is not above 0
		rules.Bad(cfg.setting("RequestsPerSecond"), n, "is not above 0: give a number such as 0.5 or 2")
	}
	rules.AtLeastOne(cfg.setting("Concurrency"), cfg.Concurrency)
	rules.Positive(cfg.setting("Timeout"), cfg.Timeout)
	rules.Positive(cfg.setting("ResponseTimeout"), cfg.ResponseTimeout)
	rules.NotBelow(cfg.setting("ResponseTimeout"), cfg.ResponseTimeout, cfg.setting("Timeout"), cfg.Timeout)
	return rules.Problems
}

// notOfToken reports what no token of HTTP holds:
// https://www.rfc-editor.org/rfc/rfc9110#name-tokens
func notOfToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+.^_|~-", r)
}

// ParseZone reads a time zone: an offset (+08:00) or an IANA name.
func ParseZone(text string) (*time.Location, error) {
	if t, err := time.Parse("-07:00", text); err == nil {
		_, offset := t.Zone()
		return time.FixedZone(text, offset), nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, errors.New("is not a time zone: give an offset such as +08:00 or a name such as Asia/Jakarta")
	}
	return zone, nil
}

// defaultZone is what the documented sample's redials make sense in: their times name
// none.
func defaultZone() *time.Location { return time.FixedZone("+08:00", 8*60*60) }
