package main

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"airudder-exporter/internal/env"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/setting"
	"airudder-exporter/internal/shards"
	"airudder-exporter/internal/token"
)

// tidy brings values into the one form that the rest of the program expects.
func (c *Config) tidy() {
	c.Upstream.BaseURL = strings.TrimRight(c.Upstream.BaseURL, "/")
	c.Registry.URL = strings.TrimRight(c.Registry.URL, "/")
	c.Upstream.TaskIDs = slices.DeleteFunc(c.Upstream.TaskIDs, func(id string) bool { return id == "" })
	c.Upstream.TotalFields = slices.DeleteFunc(c.Upstream.TotalFields, func(name string) bool { return name == "" })
	c.Upstream.RowStatuses = slices.DeleteFunc(c.Upstream.RowStatuses, func(entry string) bool { return entry == "" })
	c.Hints.CIDRs = slices.DeleteFunc(c.Hints.CIDRs, func(n string) bool { return n == "" })
	c.Kafka.SASL.Extensions = slices.DeleteFunc(c.Kafka.SASL.Extensions, func(e string) bool { return e == "" })
	c.Kafka.Brokers = slices.DeleteFunc(c.Kafka.Brokers, func(b string) bool { return b == "" })
}

// tokens makes the process's one source of tokens, which Kafka and the registry share.
func (c *Config) tokens() {
	sasl := &c.Kafka.SASL
	if sasl.Mechanism != access.OAuthBearer || sasl.Token.Source == "" {
		return
	}
	sasl.Token.source = token.New(tokens(c.Kafka))
	if c.Registry.TokenSource == tokenOfKafka {
		c.Registry.token = sasl.Token.source
	}
}

// checkRegistryToken says what is wrong with who shows which token to the registry.
func (c *Config) checkRegistryToken(r *env.Reader) {
	const name, source = "SCHEMA_REGISTRY_TOKEN_SOURCE", "KAFKA_SASL_TOKEN_SOURCE"
	switch sasl := c.Kafka.SASL; {
	case c.Registry.TokenSource == "none", c.Registry.TokenSource == "":
	case c.Registry.TokenSource != tokenOfKafka:
		r.Bad(name, "is not one of them: give none or kafka")
	case sasl.Mechanism != access.OAuthBearer && r.OK("KAFKA_SASL_MECHANISM"):
		r.Bad(name, "shows the token of Kafka, and there is none: set KAFKA_SASL_MECHANISM=OAUTHBEARER and "+source+", or give none")
	case sasl.Token.Source == token.MSKIAM:
		r.Bad(name, "shows a token that only MSK knows, with "+source+"=msk-iam: give none")
	case c.Registry.Username != "":
		r.Bad(name, "cannot be together with SCHEMA_REGISTRY_USERNAME: a request shows a token or a password; leave one out")
	}
}

// unused takes the names of topics that the configuration does not need. It
// is called when the rest has been read, and before it is checked.
func (c *Config) unused() {
	if choice, err := protection(*c).Choice(); err == nil && !choice.Separate() {
		c.Kafka.Topics.CallPrivate = ""
	}
}

// checkKey says whether the ledger's event key, which counts where the configuration
// leaves it open, may be one with this privacy and these topics.
func (c *Config) checkKey(ledgers string) error {
	err := choice(*c).CheckEventKey(ledgers)
	if err == nil {
		err = c.checkRevised(record.EventKey(ledgers))
	}
	if err != nil {
		return fmt.Errorf("%w; the ledger was made with it", err)
	}
	return nil
}

// checkRevised says whether events may have this key where their changes are published.
func (c *Config) checkRevised(key record.EventKey) error {
	if c.Kafka.Topics.CallRevised == "" {
		return nil
	}
	return key.CanRevise()
}

// check has each room say what is wrong with its settings.
func (c *Config) check(r *env.Reader) {
	for _, problems := range [][]*setting.Error{
		account(*c).Check(), loop(*c).Check(), brokers(c.Kafka).Check(),
		layout(c.Kafka).Check(env.Settings(c.Kafka)), registry(c.Registry).Check(), page(c.HTTP).Check(),
		tokens(c.Kafka).Check(), protection(*c).Check(), hints(c.Hints).Check(),
	} {
		tell(r, problems)
	}
	c.checkRegistryToken(r)
	key, err := record.ParseEventKey(c.Kafka.EventKey)
	if err == nil {
		err = c.checkRevised(key)
	}
	if err != nil {
		r.Add("KAFKA_EVENT_KEY", err.Error())
	}
	if err := shards.CheckMode(c.Kafka.Assignment); err != nil {
		r.Add("KAFKA_ASSIGNMENT", err.Error())
	}
}

// tell notes what a room says of its settings, which it names by their variables.
// What follows from a value that could not be read is not a second mistake.
func tell(r *env.Reader, problems []*setting.Error) {
	for _, p := range problems {
		switch {
		case !r.OK(p.Needs):
		case p.Value != "":
			r.Bad(p.Setting, p.Text)
		default:
			r.Add(p.Setting, p.Text)
		}
	}
}

// warn notes what works but is probably a mistake.
func (c *Config) warn(r *env.Reader) {
	if shown := map[string]string{access.Plain: "password", access.OAuthBearer: "token"}[c.Kafka.SASL.Mechanism]; shown != "" &&
		!c.Kafka.TLS.Enabled && r.OK("KAFKA_TLS_ENABLED") {
		r.Warn("KAFKA_SASL_MECHANISM", c.Kafka.SASL.Mechanism+" without KAFKA_TLS_ENABLED sends the "+shown+" unencrypted")
	}
	if page(c.HTTP).Unencrypted() {
		r.Warn("HTTP_WEB_CONFIG_FILE", "basic_auth_users without tls_server_config: passwords are sent unencrypted")
	}
	u, err := url.Parse(c.Upstream.BaseURL)
	if err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		r.Warn("AIRUDDER_BASE_URL", "http sends the key and the calls unencrypted")
	}
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
