package access

import (
	"slices"
	"strings"
	"testing"
)

// What Check refuses, by the settings' names; cmd holds the sentences.
func TestCheck(t *testing.T) {
	const password = "correct-horse-battery"
	for _, test := range []struct {
		name string
		c    Config
		want []string
	}{
		{"the least", Config{}, nil},
		{"a broker without its port", Config{Brokers: []string{"a:9092", "b"}}, []string{"Brokers"}},
		{"all is well", Config{TLS: TLS{Enabled: true, CertFile: "c", KeyFile: "k"}, SASL: SASL{Mechanism: Plain, Username: "u", Password: password}}, nil},
		{"files without TLS", Config{TLS: TLS{CAFile: "ca", CertFile: "c", KeyFile: "k"}}, []string{"TLS.CAFile", "TLS.CertFile", "TLS.KeyFile"}},
		{"certificate without key", Config{TLS: TLS{Enabled: true, CertFile: "c"}}, []string{"TLS.KeyFile"}},
		{"key without certificate", Config{TLS: TLS{Enabled: true, KeyFile: "k"}}, []string{"TLS.CertFile"}},
		{"user without mechanism", Config{SASL: SASL{Username: "u", Password: password}}, []string{"SASL.Username", "SASL.Password"}},
		{"mechanism without user", Config{SASL: SASL{Mechanism: ScramSHA256}}, []string{"SASL.Username", "SASL.Password"}},
		{"unknown mechanism", Config{SASL: SASL{Mechanism: "GSSAPI", Username: "u", Password: password}}, []string{"SASL.Mechanism"}},
	} {
		if test.c.Brokers == nil {
			test.c.Brokers = []string{"kafka:9092"}
		}
		test.c.SettingName = func(field string) string { return "the setting " + field }
		var got []string
		for _, problem := range test.c.Check() {
			got = append(got, strings.TrimPrefix(problem.Setting, "the setting "))
			if strings.Contains(problem.Error(), password) {
				t.Errorf("%s: the password is in %q", test.name, problem)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
