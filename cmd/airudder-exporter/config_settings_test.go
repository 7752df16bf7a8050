package main

import (
	"cmp"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every setting that a room names in a message has a variable.
func TestVariables(t *testing.T) {
	named := regexp.MustCompile(`\b(?:[sS]etting|name)\("([A-Za-z.]+)"\)`)
	var c Config
	for room, name := range map[string]func(string) string{
		"airudder":     account(c).SettingName,
		"exporter":     loop(c).SettingName,
		"ledger":       loop(c).LedgerTopics().SettingName,
		"kafka":        brokers(c.Kafka).SettingName,
		"kafka/access": brokers(c.Kafka).SettingName,
		"topics":       brokers(c.Kafka).SettingName,
		"record": func(setting string) string {
			return cmp.Or(known(registry(c.Registry).SettingName, setting), protection(c).SettingName(setting))
		},
		"status": page(c.HTTP).SettingName,
	} {
		files, err := filepath.Glob(filepath.Join("../../internal", room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllSubmatch(text, -1) {
				found++
				if setting := string(m[1]); name(setting) == setting {
					t.Errorf("%s names the setting %s, which is no variable", file, setting)
				}
			}
		}
		if found == 0 {
			t.Errorf("no setting is named in %s", room)
		}
	}
}

// known is a setting's variable; empty: it has none.
func known(name func(string) string, setting string) string {
	if variable := name(setting); variable != setting {
		return variable
	}
	return ""
}

// What is wrong with a file shows when the brokers are dialed, by its variable.
func TestClusterNamesVariables(t *testing.T) {
	k := Kafka{Brokers: []string{"nowhere:9092"}, TLS: TLS{Enabled: true, CAFile: filepath.Join(t.TempDir(), "missing")}}
	_, err := cluster(k, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	want := `KAFKA_TLS_CA_FILE: "` + k.TLS.CAFile + `" cannot be read: no such file or directory`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
