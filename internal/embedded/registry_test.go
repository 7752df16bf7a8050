package embedded

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
)

func startRegistry(t *testing.T, cfg RegistryConfig) (*Registry, *sr.Client) {
	t.Helper()
	r, err := StartRegistry(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	cl, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	return r, cl
}

// person is a record with the fields given, each a JSON object.
func person(fields ...string) sr.Schema {
	return sr.Schema{Schema: `{"type":"record","name":"Person","fields":[` + strings.Join(fields, ",") + `]}`}
}

const (
	fieldName    = `{"name":"name","type":"string"}`
	fieldAge     = `{"name":"age","type":["null","long"],"default":null}`
	fieldAgeBare = `{"name":"age","type":"long"}`
	fieldCity    = `{"name":"city","type":"string"}`
)

func register(ctx context.Context, t *testing.T, cl *sr.Client, subject string, s sr.Schema) sr.SubjectSchema {
	t.Helper()
	got, err := cl.CreateSchema(ctx, subject, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// code is what the registry answered: HTTP status and error code.
func code(t *testing.T, err error) (status, errorCode int) {
	t.Helper()
	var re *sr.ResponseError
	if err == nil {
		return 200, 0
	}
	if !errors.As(err, &re) {
		t.Fatalf("not an answer of the registry: %v", err)
	}
	return re.StatusCode, re.ErrorCode
}

func TestRegistryRoundTrip(t *testing.T) {
	ctx := testContext(t)
	_, cl := startRegistry(t, RegistryConfig{})
	first := register(ctx, t, cl, "people-value", person(fieldName))
	again := register(ctx, t, cl, "people-value", person(fieldName))
	second := register(ctx, t, cl, "people-value", person(fieldName, fieldAge))
	if first.ID != again.ID || first.Version != again.Version {
		t.Errorf("the same schema again: got id %d version %d, want %d and %d", again.ID, again.Version, first.ID, first.Version)
	}
	if second.ID == first.ID || second.Version != 2 {
		t.Errorf("a new schema: got id %d version %d, want another id than %d and version 2", second.ID, second.Version, first.ID)
	}
	got, err := cl.SchemaByID(ctx, second.ID)
	if err != nil || got.Schema != person(fieldName, fieldAge).Schema {
		t.Errorf("schema %d: got %q, %v", second.ID, got.Schema, err)
	}
	if status, errorCode := code(t, lookup(ctx, cl, "people-value", person(fieldCity))); status != 404 || errorCode != 40403 {
		t.Errorf("look up an unknown schema: got %d (%d), want 404 (40403)", status, errorCode)
	}
}

func lookup(ctx context.Context, cl *sr.Client, subject string, s sr.Schema) error {
	_, err := cl.LookupSchema(ctx, subject, s)
	return err
}

func TestRegistryRefusesInvalidSchemas(t *testing.T) {
	ctx := testContext(t)
	_, cl := startRegistry(t, RegistryConfig{})
	for name, schema := range map[string]sr.Schema{
		"not JSON":        {Schema: `{"type":`},
		"unknown type":    {Schema: `{"type":"no such type"}`},
		"duplicate field": person(fieldName, fieldName),
		"wrong default":   person(`{"name":"age","type":"long","default":"seven"}`),
		"illegal name":    person(`{"name":"first name","type":"string"}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cl.CreateSchema(ctx, "people-value", schema)
			if status, errorCode := code(t, err); status != 422 || errorCode != 42201 {
				t.Errorf("got %d (%d), want 422 (42201): %v", status, errorCode, err)
			}
		})
	}
}

func TestRegistryHoldsCompatibility(t *testing.T) {
	none, backward, backwardAll := sr.CompatNone, sr.CompatBackward, sr.CompatBackwardTransitive
	forward, forwardAll, full, fullAll := sr.CompatForward, sr.CompatForwardTransitive, sr.CompatFull, sr.CompatFullTransitive

	optional, bare := person(fieldName, fieldAge), person(fieldName, fieldAgeBare)
	for name, test := range map[string]struct {
		history []sr.Schema
		next    sr.Schema
		ok      []sr.CompatibilityLevel // the others refuse it
	}{
		"add an optional field": {
			[]sr.Schema{person(fieldName)}, optional,
			[]sr.CompatibilityLevel{none, backward, backwardAll, forward, forwardAll, full, fullAll},
		},
		"add a required field": {
			[]sr.Schema{person(fieldName)}, bare,
			[]sr.CompatibilityLevel{none, forward, forwardAll},
		},
		"remove a required field": {
			[]sr.Schema{bare}, person(fieldName),
			[]sr.CompatibilityLevel{none, backward, backwardAll},
		},
		"change a type": {
			[]sr.Schema{person(fieldName)}, person(`{"name":"name","type":"long"}`),
			[]sr.CompatibilityLevel{none},
		},
		// city came and went: only the transitive levels still see it.
		"a required field that the version before the last had not": {
			[]sr.Schema{person(fieldName), person(fieldName, fieldCity)},
			person(fieldName, fieldCity, fieldAge),
			[]sr.CompatibilityLevel{none, backward, forward, forwardAll, full},
		},
		"without a required field that only the first version has": {
			[]sr.Schema{person(fieldName, fieldCity), person(fieldName)},
			person(fieldName, fieldAge),
			[]sr.CompatibilityLevel{none, backward, backwardAll, forward, full},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, level := range []sr.CompatibilityLevel{none, backward, backwardAll, forward, forwardAll, full, fullAll} {
				want := 409
				for _, ok := range test.ok {
					if ok == level {
						want = 200
					}
				}
				if got := registerUnder(t, level, test.history, test.next); got != want {
					t.Errorf("%s: got %d, want %d", level, got, want)
				}
			}
		})
	}
}

// registerUnder gives a new subject its history without any checks, then a
// level, and returns the status of registering next. The registry's own check
// must agree.
func registerUnder(t *testing.T, level sr.CompatibilityLevel, history []sr.Schema, next sr.Schema) int {
	t.Helper()
	ctx := testContext(t)
	_, cl := startRegistry(t, RegistryConfig{})
	setLevel(ctx, t, cl, sr.CompatNone)
	for _, s := range history {
		register(ctx, t, cl, "people-value", s)
	}
	setLevel(ctx, t, cl, level)
	_, err := cl.CreateSchema(ctx, "people-value", next)
	status, errorCode := code(t, err)
	if status == 409 && errorCode != 409 {
		t.Errorf("%s: error code: got %d, want 409", level, errorCode)
	}
	return status
}

func setLevel(ctx context.Context, t *testing.T, cl *sr.Client, level sr.CompatibilityLevel) {
	t.Helper()
	if err := cl.SetCompatibility(ctx, sr.SetCompatibility{Level: level}, "people-value")[0].Err; err != nil {
		t.Fatal(err)
	}
}

func TestRegistryDefaultIsBackward(t *testing.T) {
	ctx := testContext(t)
	_, cl := startRegistry(t, RegistryConfig{})
	register(ctx, t, cl, "people-value", person(fieldName))
	_, err := cl.CreateSchema(ctx, "people-value", person(fieldName, fieldAgeBare))
	if status, errorCode := code(t, err); status != 409 || errorCode != 409 {
		t.Fatalf("got %d (%d), want 409 (409)", status, errorCode)
	}
	if !strings.Contains(err.Error(), "age") {
		t.Errorf("the refusal does not name the field: %v", err)
	}
	answer, err := cl.CheckCompatibility(ctx, "people-value", 1, person(fieldName, fieldAgeBare))
	if err != nil || answer.Is {
		t.Errorf("compatibility check: got %+v, %v, want incompatible", answer, err)
	}
}

func TestRegistryPortTaken(t *testing.T) {
	first, _ := startRegistry(t, RegistryConfig{})
	u, err := url.Parse(first.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	second, cl := startRegistry(t, RegistryConfig{Port: port})
	if first.URL() == second.URL() {
		t.Errorf("both registries listen on %s", first.URL())
	}
	register(testContext(t), t, cl, "people-value", person(fieldName))
}

// A schema that refers to another subject's is parsed with it.
func TestRegistryFollowsReferences(t *testing.T) {
	ctx := testContext(t)
	_, cl := startRegistry(t, RegistryConfig{})
	register(ctx, t, cl, "person", person(fieldName))
	team := sr.Schema{
		Schema:     `{"type":"record","name":"Team","fields":[{"name":"lead","type":"Person"}]}`,
		References: []sr.SchemaReference{{Name: "Person", Subject: "person", Version: 1}},
	}
	register(ctx, t, cl, "team-value", team)
	team.References = nil
	_, err := cl.CreateSchema(ctx, "other-value", team)
	if status, _ := code(t, err); status != 422 {
		t.Errorf("without its reference: got %d, want 422", status)
	}
}
