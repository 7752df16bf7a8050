package status

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"net/url"
	"strings"
)

// Operator is what serves nobody but the operator: changing the log level, and profiles.
type Operator struct {
	Level    *LogLevel
	Log      *slog.Logger
	Profiles bool

	// Authenticated reports whether somebody is known who made a request; nil: nobody is.
	Authenticated func(*http.Request) bool

	// SettingName is what the operator calls a setting, by its field's name in Config, and
	// Profiles by Pprof.
	SettingName func(field string) string
}

// handle adds the operator's paths.
func (o Operator) handle(mux *http.ServeMux) {
	level := o.only(logLevel(o.Level, o.Log))
	mux.Handle("GET /api/log-level", level)
	mux.Handle("PUT /api/log-level", level)
	for path, h := range map[string]http.HandlerFunc{
		"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		mux.Handle("GET /debug/pprof/"+path, o.only(o.profiles(h)))
	}
}

// profiles are there where they are wanted. They take as long as they are asked to:
// net/http/pprof moves the deadline of its answer.
func (o Operator) profiles(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !o.Profiles {
			http.Error(w, "profiles are off: set "+Config{SettingName: o.SettingName}.setting("Pprof")+" to true and restart the exporter", http.StatusNotFound)
			return
		}
		h.ServeHTTP(w, r)
	}
}

// only lets the operator through: whoever is authenticated, or works on this machine. A
// browser there is not the operator where a page of another site has it ask, and a proxy
// is not where it asks for others.
func (o Operator) only(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		why := ""
		switch {
		case !sameSite(r):
			why = "a page of another site asks for this, which is refused"
		case o.Authenticated != nil && o.Authenticated(r):
		default:
			why = o.stranger(r)
		}
		if why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// stranger says why a request without authentication does not come from this machine;
// empty: it does.
func (o Operator) stranger(r *http.Request) string {
	instead := ": ask on the exporter's own machine, as in http://127.0.0.1 or through kubectl port-forward, or as a user of " +
		Config{SettingName: o.SettingName}.setting("WebConfigFile")
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	switch {
	case local == nil || !isLoopbackAddr(local.String()) || !isLoopbackAddr(r.RemoteAddr):
		return "this is for the operator alone, and the connection comes from elsewhere" + instead
	case forwarded(r.Header):
		return "this is for the operator alone, and the request comes through a proxy" + instead
	case !isLoopback(hostOf(r.Host)):
		return "this is for the operator alone, and the request was sent to another name than loopback's" + instead
	}
	return ""
}

func isLoopbackAddr(address string) bool {
	at, err := netip.ParseAddrPort(address)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// forwarded reports whether a proxy says that it asks for somebody else. What it says of
// whom is not believed.
func forwarded(h http.Header) bool {
	for field := range h {
		switch {
		case field == "Forwarded", field == "Via", field == "X-Real-Ip", strings.HasPrefix(field, "X-Forwarded-"), strings.HasPrefix(field, "X-Envoy-"):
			return true
		}
	}
	return false
}

// sameSite reports whether no page of another site makes a browser send this request.
// Browsers alone send these headers.
func sameSite(r *http.Request) bool {
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" {
		return from == "same-origin" || from == "none" // none: typed by hand
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}
