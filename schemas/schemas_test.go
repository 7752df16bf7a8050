package schemas

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/avro"
)

// checksums pins the released versions: a line is added with a new version, and
// none is ever changed.
const checksums = `
5e968deae9fb0ed9039c81621affa38d3af1e23ab7d8519de77191b3ee7129bc  call_completed.v1.avsc
3ae3f414329f39dfcf5ec00d9f28383f42747fa1c76bc08dcead185c1df3cef6  call_private.v1.avsc
1abfe7c34bad211f6ac00c57bd94f34c90c80195cd23b9335a8b6c7a3a37c786  call_revised.v1.avsc
14cee1e3758e34527fd130d1463f82b389ea4ddd82b5f944eddd1c39d01fc028  dead_letter.v1.avsc
e83104f35932608e707a409344929f49be4664b42591c3fb5df4d1fd4ce1abc9  task_status_changed.v1.avsc
`

func today() map[string]string {
	return map[string]string{
		"call_completed":      CallCompleted(),
		"task_status_changed": TaskStatusChanged(),
		"dead_letter":         DeadLetter(),
		"call_private":        CallPrivate(),
		"call_revised":        CallRevised(),
	}
}

// wantFields are the fields in their order, as the interface promises them; a
// question mark is an optional one.
func wantFields() map[string]string {
	return map[string]string{
		"airudder.events.CallCompleted": `task_id account? task_name? task_status? robot_method? task_robot_id? sip_line? schedule_start_time? schedule_end_time?
			repeat_interval? repeat_number? row_id? call_id task_sequence status call_start_time? call_end_time? duration_ms? robot_id? caller_number?
			callee_number? callee_name? callee_gender? call_times? ring_time? talk_round? ring_type? hangup_type? intention?
			intention_description? multi_intention? comments? platform_name? extra_a? extra_b? extra_c? asr_result? event_label? ner_slots?
			redials? call_notes? workflow_id? workflow_name? nodetask_id? nodetask_name? case_id? additional_fields? occurred_at observed_at`,
		"airudder.events.CallTurn":   `time? robot_text? text?`,
		"airudder.events.CallRedial": `call_id? call_start_time? ring_type? ring_time? hangup_type? result_label? caller_number? callee_number?`,
		"airudder.events.TaskStatusChanged": `task_id account? task_name? sequence previous_status? status schedule_start_time? schedule_end_time? rows
			rows_finished rows_cancelled rows_open exported unexported observed_at seal?`,
		"airudder.events.TaskSeal":   `seal_number digest event_topic event_offsets`,
		"airudder.events.DeadLetter": `task_id account? key resolved call_id? row_id? reason detail? raw? raw_size? raw_sha256? observed_at`,
		"airudder.events.CallPrivate": `task_id account? call_id revision caller_number? callee_number? callee_name? callee_gender? intention?
			intention_description? multi_intention? comments? extra_a? extra_b? extra_c? asr_result? event_label? ner_slots? redials? call_notes?
			case_id? additional_fields? observed_at`,
		"airudder.events.CallRevised":       `revision call`,
		"airudder.events.CallPrivateRedial": `call_id? caller_number? callee_number?`,
	}
}

// TestSchemas holds the schemas against what all of them promise: valid to a
// strict parser, documented throughout, optional fields null by default, no
// enum, no fixed, no int, times in milliseconds.
func TestSchemas(t *testing.T) {
	want := wantFields()
	seen := map[string]bool{} // CallTurn is in two schemas
	for file, text := range today() {
		s, err := avro.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		walk(s.Root(), func(n *avro.SchemaNode) {
			switch n.Type {
			case "record":
				name := n.Namespace + "." + n.Name
				seen[name] = true
				if got, want := fieldsOf(t, n), strings.Fields(want[name]); !slices.Equal(got, want) {
					t.Errorf("%s has the fields\n%v, want\n%v", name, got, want)
				}
				if n.Doc == "" {
					t.Errorf("%s has no doc", name)
				}
			case "union":
				if len(n.Branches) != 2 || n.Branches[0].Type != "null" {
					t.Errorf("%s: a union that is not of null and one type", file)
				}
			case "long":
				if n.LogicalType != "" && n.LogicalType != "timestamp-millis" {
					t.Errorf("%s: logical type %s", file, n.LogicalType)
				}
			case "null", "string", "boolean", "bytes", "array", "map":
			default:
				t.Errorf("%s: type %s", file, n.Type)
			}
		})
		if i := strings.IndexFunc(text, func(r rune) bool { return r > 126 }); i >= 0 {
			t.Errorf("%s: not ASCII at byte %d: registries and tools disagree on how to compare such docs", file, i)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d records, want %d", len(seen), len(want))
	}
}

func fieldsOf(t *testing.T, record *avro.SchemaNode) (names []string) {
	t.Helper()
	for _, f := range record.Fields {
		name := f.Name
		if f.Type.Type == "union" {
			name += "?"
		}
		names = append(names, name)
		if f.Doc == "" {
			t.Errorf("%s.%s has no doc", record.Name, f.Name)
		}
		if optional := f.Type.Type == "union"; f.HasDefault != optional || f.Default != nil {
			t.Errorf("%s.%s: has default %v (%v), want null for optional fields and none for others", record.Name, f.Name, f.HasDefault, f.Default)
		}
	}
	return names
}

func walk(n *avro.SchemaNode, visit func(*avro.SchemaNode)) {
	visit(n)
	for i := range n.Fields {
		walk(&n.Fields[i].Type, visit)
	}
	for i := range n.Branches {
		walk(&n.Branches[i], visit)
	}
	if n.Items != nil {
		walk(n.Items, visit)
	}
	if n.Values != nil {
		walk(n.Values, visit)
	}
}

// TestReleased holds today's schemas against every released version.
func TestReleased(t *testing.T) {
	released := readReleased(t)
	for name, text := range today() {
		versions := 0
		for file, before := range released {
			if kind, _, _ := strings.Cut(file, "."); kind != name {
				continue
			}
			versions++
			if err := grown(before, text); err != nil {
				t.Errorf("%s against %s: %v", name, file, err)
			}
		}
		if versions == 0 {
			t.Errorf("%s has no released version", name)
		}
	}
}

// TestReleasedUnchanged holds the released files against their checksums.
func TestReleasedUnchanged(t *testing.T) {
	released := readReleased(t)
	lines := bufio.NewScanner(strings.NewReader(strings.TrimSpace(checksums)))
	pinned := 0
	for lines.Scan() {
		want, file, _ := strings.Cut(lines.Text(), "  ")
		pinned++
		sum := sha256.Sum256([]byte(released[file]))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("released/%s has the checksum %s, want %s: a released schema never changes", file, got, want)
		}
	}
	if pinned != len(released) {
		t.Errorf("%d checksums for %d released files: add the new file's", pinned, len(released))
	}
}

func readReleased(t *testing.T) map[string]string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "released/*.avsc")
	if err != nil {
		t.Fatal(err)
	}
	released := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		released[path.Base(file)] = string(text)
	}
	return released
}

// grown reports how a schema does more than grow: FULL compatibility, and no
// field that went away or changed its type, which compatibility alone allows.
func grown(before, after string) error {
	b, err := avro.Parse(before)
	if err != nil {
		return err
	}
	a, err := avro.Parse(after)
	if err != nil {
		return err
	}
	if err := avro.CheckCompatibility(b, a); err != nil {
		return fmt.Errorf("backward: %w", err)
	}
	if err := avro.CheckCompatibility(a, b); err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	var old, now any
	if err := json.Unmarshal([]byte(before), &old); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(after), &now); err != nil {
		return err
	}
	return kept("", old, now)
}

// kept reports what of a schema's JSON is not in a later one. Docs may change,
// records may have more fields.
func kept(at string, before, after any) error {
	switch b := before.(type) {
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) < len(b) {
			return fmt.Errorf("%s is not what it was", at)
		}
		if at, ok := strings.CutSuffix(at, ".fields"); ok {
			return keptFields(at, b, a)
		}
		for i := range b {
			if err := kept(at, b[i], a[i]); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is not what it was", at)
		}
		for key := range b {
			if key == "doc" {
				continue
			}
			if _, there := a[key]; !there {
				return fmt.Errorf("%s.%s is gone", at, key)
			}
			if err := kept(at+"."+key, b[key], a[key]); err != nil {
				return err
			}
		}
		return nil
	}
	if !reflect.DeepEqual(before, after) {
		return fmt.Errorf("%s is %v, was %v", at, after, before)
	}
	return nil
}

func keptFields(at string, before, after []any) error {
	now := map[any]any{}
	for _, f := range after {
		now[f.(map[string]any)["name"]] = f
	}
	for _, f := range before {
		name := f.(map[string]any)["name"]
		if now[name] == nil {
			return fmt.Errorf("%s.%v is gone", at, name)
		}
		if err := kept(fmt.Sprintf("%s.%v", at, name), f, now[name]); err != nil {
			return err
		}
	}
	return nil
}

// TestGrown holds the check itself against changes that are allowed and not.
func TestGrown(t *testing.T) {
	const task = `{"name": "task_id", "type": "string",`
	for _, c := range []struct {
		name     string
		old, new string
		allowed  bool
	}{
		{"nothing", "", "", true},
		{"another doc", `The task: one campaign.`, `The campaign.`, true},
		{"an optional field", task, `{"name": "new", "type": ["null", "string"], "default": null}, ` + task, true},
		{"an optional field in a record inside", `{"name": "robot_text",`, `{"name": "new", "type": ["null", "long"], "default": null}, {"name": "robot_text",`, true},
		{"a required field", task, `{"name": "new", "type": "string"}, ` + task, false},
		{"another name", `"name": "call_id", "type": "string"`, `"name": "callid", "type": "string"`, false},
		{"an optional field renamed", `"name": "comments"`, `"name": "reference"`, false},
		{"another type", `"name": "repeat_number", "type": ["null", "long"]`, `"name": "repeat_number", "type": ["null", "string"]`, false},
		{"required made optional", `"name": "status", "type": "string"`, `"name": "status", "type": ["null", "string"], "default": null`, false},
		{"a time without its logical type", `"name": "call_end_time", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]`, `"name": "call_end_time", "type": ["null", "long"]`, false},
		{"a default lost", `"name": "extra_a", "type": ["null", "string"], "default": null`, `"name": "extra_a", "type": ["null", "string"]`, false},
		{"another record name", `"name": "CallCompleted"`, `"name": "CallFinished"`, false},
		{"a third branch", `"name": "comments", "type": ["null", "string"]`, `"name": "comments", "type": ["null", "string", "long"]`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(CallCompleted(), c.old, c.new, 1)
			if c.old != "" && changed == CallCompleted() {
				t.Fatalf("%q is not in the schema", c.old)
			}
			if err := grown(CallCompleted(), changed); (err == nil) != c.allowed {
				t.Errorf("got %v, want allowed = %v", err, c.allowed)
			}
		})
	}
}

// A CallRevised holds a CallCompleted as its schema is today.
func TestRevisedIsACallCompleted(t *testing.T) {
	var revised struct {
		Fields []struct {
			Name string
			Type any
		}
	}
	var completed any
	if err := json.Unmarshal([]byte(CallRevised()), &revised); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(CallCompleted()), &completed); err != nil {
		t.Fatal(err)
	}
	if of := revised.Fields[1]; of.Name != "call" || !reflect.DeepEqual(of.Type, completed) {
		t.Errorf("its field %s is not call_completed.avsc", of.Name)
	}
}
