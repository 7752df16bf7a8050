package setting

import (
	"testing"
	"time"
)

// Each rule says nothing of what is right, and one sentence of what is wrong.
func TestCheck(t *testing.T) {
	var right Check
	right.Positive("Wait", time.Second)
	right.AtLeastOne("Count", 1)
	right.NotBelow("Max", time.Minute, "Min", time.Minute)
	right.Together("User", "", "Password", "")
	right.Together("User", "u", "Password", "p")
	right.URL("Base", "https://host/path", "https://host", "")
	for _, p := range right.Problems {
		t.Errorf("of what is right it says %v", p)
	}
	for want, rule := range map[string]func(c *Check){
		`Wait: "0s" is not above 0: give a duration such as 1m or 30s`: func(c *Check) { c.Positive("Wait", 0) },
		`Count: "0" is out of range: give 1 or more`:                   func(c *Check) { c.AtLeastOne("Count", 0) },
		`Max: "1s" is below Min, 2s: give at least as much`:            func(c *Check) { c.NotBelow("Max", time.Second, "Min", 2*time.Second) },
		`Password: is required with User`:                              func(c *Check) { c.Together("User", "u", "Password", "") },
		`User: is required with Password`:                              func(c *Check) { c.Together("User", "", "Password", "p") },
		`Base: "host" is not an absolute http or https URL: give one such as https://host`: func(c *Check) {
			c.URL("Base", "host", "https://host", "")
		},
		`Base: "***@host" holds a user name: give the URL alone, and the user as User`: func(c *Check) {
			c.URL("Base", "https://me:secret@host", "https://host", ", and the user as User")
		},
	} {
		var c Check
		rule(&c)
		if len(c.Problems) != 1 || c.Problems[0].Error() != want {
			t.Errorf("got %v, want %s", c.Problems, want)
		}
	}
}

func TestIsHostPort(t *testing.T) {
	for address, want := range map[string]bool{
		"kafka:9092": true, "[::1]:9092": true, "kafka": false, ":9092": false, "kafka:0": false, "kafka:port": false,
		"me@kafka:9092": false, "http://kafka:9092": false, "a\nkafka:9092": false, "": false,
	} {
		if got := IsHostPort(address); got != want {
			t.Errorf("IsHostPort(%q): got %v, want %v", address, got, want)
		}
	}
}
