package kafka

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/kafka/access"
)

// What Check refuses, by the settings' names; cmd holds the sentences.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, test := range []struct {
		name string
		c    Config
		want []string
	}{
		{"the least", Config{}, nil},
		{"a transaction without end", Config{TransactionTimeout: time.Hour}, []string{"TransactionTimeout"}},
		{"all is well", Config{
			Compression: "zstd",
			EventTopic:  "a.b", StatusTopic: "a-b", DeadLetterTopic: "ab", LedgerTopic: strings.Repeat("x", 249),
		}, nil},
		{"names that are none", Config{EventTopic: "no name", StatusTopic: "..", DeadLetterTopic: long, LedgerTopic: "é"},
			[]string{"EventTopic", "StatusTopic", "DeadLetterTopic", "LedgerTopic"}},
		{"two topics in one", Config{StatusTopic: "a", LedgerTopic: "a"}, []string{"LedgerTopic"}},
		{"two topics in one, to a broker", Config{StatusTopic: "a.b", LedgerTopic: "a_b"}, []string{"LedgerTopic"}},
		{"what access refuses", Config{Config: access.Config{TLS: access.TLS{CAFile: "ca"}}}, []string{"TLS.CAFile"}},
		{"unknown compression", Config{Compression: "zip"}, []string{"Compression"}},
	} {
		test.c.Brokers = []string{"kafka:9092"}
		test.c.TransactionTimeout = cmp.Or(test.c.TransactionTimeout, time.Second)
		test.c.SettingName = func(field string) string { return "the setting " + field }
		var got []string
		for _, problem := range test.c.Check() {
			got = append(got, strings.TrimPrefix(problem.Setting, "the setting "))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
