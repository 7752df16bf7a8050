package record

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// TestRegistries goes the whole way on the in-process registry and, when
// TEST_SCHEMA_REGISTRY_URL is set, on a real one, under topic names of its own.
func TestRegistries(t *testing.T) {
	t.Run("in process", func(t *testing.T) {
		cfg, client := startRegistry(t)
		throughRegistry(t, cfg, client)
	})
	url := os.Getenv("TEST_SCHEMA_REGISTRY_URL")
	if url == "" {
		return
	}
	t.Run("real", func(t *testing.T) {
		client, err := sr.NewClient(sr.URLs(url))
		if err != nil {
			t.Fatal(err)
		}
		throughRegistry(t, Registry{URL: url, AutoRegister: true}, client)
	})
}

func throughRegistry(t *testing.T, cfg Registry, client *sr.Client) {
	prefix := fmt.Sprintf("record-test-%d-", time.Now().UnixNano())
	topics := Topics{CallCompleted: prefix + "events", TaskStatus: prefix + "status", DeadLetter: prefix + "dead",
		Ledger: prefix + "ledger"}
	lookup := cfg
	lookup.AutoRegister = false

	if _, err := Register(t.Context(), lookup, topics); err == nil || !strings.Contains(err.Error(), "curl") {
		t.Errorf("look up before anything is there: error %v", err)
	}
	if found, err := CheckSchemas(t.Context(), cfg, topics); err != nil || len(found) != 3 ||
		!strings.Contains(found[0].Text, "not registered yet") {
		t.Errorf("check before anything is there: findings %v, error %v", found, err)
	}
	seed(t, client, topics.CallCompleted+"-value", older())
	ids, err := Register(t.Context(), cfg, topics)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Register(t.Context(), lookup, topics); err != nil || again != ids {
		t.Errorf("look up: ids %v, error %v; want %v", again, err, ids)
	}
	if found, err := CheckSchemas(t.Context(), lookup, topics); err != nil {
		t.Errorf("check: findings %v, error %v", found, err)
	}

	d, err := NewDecoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	row := sampleRow()
	records, _ := only(t, newTestEncoder(t, EncoderConfig{IDs: ids, Topics: topics}), planOf(sampleTask(), &row))
	if e, err := d.Event(t.Context(), records[0]); err != nil || e.CallID != row.CallID {
		t.Errorf("event %+v, error %v", e, err)
	}

	topics.CallCompleted += "-hostile"
	seed(t, client, topics.CallCompleted+"-value", hostile())
	if r := client.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatFullTransitive},
		topics.CallCompleted+"-value")[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	_, err = Register(t.Context(), cfg, topics)
	if !errors.Is(err, ErrIncompatible) {
		t.Errorf("register over a hostile schema: error %v", err)
	}
	found, err := CheckSchemas(t.Context(), cfg, topics)
	if err != nil || len(found) == 0 || !strings.Contains(found[0].Text, "refuses") {
		t.Errorf("check over a hostile schema: findings %v, error %v", found, err)
	}
}
