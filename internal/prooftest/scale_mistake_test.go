package prooftest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"airudder-exporter/internal/rig"
)

// TestTwoDeploymentsByMistake has two exporters write one ledger that do not know
// of each other: both take every shard, or one does and the other is a member
// of the group. They fence each other, with longer and longer rests; each says
// so in one line with both identities, and in /readyz; nothing doubles.
func TestTwoDeploymentsByMistake(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"all", "group"} {
		t.Run("all and "+mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, renewed(81), nil)
			one, two := w.exporter("one", "KAFKA_ASSIGNMENT=all"), w.exporter("two", "KAFKA_ASSIGNMENT="+mode)
			w.play(5)
			one.Start()
			w.awaitMore(1)
			two.Start()
			ready := ""
			rig.Eventually(t, "the loser's /readyz, red and with both identities", rig.Patience, func() bool {
				var code int
				code, ready = one.Page("/readyz")
				return code == http.StatusServiceUnavailable && namesBoth(ready, one, two)
			})
			rig.Eventually(t, "each being fenced by the other", rig.Patience, func() bool {
				return len(takeovers(one, two)) > 0 && len(takeovers(two, one)) > 0
			})
			w.settle()
			t.Logf("the first was fenced %d times, the second %d times; /readyz: %s", len(takeovers(one, two)), len(takeovers(two, one)), ready)
			w.check(nil)
		})
	}
}

// takeovers are the lines of an exporter's log that tell that the other took a
// shard over from it, and name both.
func takeovers(c, by *child) (lines []string) {
	for line := range strings.Lines(string(c.Logged())) {
		if strings.Contains(line, "taken over by another exporter") && namesBoth(line, c, by) {
			lines = append(lines, line)
		}
	}
	return lines
}

func namesBoth(text string, one, two *child) bool {
	return strings.Contains(text, fmt.Sprintf("pid %d,", one.PID())) && strings.Contains(text, fmt.Sprintf("pid %d,", two.PID())) &&
		strings.Count(text, "instance ") == 2
}
