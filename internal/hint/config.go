package hint

import (
	"net"
	"net/netip"
	"strconv"

	"airudder-exporter/internal/setting"
	"airudder-exporter/internal/webconfig"
)

// Config is where the listener listens, and to whom.
type Config struct {
	Addr   string        // host:port; empty: nobody listens
	Secret func() string // the last part of the path, as it is now; nil: there is none
	CIDRs  []string      // networks that may send; empty: all

	WebConfigFile string // TLS, and whatever else such a file has; empty: nothing of it

	// SettingName is what the operator calls a setting, by its field's name here.
	SettingName func(field string) string
}

// leastSecret is how short a secret may be. It stands in URLs and may be guessed at by
// whoever reaches the listener.
const leastSecret = 16

// Check says what is wrong with the settings by themselves.
func (c Config) Check() []*setting.Error {
	var rules setting.Check
	name := func(field string) string { return setting.Name(c.SettingName, field) }
	if c.Addr == "" {
		if len(c.CIDRs) > 0 {
			rules.Bad(name("CIDRs"), c.CIDRs[0], "is for hints, and nobody listens for these: set "+name("Addr")+", or leave it out")
		}
		if c.WebConfigFile != "" {
			rules.Bad(name("WebConfigFile"), c.WebConfigFile, "is for hints, and nobody listens for these: set "+name("Addr")+", or leave it out")
		}
		return rules.Problems
	}
	if _, port, err := net.SplitHostPort(c.Addr); err != nil || !isPort(port) {
		rules.Bad(name("Addr"), c.Addr, "is not host:port: give one such as :8090")
	}
	switch secret := c.secret(); {
	case secret == "":
		rules.Bad(name("Secret"), "", "is missing: give at least 16 letters and digits, such as `openssl rand -hex 16` makes, and have AIRudder send hints to /hint/ and these")
	case len(secret) < leastSecret || !plain(secret):
		rules.Bad(name("Secret"), "", "is not at least 16 letters, digits, dashes and underscores: give such a one, as `openssl rand -hex 16` makes it")
	}
	for _, cidr := range c.CIDRs {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			rules.Bad(name("CIDRs"), cidr, "is not a network: give one such as 203.0.113.0/24 or 2001:db8::/32")
		}
	}
	return rules.Problems
}

// Web is what the file says, which is no part of Check.
func (c Config) Web() webconfig.Config {
	return webconfig.Config{WebConfigFile: c.WebConfigFile, SettingName: c.SettingName}
}

func (c Config) secret() string {
	if c.Secret == nil {
		return ""
	}
	return c.Secret()
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// plain reports whether a text can stand in a URL's path as it is.
func plain(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// networks are CIDRs, which Check has found to be some.
func (c Config) networks() (all []netip.Prefix) {
	for _, cidr := range c.CIDRs {
		if p, err := netip.ParsePrefix(cidr); err == nil {
			all = append(all, p)
		}
	}
	return all
}
