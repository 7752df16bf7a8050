package privacy_test

import (
	"fmt"
	"strings"
	"testing"

	"airudder-exporter/internal/record/privacy"
)

// testKey is name and base64 of the bytes 0 to 31.
const testKey = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func choice(t testing.TB, preset, overrides string) privacy.Choice {
	t.Helper()
	c, err := parse(preset, overrides, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(preset, overrides, keyLine string) (c privacy.Choice, err error) {
	p, err := privacy.ParsePreset(preset)
	if err != nil {
		return c, err
	}
	above, err := privacy.ParseOverrides(strings.Split(overrides, ","))
	if err != nil {
		return c, err
	}
	var key privacy.Key
	if keyLine != "" {
		if key, err = privacy.ParseKey(keyLine); err != nil {
			return c, err
		}
	}
	return privacy.New(p, above, key)
}

func TestPresets(t *testing.T) {
	want := `
caller_number: keep keep keep
callee_number: keep pseudonym+private pseudonym
callee_name: keep private drop
callee_gender: keep drop drop
intention: keep keep keep
intention_description: keep keep keep
multi_intention: keep private drop
comments: keep keep keep
extra_a: keep private drop
extra_b: keep private drop
extra_c: keep private drop
asr_result: keep private drop
event_label: keep keep keep
ner_slots: keep private drop
call_notes: keep private drop
case_id: keep keep keep
additional_fields: keep drop drop
raw: keep drop drop
`
	open, lender, strict := choice(t, "", ""), choice(t, "lender", ""), choice(t, "strict", "")
	got := "\n"
	for _, f := range privacy.Fields() {
		got += fmt.Sprintf("%s: %s %s %s\n", f.Name, open.Mode(f.Name), lender.Mode(f.Name), strict.Mode(f.Name))
	}
	if got != want {
		t.Errorf("got %s", got)
	}
	if !open.Open() || lender.Open() || strict.Open() {
		t.Error("open alone is open")
	}
	if open.Separate() || !lender.Separate() || strict.Separate() {
		t.Error("lender alone has CallPrivate")
	}
	if got := open.Mode("task_id"); got != privacy.Keep {
		t.Errorf("a field that is no personal data is %s", got)
	}
}

// As soon as a field is not kept, those that hold what nobody knows are dropped,
// unless they are named.
func TestCatchAllFields(t *testing.T) {
	for _, tt := range []struct {
		preset, overrides string
		additional, raw   privacy.Mode
		names             string
	}{
		{"open", "", privacy.Keep, privacy.Keep, ""},
		{"open", "callee_gender:keep", privacy.Keep, privacy.Keep, ""},
		{"open", "callee_gender:drop", privacy.Drop, privacy.Drop, ""},
		{"open", "intention:mask", privacy.Drop, privacy.Drop, ""},
		{"open", "raw:drop", privacy.Drop, privacy.Drop, ""},
		{"open", "callee_gender:drop,raw:keep", privacy.Drop, privacy.Keep, ""},
		{"open", "callee_gender:drop,additional_fields:keep", privacy.Keep, privacy.Drop, ""},
		{"open", "callee_gender:drop,additional_fields:private", privacy.Private, privacy.Drop, ""},
		{"open", "callee_gender:drop,additional_fields.B:keep, additional_fields.a:b:keep", privacy.Drop, privacy.Drop, "B a:b"},
		{"open", "additional_fields.B:keep", privacy.Keep, privacy.Keep, ""},
		{"lender", "additional_fields:keep,additional_fields.B:keep", privacy.Keep, privacy.Drop, ""},
	} {
		c := choice(t, tt.preset, tt.overrides)
		names := strings.Join(c.KeptNames(), " ")
		if a, r := c.Mode(privacy.AdditionalFields), c.Mode(privacy.RawRow); a != tt.additional || r != tt.raw || names != tt.names {
			t.Errorf("%s with %q: got %s, %s, %q; want %s, %s, %q", tt.preset, tt.overrides, a, r, names, tt.additional, tt.raw, tt.names)
		}
	}
}

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct{ preset, overrides, key, want string }{
		{"closed", "", "", `"closed" is not a preset: give open, lender or strict`},
		{"", "callee_number", "", `"callee_number" is not field:mode: give one such as callee_number:pseudonym`},
		{"", "CalleeNumber:drop", "", `"CalleeNumber" is not a field that can be hidden: give caller_number, callee_number, callee_name, ` +
			`callee_gender, intention, intention_description, multi_intention, comments, extra_a, extra_b, extra_c, asr_result, event_label, ` +
			`ner_slots, call_notes, case_id, additional_fields or raw, or additional_fields.NAME for one field that the schema does not know`},
		{"", "callee_number:hash", "", `callee_number: "hash" is not a mode: give keep, drop, mask, pseudonym, private or pseudonym+private`},
		{"", "callee_name:drop,callee_name:mask", "", `callee_name stands there twice: give each field one mode`},
		{"", "asr_result:mask", "", `asr_result cannot be mask: give keep, drop or private`},
		{"", "raw:private", "", `raw cannot be private: give keep or drop`},
		{"", "additional_fields.X:drop", "", `additional_fields.X can only be kept: give additional_fields.X:keep, or leave it out`},
		{"", "additional_fields.:keep", "", `additional_fields. names no field: give one such as additional_fields.CampaignCode:keep`},
		{"", "additional_fields.X:keep,additional_fields.X:keep", "", `additional_fields.X stands there twice: give it once`},
		{"lender", "", "", `callee_number is pseudonym+private: a token needs a key`},
		{"", "comments:pseudonym", "", `comments is pseudonym: a token needs a key`},
	} {
		_, err := parse(tt.preset, tt.overrides, tt.key)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s with %q: got %v\nwant %s", tt.preset, tt.overrides, err, tt.want)
		}
	}
	if _, err := parse("strict", "callee_number:drop", ""); err != nil {
		t.Errorf("without a token, a key is needed: %v", err)
	}
}

func TestEventKey(t *testing.T) {
	for _, tt := range []struct{ mode, want string }{
		{"keep", ""},
		{"pseudonym", ""},
		{"pseudonym+private", ""},
		{"drop", "comments is drop, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key"},
		{"mask", "comments is mask, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key"},
		{"private", "comments is private, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key"},
	} {
		c, got := choice(t, "open", "comments:"+tt.mode), ""
		if err := c.CheckEventKey("comments"); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.mode, got, tt.want)
		}
	}
	c := choice(t, "strict", "")
	if err := c.CheckEventKey("task_id"); err != nil {
		t.Error(err)
	}
}

func TestHeader(t *testing.T) {
	for _, tt := range []struct{ preset, overrides, text, header string }{
		{"", "", "", "open/e3b0c44298fc1c14"},
		{"open", "comments:keep", "", "open/e3b0c44298fc1c14"},
		{
			"open", "callee_number:pseudonym,raw:keep,additional_fields:keep",
			"callee_number:pseudonym", "open/d9905cb07974bdbd",
		},
		{
			"open", "additional_fields.b c:keep,callee_gender:drop,additional_fields.a:keep",
			"additional_fields:drop,callee_gender:drop,raw:drop,additional_fields.a:keep,additional_fields.b+c:keep", "",
		},
	} {
		c := choice(t, tt.preset, tt.overrides)
		if got := c.String(); got != tt.text {
			t.Errorf("%s with %q: got %q, want %q", tt.preset, tt.overrides, got, tt.text)
		}
		if got := c.Header(); tt.header != "" && got != tt.header {
			t.Errorf("%s with %q: got %q, want %q", tt.preset, tt.overrides, got, tt.header)
		}
	}
	var zero privacy.Choice
	if got := zero.Header(); got != "open/e3b0c44298fc1c14" {
		t.Errorf("the zero choice: got %q", got)
	}
	lender, same := choice(t, "lender", ""), choice(t, "strict", "callee_number:pseudonym+private,callee_name:private,multi_intention:private,"+
		"extra_a:private,extra_b:private,extra_c:private,asr_result:private,ner_slots:private,call_notes:private")
	if lender.Digest() != same.Digest() {
		t.Errorf("the same modes have two digests: %q and %q", lender, same)
	}
}

func TestStricter(t *testing.T) {
	// Of each two modes: whether the second shows nobody anything that the first does not.
	modes := []string{"keep", "drop", "mask", "pseudonym", "private", "pseudonym+private"}
	want := map[string]string{
		"keep": "111111", "drop": "010000", "mask": "011000",
		"pseudonym": "010100", "private": "010010", "pseudonym+private": "010111",
	}
	const others = ",raw:drop,additional_fields:drop"
	for _, from := range modes {
		got := ""
		for _, to := range modes {
			old, new := choice(t, "open", "callee_name:"+from+others), choice(t, "open", "callee_name:"+to+others)
			is, err := privacy.Stricter(old.String(), new.String())
			if err != nil {
				t.Fatal(err)
			}
			got += map[bool]string{true: "1", false: "0"}[is]
		}
		if got != want[from] {
			t.Errorf("from %s to each of %q: got %s, want %s", from, modes, got, want[from])
		}
	}
}

func TestStricterChoices(t *testing.T) {
	for _, tt := range []struct {
		old, new [2]string
		want     bool
	}{
		{[2]string{"open", ""}, [2]string{"open", ""}, true},
		{[2]string{"open", ""}, [2]string{"lender", ""}, true},
		{[2]string{"lender", ""}, [2]string{"strict", ""}, true},
		{[2]string{"strict", ""}, [2]string{"lender", ""}, false},
		{[2]string{"lender", ""}, [2]string{"open", ""}, false},
		{[2]string{"lender", ""}, [2]string{"strict", "raw:keep"}, false},
		{[2]string{"open", ""}, [2]string{"strict", "additional_fields.a,b:keep"}, true},
		{[2]string{"strict", "additional_fields.a:keep"}, [2]string{"strict", ""}, true},
		{[2]string{"strict", ""}, [2]string{"strict", "additional_fields.a:keep"}, false},
		{[2]string{"strict", "additional_fields:private"}, [2]string{"strict", "additional_fields.a:keep"}, false},
	} {
		overrides := func(s string) []string { // one may have a comma in its name
			if s == "" {
				return nil
			}
			return []string{s}
		}
		written := func(of [2]string) string {
			p, _ := privacy.ParsePreset(of[0])
			above, err := privacy.ParseOverrides(overrides(of[1]))
			if err != nil {
				t.Fatal(err)
			}
			key, _ := privacy.ParseKey(testKey)
			c, err := privacy.New(p, above, key)
			if err != nil {
				t.Fatal(err)
			}
			return c.String()
		}
		got, err := privacy.Stricter(written(tt.old), written(tt.new))
		if err != nil || got != tt.want {
			t.Errorf("from %q to %q: got %v, %v; want %v", tt.old, tt.new, got, err, tt.want)
		}
	}
	for _, unreadable := range []string{"callee_number:hash", "a_later_field:drop", "additional_fields.%zz:keep", "x"} {
		if is, err := privacy.Stricter(unreadable, ""); err == nil || is {
			t.Errorf("%q: got %v, %v, want an error", unreadable, is, err)
		}
		if is, err := privacy.Stricter("", unreadable); err == nil || is {
			t.Errorf("%q: got %v, %v, want an error", unreadable, is, err)
		}
	}
}
