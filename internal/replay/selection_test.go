package replay

import (
	"context"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// stored are records as they are read, all of one time.
func stored(t *testing.T, published time.Time, records ...batch.Record) (all []batch.Stored) {
	t.Helper()
	b, err := batch.Encode(records, batch.Uncompressed)
	if err != nil {
		t.Fatal(err)
	}
	b.Stamp(1, 0, 0, published)
	batches, err := batch.ReadAll(b.Data[4:], nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := new(batch.Reader).Each(&batches[0], func(s *batch.Stored) error {
		all = append(all, *s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func headers(pairs ...string) (all []batch.Header) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, batch.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

func TestTakes(t *testing.T) {
	event := batch.Record{Value: []byte("v"), Headers: headers("ce_id", "t/1/c1/0", "ce_subject", "c1", "ce_time", "2026-03-01T12:00:00.500Z", "airudder_ledger_id", "l1")}
	status := batch.Record{Value: []byte("v"), Headers: headers("ce_id", "t/1/status/4", "ce_subject", "t/1", "ce_time", "2026-03-01T12:00:00.500Z", "airudder_ledger_id", "l1")}
	stranger := batch.Record{Value: []byte("v")}
	published := at("2026-03-02T00:00:00Z")
	since, until := at("2026-03-01T12:00:00.5Z"), at("2026-03-01T12:00:00.500001Z")
	for _, tt := range []struct {
		name   string
		of     Selection
		record batch.Record
		want   string // true, false, or what the error says
	}{
		{"everything", Selection{}, stranger, "true"},
		{"the task", Selection{TaskID: "t/1"}, event, "true"},
		{"a task whose name it begins with", Selection{TaskID: "t"}, event, "false"},
		{"another task", Selection{TaskID: "t/2"}, event, "false"},
		{"a task of the call's name", Selection{TaskID: "c1"}, event, "false"},
		{"the task of a status", Selection{TaskID: "t/1"}, status, "true"},
		{"a task whose name a status begins with", Selection{TaskID: "t"}, status, "false"},
		{"the call", Selection{CallID: "c1"}, event, "true"},
		{"another call", Selection{CallID: "c"}, event, "false"},
		{"the call in another task", Selection{CallID: "c1", TaskID: "t"}, event, "false"},
		{"the ledger", Selection{LedgerID: "l1"}, event, "true"},
		{"another ledger", Selection{LedgerID: "l2"}, event, "false"},
		{"published then", Selection{By: Published, Since: published, Until: published.Add(1)}, event, "true"},
		{"published before", Selection{By: Published, Since: published.Add(1)}, event, "false"},
		{"published at the end", Selection{By: Published, Until: published}, event, "false"},
		{"occurred then", Selection{By: Occurred, Since: since, Until: until}, event, "true"},
		{"occurred before", Selection{By: Occurred, Since: until}, event, "false"},
		{"occurred at the end", Selection{By: Occurred, Until: since}, event, "false"},
		{"occurred, without a time", Selection{By: Occurred, Until: since}, stranger, "no header ce_time"},
		{"no time is asked for", Selection{By: Occurred}, stranger, "true"},
		{"a task, without headers", Selection{TaskID: "t"}, stranger, "no headers ce_id and ce_subject"},
	} {
		got, err := newFilter(tt.of, nil).takes(t.Context(), &stored(t, published, tt.record)[0])
		said := map[bool]string{true: "true", false: "false"}[got]
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, tt.want) || err != nil && !Refused(err) {
			t.Errorf("%s: got %s, want %s", tt.name, said, tt.want)
		}
	}
}

// A value is looked into where a condition is about it, and all else holds.
func TestTakesLooksIntoFewValues(t *testing.T) {
	looked := 0
	f := newFilter(Selection{TaskID: "t1"}, func(_ context.Context, value []byte) (bool, error) {
		looked++
		return string(value) == "yes", nil
	})
	var got string
	for _, r := range stored(t, time.Now(),
		batch.Record{Key: []byte("a"), Value: []byte("yes"), Headers: headers("ce_id", "t1/c/0", "ce_subject", "c")},
		batch.Record{Key: []byte("b"), Value: []byte("no"), Headers: headers("ce_id", "t1/c/0", "ce_subject", "c")},
		batch.Record{Key: []byte("c"), Value: []byte("yes"), Headers: headers("ce_id", "t2/c/0", "ce_subject", "c")},
	) {
		if is, err := f.takes(t.Context(), &r); is && err == nil {
			got += string(r.Key)
		}
	}
	if got != "a" || looked != 2 {
		t.Errorf("got %q after %d looks, want a after 2", got, looked)
	}
}

func TestDigest(t *testing.T) {
	of := Selection{Topic: "events", LedgerID: "l", TaskID: "t", By: Occurred, Since: at("2026-03-01T12:00:00Z"), Partitions: []int{3, 1}, Where: []string{"b=1", "a=2"}}
	want := of.Digest()
	same := of
	same.Since, same.Partitions, same.Where = at("2026-03-01T20:00:00+08:00"), []int{1, 3, 3}, []string{"a=2", "b=1"}
	if got := same.Digest(); got != want || len(got) != 16 {
		t.Errorf("the same in another order: %s, want %s", got, want)
	}
	if of.Partitions[0] != 3 {
		t.Error("the digest has sorted what it was given")
	}
	if a, b := (Selection{By: Published}).Digest(), (Selection{By: Occurred}).Digest(); a != b {
		t.Errorf("without a time %s and %s differ", a, b)
	}
	seen := map[string]string{want: "itself"}
	for name, change := range map[string]func(*Selection){
		"topic": func(s *Selection) { s.Topic = "x" }, "ledger": func(s *Selection) { s.LedgerID = "x" }, "task": func(s *Selection) { s.TaskID = "x" },
		"call": func(s *Selection) { s.CallID = "t" }, "since": func(s *Selection) { s.Since = s.Since.Add(1) }, "until": func(s *Selection) { s.Until = s.Since },
		"by": func(s *Selection) { s.By = Published }, "partitions": func(s *Selection) { s.Partitions = nil }, "where": func(s *Selection) { s.Where = s.Where[1:] },
	} {
		other := of
		change(&other)
		if was := seen[other.Digest()]; was != "" {
			t.Errorf("another %s has the digest of %s", name, was)
		}
		seen[other.Digest()] = name
	}
}

func TestOrigin(t *testing.T) {
	o := origin{batch.Place{Topic: "a.b-c_d", Partition: 12}, 1 << 40}
	text := string(o.append(nil))
	if got, ok := parseOrigin(text); !ok || got != o || text != "a.b-c_d/12/1099511627776" {
		t.Errorf("%s reads as %v, %v", text, got, ok)
	}
	for _, bad := range []string{"", "a", "a/1", "a/1/2/3", "a/x/1", "a/1/x", "a/-1/1", "a/1/-1", "a/01/1", "a/1/+1", "a/4294967296/1"} {
		if got, ok := parseOrigin(bad); ok {
			t.Errorf("%q reads as %v", bad, got)
		}
	}
}
