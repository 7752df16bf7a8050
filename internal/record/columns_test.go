package record

import (
	"slices"
	"testing"

	"github.com/twmb/avro"

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
		{"CallCompleted", completed, append(describe(taskColumns()), describe(rowColumns())...)},
		{"Turn", *fieldType(t, completed, "asr_result").Items, describe(turnColumns())},
		{"Redial", *fieldType(t, completed, "redials").Items, describe(redialColumns())},
		{"TaskStatusChanged", status, describe(statusColumns())},
		{"Seal", fieldType(t, status, "seal"), describe(sealColumns())},
		{"DeadLetter", root(t, schemas.DeadLetter()), describe(deadLetterColumns())},
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
