package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"airudder-exporter/internal/env"
	"airudder-exporter/internal/setting"
)

// configuration shows every value, and where it comes from, and says what is wrong with
// it: all that can be told without asking anybody.
func (c *checker) configuration(r *env.Reader) {
	c.files(r)
	c.heading("Configuration")
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  variable\tvalue\tfrom\n")
	for _, v := range r.Table() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", v.Name, cmp.Or(v.Value, "-"), cmp.Or(v.From, "-"))
	}
	_ = w.Flush() // a closed pipe ends the program at the next line
	err := r.Err()
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.fail("%s", line)
		}
	}
	for _, warning := range r.Warnings() {
		c.note("%s", warning)
	}
	if err == nil {
		c.heading("Privacy")
		c.privacy()
		c.web()
	}
	const unasked = "AIRudder, Kafka and the registry were not asked"
	switch {
	case c.offline:
		fmt.Fprintf(c.out, "\n%s (--offline)\n", unasked)
	case c.verdict.failed > 0:
		fmt.Fprintf(c.out, "\n%s: set the configuration right first\n", unasked)
	}
}

// web says what becomes of requests to the page, where that is configured.
func (c *checker) web() {
	if c.cfg.HTTP.WebConfigFile != "" {
		c.heading("Status page")
		c.ok("it has %s (HTTP_WEB_CONFIG_FILE)", page(c.cfg.HTTP).Web().Says())
	}
}

// files looks at those that the configuration names, where the names themselves are right.
func (c *checker) files(r *env.Reader) {
	if r.OK("KAFKA_TLS_ENABLED", "KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE",
		"KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_SASL_TOKEN_SOURCE") {
		_, _, err := brokers(c.cfg.Kafka).Secure()
		tell(r, setting.Errors(err))
	}
	if r.OK("SCHEMA_REGISTRY_TLS_CA_FILE", "SCHEMA_REGISTRY_TLS_CERT_FILE", "SCHEMA_REGISTRY_TLS_KEY_FILE") {
		tell(r, setting.Errors(registry(c.cfg.Registry).CheckFiles()))
	}
	tell(r, page(c.cfg.HTTP).Web().Check())
	tell(r, hints(c.cfg.Hints).Web().Check())
	for name, path := range map[string]string{
		"AIRUDDER_TASK_IDS_FILE": c.cfg.Upstream.TaskIDsFile, "KAFKA_SASL_TOKEN_FILE": c.cfg.Kafka.SASL.Token.File,
	} {
		if path == "" {
			continue
		}
		if _, err := os.ReadFile(path); err != nil {
			r.Add(name, "cannot be read: "+err.Error())
		}
	}
}
