package schemas

import (
	"encoding/json"
	"os"
	"regexp"
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

// The page for consumers takes nothing of a record in its SQL that the schemas lack, and
// links to sections that it has. Its statements themselves run in .ci/consuming.py.
func TestConsumersPage(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var fields, anchors []string
	for _, of := range wantFields() {
		fields = append(fields, strings.Fields(strings.ReplaceAll(of, "?", ""))...)
	}
	for _, heading := range regexp.MustCompile(`(?m)^##+ (.*)$`).FindAllStringSubmatch(string(page), -1) {
		kept := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(kept, " ", "-"))
	}
	for _, block := range regexp.MustCompile("(?ms)^```sql\n(.*?)^```").FindAllStringSubmatch(string(page), -1) {
		for _, parameter := range regexp.MustCompile(`[ (]:([a-z_]+)`).FindAllStringSubmatch(block[1], -1) {
			if !slices.Contains(fields, parameter[1]) {
				t.Errorf("README.md's SQL takes :%s, which no record has", parameter[1])
			}
		}
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if !slices.Contains(anchors, link[1]) {
			t.Errorf("README.md links to #%s, and has %q", link[1], anchors)
		}
	}
}
