package env

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// secretFile writes a file and returns its path.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	blanks   = ": the value begins or ends with blanks, which are taken as part of it: remove them if they are not"
	newlines = "BROKER_PASSWORD_FILE: the file ends with several newlines, which are cut off: leave one or none"
)

func TestSecrets(t *testing.T) {
	for _, test := range []struct{ name, text, want, fileWarning, variableWarning string }{
		{name: "plain", text: "s3cret", want: "s3cret"},
		{name: "with a byte-order mark", text: "\ufeffs3cret", want: "s3cret"},
		{name: "with blanks", text: " s3cret\t", want: " s3cret\t", fileWarning: "BROKER_PASSWORD_FILE" + blanks, variableWarning: "BROKER_PASSWORD" + blanks},
		{name: "with blanks inside", text: "s3 cret", want: "s3 cret"},
		{name: "not UTF-8", text: "s3\xffcret", want: "s3\xffcret"},
	} {
		check := func(warning string, set ...string) {
			t.Helper()
			var c config
			r := Read(t.Context(), &c, Environment{Set: append(set, "APP_NAME=n"), Own: []string{"APP_"}, Shared: []string{"BROKER_"}})
			if err := r.Err(); err != nil || c.Broker.Password != test.want {
				t.Errorf("%s: got %q (%v), want %q", test.name, c.Broker.Password, err, test.want)
			}
			if want := strings.Fields(warning); len(want) > 0 != (len(r.Warnings()) > 0) || len(want) > 0 && !slices.Equal(r.Warnings(), []string{warning}) {
				t.Errorf("%s: got warnings %q, want %q", test.name, r.Warnings(), warning)
			}
		}
		check(test.variableWarning, "BROKER_PASSWORD="+test.text)
		for _, end := range []string{"", "\n", "\r\n"} {
			check(test.fileWarning, "BROKER_PASSWORD_FILE="+secretFile(t, test.text+end))
		}
		if test.fileWarning == "" {
			check(newlines, "BROKER_PASSWORD_FILE="+secretFile(t, test.text+"\n\n"))
		}
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	empty, marked, wide, large := secretFile(t, ""), secretFile(t, "\ufeff\n \n"), secretFile(t, "\xff\xfes\x00"), secretFile(t, strings.Repeat("x", maxSecret+1))
	for path, want := range map[string]string{
		dir:         `"` + dir + `" is a directory: give the path of a file that holds the value`,
		empty:       `the file "` + empty + `" is empty: write the value into it`,
		marked:      `the file "` + marked + `" is empty: write the value into it`,
		wide:        `the file "` + wide + `" is UTF-16: write it as UTF-8`,
		large:       `the file "` + large + `" is larger than 65536 bytes: give one that holds the value alone`,
		"/dev/zero": `the file "/dev/zero" is larger than 65536 bytes: give one that holds the value alone`,
	} {
		if _, err := os.Stat(path); err != nil {
			continue // no /dev/zero
		}
		var c config
		r := Read(t.Context(), &c, Environment{Set: []string{"APP_NAME=n", "BROKER_PASSWORD_FILE=" + path}})
		if err := r.Err(); err == nil || err.Error() != "BROKER_PASSWORD: cannot be read from BROKER_PASSWORD_FILE: "+want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
	if got, err := readSecret(t.Context(), secretFile(t, strings.Repeat("x", maxSecret)), time.Minute); err != nil || len(got) != maxSecret {
		t.Errorf("of the longest secret %d bytes were read: %v", len(got), err)
	}
}

// A variable that holds a byte-order mark and nothing else is not set.
func TestSecretOfAMarkAlone(t *testing.T) {
	var c config
	r := Read(t.Context(), &c, Environment{Set: []string{"APP_NAME=n", "BROKER_PASSWORD=\ufeff"}})
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "BROKER_PASSWORD: is required") {
		t.Errorf("got %v", err)
	}
}

// Nothing is read, not even a plain file, once the program is told to end.
func TestSecretAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readSecret(ctx, secretFile(t, "s3cret"), time.Minute); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
