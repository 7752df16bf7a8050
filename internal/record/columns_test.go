package record

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/avro"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

// TestColumns holds what the Encoder fills against the schemas: goavro passes
// over names that a schema does not have, and takes null for a field that is
// not filled.
func TestColumns(t *testing.T) {
	completed := root(t, schemas.CallCompleted())
	status := root(t, schemas.TaskStatusChanged())
	for _, c := range []struct {
		name   string
		schema avro.SchemaNode
		got    []string
	}{
		{"CallCompleted", completed, append(describe(taskColumns("")), describe(rowColumns())...)},
		{"CallTurn", *fieldType(t, completed, "asr_result").Items, describe(turnColumns())},
		{"CallRedial", *fieldType(t, completed, "redials").Items, describe(redialColumns())},
		{"TaskStatusChanged", status, describe(statusColumns(""))},
		{"TaskSeal", fieldType(t, status, "seal"), describe(sealColumns())},
		{"DeadLetter", root(t, schemas.DeadLetter()), describe(deadLetterColumns(""))},
	} {
		if want := describeSchema(c.schema); !slices.Equal(c.got, want) {
			t.Errorf("%s: the encoder fills\n%v, the schema has\n%v", c.name, c.got, want)
		}
	}
}

// describe lists columns with their branches.
func describe[T any](columns []column[T]) (all []string) {
	for _, c := range columns {
		all = append(all, c.name+" "+c.branch)
	}
	return all
}

// describeSchema lists fields as describe would.
func describeSchema(record avro.SchemaNode) (all []string) {
	for _, f := range record.Fields {
		branch := ""
		if f.Type.Type == "union" {
			switch b := f.Type.Branches[1]; {
			case b.LogicalType != "":
				branch = b.Type + "." + b.LogicalType
			case b.Type == "map":
				branch = "array" // of pairs, see encodingCodec
			case b.Type == "record":
				branch = b.Namespace + "." + b.Name
			default:
				branch = b.Type
			}
		}
		all = append(all, f.Name+" "+branch)
	}
	return all
}

func root(t *testing.T, schema string) avro.SchemaNode {
	t.Helper()
	return *parse(t, schema).Root()
}

func parse(t testing.TB, schema string) *avro.Schema {
	t.Helper()
	s, err := avro.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fieldType is what a field of a record is when it is not null.
func fieldType(t *testing.T, record avro.SchemaNode, name string) avro.SchemaNode {
	t.Helper()
	for _, f := range record.Fields {
		if f.Name == name {
			return f.Type.Branches[1]
		}
	}
	t.Fatalf("%s has no field %s", record.Name, name)
	return avro.SchemaNode{}
}

// Every field of the domain reaches its record: one that was added there alone
// would be null for ever.
func TestEveryFieldIsEncoded(t *testing.T) {
	at := observedAt()
	everyField(t, func(task call.Task) any {
		return []any{newNative(taskColumns("")).fill(&task), newNative(rowColumns()).fill(&event{&call.Row{}, &task, 1, 0, at})}
	}, "WorkflowID", "WorkflowName", "NodeTaskID", "NodeTaskName", "CaseID") // the source gives them to the rows
	everyField(t, func(row call.Row) any {
		return newNative(rowColumns()).fill(&event{&row, &call.Task{}, 1, 0, at})
	}, "Means", "Raw", "Hash") // for the ledger, or a dead letter
	everyField(t, func(turn call.Turn) any { return newNative(turnColumns()).fill(&turn) })
	everyField(t, func(redial call.Redial) any { return newNative(redialColumns()).fill(&redial) })
	everyField(t, func(seal ledger.Seal) any { return newNative(sealColumns()).fill(&taskSeal{&seal, "events"}) })
	everyField(t, func(c ledger.StatusChange) any {
		return newNative(statusColumns("")).fill(&change{&c, &call.Task{}, "events", at})
	})
	everyField(t, func(reject call.Reject) any {
		return newNative(deadLetterColumns("")).fill(&deadLetter{&reject, "t", "k", false, at})
	}, "Hash", "Limit") // for the ledger
}

// everyField sets one field of a T after the other and looks whether the record
// is another one for it.
func everyField[T any](t *testing.T, record func(T) any, besides ...string) {
	t.Helper()
	var none T
	before := record(none)
	for i := range reflect.TypeFor[T]().NumField() {
		var one T
		field := reflect.ValueOf(&one).Elem().Field(i)
		set(t, field)
		name := reflect.TypeFor[T]().Field(i).Name
		if same := reflect.DeepEqual(record(one), before); same != slices.Contains(besides, name) {
			t.Errorf("%T.%s: in the record %v, want %v", one, name, !same, same)
		}
	}
}

// set makes a value another than its zero.
func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch at := v.Addr().Interface().(type) {
	case *call.Opt[string]:
		*at = call.Some("x")
	case *call.Opt[int64]:
		*at = call.Some[int64](1)
	case *time.Time:
		*at = observedAt()
	case *[]byte:
		*at = []byte("x")
	case *map[string]string:
		*at = map[string]string{"a": "b"}
	case *[]int64:
		*at = []int64{1}
	case *[]call.Turn:
		*at = []call.Turn{{}}
	case *[]call.Redial:
		*at = []call.Redial{{}}
	case *call.Counts:
		at.Rows = 1
	case **ledger.Seal:
		*at = &ledger.Seal{}
	case *[32]byte:
		at[0] = 1
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Uint8, reflect.Uint64:
			v.SetUint(1)
		default:
			t.Fatalf("a field of type %s: how is it set?", v.Type())
		}
	}
}
