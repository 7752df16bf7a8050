package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/env"
)

// FuzzConfig gives any two variables any values: nothing panics, each line of
// the error begins with a variable's name, no secret is in anything that is
// shown, and what is accepted is accepted again as it is shown, to the same
// configuration.
func FuzzConfig(f *testing.F) {
	names := configNames()
	f.Add("", "", "", "")
	for _, name := range names {
		for _, value := range []string{"-1", "true", "1h", "http://me:you@host:1/a,b", "x\n\x00\xff", strings.Repeat("9", 120)} {
			f.Add(name, value, "KAFKA_SASL_MECHANISM", "PLAIN")
		}
	}
	f.Add("AIRUDDER_EXPORT_SINCE", "9999-12-31T23:59:59-23:59", "AIRUDDER_ZONE", "../zone")
	f.Add("AIRUDDER_APP_SECERT", appSecret, "KAFKA_BROKER", kafkaSecret)
	f.Add("KAFKA_SASL_PASSWORD_FILE", "from a file", "AIRUDDER_APP_KEY_FILE", "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name, value, other, otherValue string) {
		given := map[string]string{}
		for n, v := range map[string]string{name: value, other: otherValue} {
			if strings.HasSuffix(n, "_FILE") && slices.Contains(names, strings.TrimSuffix(n, "_FILE")) {
				path := filepath.Join(dir, n)
				if err := os.WriteFile(path, []byte(v), 0o600); err != nil {
					t.Fatal(err)
				}
				v = path
			}
			given[n] = v
		}
		c, warnings, err := load(t, given)
		if err != nil {
			checkProblems(t, names, err)
			hidden(t, c, err.Error())
			return
		}
		hidden(t, c, warnings...)
		reloaded(t, c)
	})
}

// configNames lists the variables that there are, without the files of secrets.
func configNames() (names []string) {
	for _, v := range env.Table(Config{}) {
		if !isSecretFile(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

func isSecretFile(name string) bool {
	_, secret := secrets(Config{})[strings.TrimSuffix(name, "_FILE")]
	return secret && strings.HasSuffix(name, "_FILE")
}

// secrets are the values that are never shown.
func secrets(c Config) map[string]string {
	return map[string]string{
		"AIRUDDER_APP_KEY": c.Upstream.AppKey.First(), "AIRUDDER_APP_SECRET": c.Upstream.AppSecret.First(),
		"KAFKA_SASL_PASSWORD": c.Kafka.SASL.Password.First(), "SCHEMA_REGISTRY_PASSWORD": c.Registry.Password.First(),
		"KAFKA_SASL_CLIENT_SECRET": c.Kafka.SASL.Token.ClientSecret.First(), "SCHEMA_REGISTRY_HEADERS": c.Registry.Headers.First(),
	}
}

func checkProblems(t *testing.T, names []string, err error) {
	t.Helper()
	for line := range strings.SplitSeq(err.Error(), "\n") {
		name, text, ok := strings.Cut(line, ": ")
		if !ok || text == "" || !slices.Contains(names, name) && !strings.HasPrefix(name, "AIRUDDER_") {
			t.Fatalf("the line %q of %q names no variable", line, err)
		}
	}
}

// hidden looks for secrets that are long enough to be told from chance.
func hidden(t *testing.T, c Config, shown ...string) {
	t.Helper()
	for _, v := range env.Table(c) {
		shown = append(shown, v.Value)
	}
	for _, secret := range []string{appKey, appSecret, kafkaSecret} {
		for _, text := range shown {
			if strings.Contains(text, secret) && !inTheOpen(c, secret) {
				t.Fatalf("a secret is in %q", text)
			}
		}
	}
}

// inTheOpen reports whether a value that is none of the secrets holds one.
func inTheOpen(c Config, secret string) bool {
	hidden := secrets(c)
	return slices.ContainsFunc(env.Table(c), func(v env.Variable) bool {
		_, is := hidden[v.Name]
		return !is && strings.Contains(v.Value, secret)
	})
}

// reloaded loads what is shown of a configuration, where nothing of it had to be
// hidden.
func reloaded(t *testing.T, c Config) {
	t.Helper()
	set := secrets(c)
	for _, v := range env.Table(c) {
		if strings.Contains(v.Value, "@") {
			return
		}
		if _, secret := set[v.Name]; !secret {
			set[v.Name] = v.Value
		}
	}
	again, _, err := loadConfig(t.Context(), environ(set))
	if err != nil {
		t.Fatalf("%+v is accepted, and refused as it is shown: %v", c, err)
	}
	if c.Upstream.Zone.String() != again.Upstream.Zone.String() || !c.Polling.ExportSince.Equal(again.Polling.ExportSince) {
		t.Fatalf("got  %+v\nwant %+v", again, c)
	}
	again.Upstream.Zone, again.Polling.ExportSince = c.Upstream.Zone, c.Polling.ExportSince
	if !reflect.DeepEqual(again, c) {
		t.Fatalf("got  %+v\nwant %+v", again, c)
	}
}
