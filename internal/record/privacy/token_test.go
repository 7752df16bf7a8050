package privacy_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"airudder-exporter/internal/record/privacy"
)

func show(t testing.TB, field, mode string) func(string) string {
	t.Helper()
	c := choice(t, "open", field+":"+mode)
	f, shown := c.Show(field)
	if !shown || f == nil {
		t.Fatalf("%s as %s: got shown %v", field, mode, shown)
	}
	return f
}

// The tokens were computed by another program.
func TestTokens(t *testing.T) {
	number, text := show(t, "callee_number", "pseudonym"), show(t, "callee_name", "pseudonym+private")
	for _, tt := range []struct {
		of    func(string) string
		value string
		want  string
	}{
		{number, "+6281234567890", "k1.BO424xFNTaXa7MroPAWrsA"},
		{number, "6281234567890", "k1.BO424xFNTaXa7MroPAWrsA"},
		{number, "006281234567890", "k1.BO424xFNTaXa7MroPAWrsA"},
		{number, " +62 812-3456.7890 ", "k1.BO424xFNTaXa7MroPAWrsA"},
		{number, "tel:+62(812)34567890", "k1.BO424xFNTaXa7MroPAWrsA"},
		{number, " anonymous", "k1.9oespqd8TR2MLC469Zmigw"},
		{number, "", ""},
		{number, " ", ""},
		{text, "LN-1", "k1.eWK8gZXU72J-wrfOt3ISPg"},
		{text, " LN-1\t", "k1.eWK8gZXU72J-wrfOt3ISPg"},
		{text, "Siti", "k1.AfOxaP7BpJaNxCYcTOMN8g"},
		{text, "", ""},
	} {
		if got := tt.of(tt.value); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.value, got, tt.want)
		}
	}
	differ := []string{"081234567890", "81234567890", "0081234567890", "00", "0", "+", "anonymous", "private", "000000000"}
	seen := map[string]string{}
	for _, v := range differ {
		token := number(v)
		if other, twice := seen[token]; twice && !(v == "0081234567890" && other == "81234567890") {
			t.Errorf("%q and %q have one token", v, other)
		}
		seen[token] = v
		if !regexp.MustCompile(`^k1\.[A-Za-z0-9_-]{22}$`).MatchString(token) {
			t.Errorf("%q: got the token %q", v, token)
		}
	}
	if number("LN-1") == text("1") || number("anonymous") == text("anonymous") {
		t.Error("a number and a text have one token")
	}
}

func TestMasks(t *testing.T) {
	number, text := show(t, "callee_number", "mask"), show(t, "comments", "mask")
	for _, tt := range []struct {
		of          func(string) string
		value, want string
	}{
		{number, "+6281234567890", "**********7890"},
		{number, "+62 812-345 67 89", "************67*89"},
		{number, "12345678", "****5678"},
		{number, "1234567", "*******"},
		{number, "12345678 call Siti", "****5678**********"},
		{number, "anonymous caller", "****************"},
		{number, "٠١٢٣٤٥٦٧٨٩", "**********"},
		{number, "", ""},
		{text, "LN-2023-0042", "********0042"},
		{text, "LN-0042", "*******"},
		{text, "Łukasz Żółty", "********ółty"},
		{text, "", ""},
	} {
		if got := tt.of(tt.value); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.value, got, tt.want)
		}
	}
	for _, mode := range []string{"drop", "private"} {
		c := choice(t, "open", "callee_number:"+mode)
		if show, shown := c.Show("callee_number"); show != nil || shown {
			t.Errorf("%s is shown", mode)
		}
	}
	var open privacy.Choice
	if show, shown := open.Show("callee_number"); show != nil || !shown {
		t.Error("what is kept is not shown as it is")
	}
}

func TestKeys(t *testing.T) {
	secret := strings.Repeat("\x01s3cret\xfe", 4)
	plain := base64.StdEncoding.EncodeToString([]byte(secret))
	for _, line := range []string{
		"k1:" + plain, " k1 : " + plain + "\n", "k1:" + base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"k-2_B:" + base64.StdEncoding.EncodeToString([]byte(secret+secret)),
	} {
		key, err := privacy.ParseKey(line)
		if err != nil || !key.Set() {
			t.Errorf("%q: %v", line, err)
		}
		printed := fmt.Sprintf("%v %+v %#v %v", key, key, key, struct{ k privacy.Key }{key})
		if strings.Contains(printed, "s3cret") || strings.Contains(printed, "115 51") || strings.Contains(printed, "0x73, 0x33") {
			t.Errorf("a key is printed as %s", printed)
		}
	}
	const give = ": give one line such as k1:BASE64, where `openssl rand -base64 32` makes the BASE64"
	for line, want := range map[string]string{
		"":                            "has no name before a colon" + give,
		plain:                         "has no name before a colon" + give,
		plain + ":k1":                 "has a name that is not 1 to 32 letters, digits, - or _" + give,
		"k.1:" + plain:                "has a name that is not 1 to 32 letters, digits, - or _" + give,
		"k1:" + plain[:20]:            "has 15 bytes after the name, at least 32 are needed" + give,
		"k1:":                         "has 0 bytes after the name, at least 32 are needed" + give,
		"k1:" + plain + "!":           "is not base64 after the name" + give,
		"k1:" + plain + "\nk2:x":      "has more than one line" + give,
		"k1:" + plain + "\r\nk1:more": "has more than one line" + give,
	} {
		key, err := privacy.ParseKey(line)
		if err == nil || err.Error() != want || key.Set() {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}

func BenchmarkPseudonym(b *testing.B) {
	token := show(b, "callee_number", "pseudonym")
	b.ReportAllocs()
	for b.Loop() {
		token("+62 812-3456-7890")
	}
}
