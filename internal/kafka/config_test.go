package kafka

import (
	"slices"
	"strings"
	"testing"
)

// What Check refuses, by the settings' names; cmd holds the sentences.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, test := range []struct {
		name string
		c    Config
		want []string
	}{
		{"nothing is set", Config{}, nil},
		{"all is well", Config{
			TLS: TLS{Enabled: true, CertFile: "c", KeyFile: "k"}, SASL: SASL{Plain, "u", password}, Compression: "zstd",
			EventTopic: "a.b", StatusTopic: "a-b", DeadLetterTopic: "ab", LedgerTopic: strings.Repeat("x", 249),
		}, nil},
		{"names that are none", Config{EventTopic: "no name", StatusTopic: "..", DeadLetterTopic: long, LedgerTopic: "é"},
			[]string{"EventTopic", "StatusTopic", "DeadLetterTopic", "LedgerTopic"}},
		{"two topics in one", Config{StatusTopic: "a", LedgerTopic: "a"}, []string{"LedgerTopic"}},
		{"two topics in one, to a broker", Config{StatusTopic: "a.b", LedgerTopic: "a_b"}, []string{"LedgerTopic"}},
		{"files without TLS", Config{TLS: TLS{CAFile: "ca", CertFile: "c", KeyFile: "k"}}, []string{"TLS.CAFile", "TLS.CertFile", "TLS.KeyFile"}},
		{"certificate without key", Config{TLS: TLS{Enabled: true, CertFile: "c"}}, []string{"TLS.KeyFile"}},
		{"key without certificate", Config{TLS: TLS{Enabled: true, KeyFile: "k"}}, []string{"TLS.CertFile"}},
		{"user without mechanism", Config{SASL: SASL{Username: "u", Password: password}}, []string{"SASL.Username", "SASL.Password"}},
		{"mechanism without user", Config{SASL: SASL{Mechanism: ScramSHA256}}, []string{"SASL.Username", "SASL.Password"}},
		{"unknown mechanism", Config{SASL: SASL{"GSSAPI", "u", password}}, []string{"SASL.Mechanism"}},
		{"unknown compression", Config{Compression: "zip"}, []string{"Compression"}},
	} {
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
