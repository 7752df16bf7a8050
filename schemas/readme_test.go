package schemas

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The event that README shows, shortened, has no field that the schema lacks.
func TestReadmeEvent(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```json\n")
	event, _, _ := strings.Cut(rest, "```\n")
	var line struct{ Value map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(event), &line); err != nil || len(line.Value) == 0 {
		t.Fatalf("README's event has %d fields: %v", len(line.Value), err)
	}
	inSchema(t, "CallCompleted", line.Value)
	for field, record := range map[string]string{"asr_result": "CallTurn", "redials": "CallRedial"} {
		var elements []map[string]json.RawMessage
		if err := json.Unmarshal(line.Value[field], &elements); err != nil {
			t.Errorf("README's event: %s: %v", field, err)
		}
		for _, e := range elements {
			inSchema(t, record, e)
		}
	}
}

func inSchema(t *testing.T, record string, value map[string]json.RawMessage) {
	t.Helper()
	fields := strings.Fields(strings.ReplaceAll(wantFields()["airudder.events."+record], "?", ""))
	for name := range value {
		if !slices.Contains(fields, name) {
			t.Errorf("README's event shows %s.%s, which the schema does not have", record, name)
		}
	}
}
