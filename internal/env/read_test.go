package env

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

type config struct {
	Name   string        `env:"APP_NAME,required" doc:"Its name."`
	Broker broker        `group:"Broker"`
	Every  time.Duration `env:"APP_EVERY,default=1m" doc:"How often." group:"Loop"`
	Words  []string      `env:"APP_WORDS,default=a,b" blank:"true" doc:"Which." group:"Loop"`
}

type broker struct {
	Hosts    []string `env:"BROKER_HOSTS,default=a:1" doc:"Where."`
	Password string   `env:"BROKER_PASSWORD,required" secret:"true" doc:"Secret."`
}

// read reads a config from the least that is required and what is set.
func read(t *testing.T, ignored []string, set ...string) (config, *Reader) {
	t.Helper()
	var c config
	set = append(set, "APP_NAME=n", "BROKER_PASSWORD=secret")
	return c, Read(t.Context(), &c, Environment{Set: set, Own: []string{"APP_"}, Shared: []string{"BROKER_"}, Ignored: ignored})
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ignored  []string
		set      []string
		problems []string
		warnings []string
	}{
		"enough": {},
		"all mistakes at once, in the order of the fields": {
			set: []string{"APP_EVERY=often", "BROKER_PASSWORD=", "APP_NAME= ", "APP_EVERYY=1m"},
			problems: []string{
				"APP_NAME: is required",
				"BROKER_PASSWORD: is required: set it, or BROKER_PASSWORD_FILE to a file that holds it",
				`APP_EVERY: "often" is not a duration: give hours, minutes and seconds, as in 720h, 90m or 1h30m`,
				"APP_EVERYY: is not a variable of this program: did you mean APP_EVERY?",
			},
		},
		"a secret from a file": {set: []string{"BROKER_PASSWORD=", "BROKER_PASSWORD_FILE=" + file}},
		"a secret twice": {
			set:      []string{"BROKER_PASSWORD_FILE=" + file},
			problems: []string{"BROKER_PASSWORD: is set twice, also by BROKER_PASSWORD_FILE: keep one of them"},
		},
		"a secret where its file's name belongs": {
			set:      []string{"BROKER_PASSWORD=", "BROKER_PASSWORD_FILE=secret"},
			problems: []string{"BROKER_PASSWORD: cannot be read from BROKER_PASSWORD_FILE: no such file or directory: give the path of a file that holds the value"},
		},
		"nearly one of ours under a shared prefix": {
			set:      []string{"BROKER_HOST=b:1", "BROKER_PORT=1", "BROKERS=b:1"},
			warnings: []string{"BROKER_HOST: is not a variable of this program: did you mean BROKER_HOSTS?"},
		},
		"what Kubernetes sets for a Service called app": {set: []string{"APP_SERVICE_HOST=10.0.0.1", "APP_PORT_80_TCP_ADDR=10.0.0.1"}},
		"nothing is said of what is ignored": {
			ignored: []string{"APP_"}, set: []string{"APP_NAME=", "APP_EVERY=often", "APP_EVERYY=1m"},
		},
	} {
		_, r := read(t, tt.ignored, tt.set...)
		var problems []string
		if err := r.Err(); err != nil {
			problems = strings.Split(err.Error(), "\n")
		}
		if !slices.Equal(problems, tt.problems) {
			t.Errorf("%s: got problems\n%s\nwant\n%s", name, strings.Join(problems, "\n"), strings.Join(tt.problems, "\n"))
		}
		if !slices.Equal(r.Warnings(), tt.warnings) {
			t.Errorf("%s: got warnings %q, want %q", name, r.Warnings(), tt.warnings)
		}
	}
}

// The rules of the caller: the first problem of a variable counts, an ignored
// variable has none, and no secret is shown.
func TestProblems(t *testing.T) {
	_, r := read(t, []string{"APP_EVERY"}, "BROKER_HOSTS=me:secret@b")
	r.Bad("BROKER_PASSWORD", "is too short")
	r.Bad("BROKER_HOSTS", "is no host")
	r.Bad("BROKER_HOSTS", "is something else, too")
	r.Bad("APP_EVERY", "is too often")
	want := "BROKER_HOSTS: \"***@b\" is no host\nBROKER_PASSWORD: the value is too short"
	if err := r.Err(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if r.OK("APP_NAME", "BROKER_HOSTS") || !r.OK("APP_NAME", "APP_EVERY") {
		t.Error("OK does not tell which variables have a problem")
	}
}

func TestTable(t *testing.T) {
	got := Table(config{Name: "n", Broker: broker{Hosts: []string{"a:1", "me:secret@b:2"}, Password: "secret"}, Every: time.Second, Words: []string{"x"}})
	want := []Variable{
		{"APP_NAME", "required", "Its name.", "", "n", ""},
		{"BROKER_HOSTS", "a:1", "Where.", "Broker", "a:1,***@b:2", ""},
		{"BROKER_PASSWORD", "required", "Secret.", "Broker", "set", ""},
		{"BROKER_PASSWORD_FILE", "", "File with the value of BROKER_PASSWORD.", "Broker", "", ""},
		{"APP_EVERY", "1m", "How often.", "Loop", "1s", ""},
		{"APP_WORDS", "a,b", "Which.", "Loop", "x", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A Reader's table says where each value comes from, shows a wrong one as it was given,
// and nothing of a secret.
func TestTableOfAReader(t *testing.T) {
	long := strings.Repeat("s", longSecret)
	for _, test := range []struct {
		set  []string
		want map[string]Variable
	}{
		{[]string{"APP_NAME=n", "BROKER_PASSWORD=" + long}, map[string]Variable{
			"APP_NAME":        {Value: "n", From: FromEnvironment},
			"BROKER_HOSTS":    {Value: "a:1", From: FromDefault},
			"BROKER_PASSWORD": {Value: "set (16 characters)", From: FromEnvironment},
		}},
		{[]string{"APP_EVERY=often", "BROKER_PASSWORD=" + long[1:], "BROKER_HOSTS=me:secret@b:2"}, map[string]Variable{
			"APP_NAME":        {},
			"APP_EVERY":       {Value: "often", From: FromEnvironment},
			"BROKER_HOSTS":    {Value: "***@b:2", From: FromEnvironment},
			"BROKER_PASSWORD": {Value: "set", From: FromEnvironment},
		}},
		{[]string{"BROKER_PASSWORD_FILE=" + long}, map[string]Variable{"BROKER_PASSWORD": {From: "BROKER_PASSWORD_FILE"}}},
	} {
		var c config
		for _, v := range Read(t.Context(), &c, Environment{Set: test.set}).Table() {
			want, asked := test.want[v.Name]
			if asked && (v.Value != want.Value || v.From != want.From) {
				t.Errorf("%q: %s: got %q from %q, want %q from %q", test.set, v.Name, v.Value, v.From, want.Value, want.From)
			}
		}
	}
}

// Where the field says so, a blank variable is set, and not the default.
func TestBlank(t *testing.T) {
	for name, tt := range map[string]struct {
		set, ignored []string
		want         string
	}{
		"not set": {nil, nil, "a,b"},
		"set":     {[]string{"APP_WORDS=c"}, nil, "c"},
		"blank":   {[]string{"APP_WORDS= "}, nil, ""},
		"ignored": {[]string{"APP_WORDS="}, []string{"APP_WORDS"}, "a,b"},
	} {
		c, r := read(t, tt.ignored, tt.set...)
		if got := strings.Join(c.Words, ","); got != tt.want || r.Err() != nil {
			t.Errorf("%s: got %q and %v, want %q", name, got, r.Err(), tt.want)
		}
	}
}

// A variable that the program no longer has is a mistake, once it is set.
func TestGone(t *testing.T) {
	for value, want := range map[string]string{"": "", "x": "APP_OLD: is no longer a variable of this program: set APP_NAME"} {
		var c config
		r := Read(t.Context(), &c, Environment{
			Set: []string{"APP_NAME=n", "BROKER_PASSWORD=p", "APP_OLD=" + value}, Own: []string{"APP_"}, Gone: map[string]string{"APP_OLD": "set APP_NAME"},
		})
		if got := r.Err(); got == nil && want != "" || got != nil && got.Error() != want {
			t.Errorf("%q: got %v, want %q", value, got, want)
		}
	}
}
