package prooftest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestExactlyTheseRights runs exporters whose user has the rights that
// deploy/OPERATING.md lists and no other: they export, are killed, recover, and what they
// leave is checked. The command check finds nothing missing.
func TestExactlyTheseRights(t *testing.T) {
	t.Parallel()
	for _, assignment := range []string{"group", "all"} {
		for _, create := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, create %v", assignment, create), func(t *testing.T) {
				t.Parallel()
				g := newGuarded(t, changing(uint64(len(assignment))))
				var settings []string
				if assignment == "group" { // with every topic that there can be
					g.Topics.Changes()
					settings = g.lender()
				}
				g.grant(rightsOn(g.Topics, assignment, create)...)
				if !create {
					g.makeTopics()
				}
				one := g.exporter("one", append(settings, "KAFKA_ASSIGNMENT="+assignment, fmt.Sprint("KAFKA_CREATE_TOPICS=", create))...)
				g.play(10)
				one.Start()
				for range 3 {
					g.awaitMore(4)
					one.Kill()
					one.Start()
				}
				g.settle()
				g.check(nil)
				out, code := one.Run([]string{"check"})
				if code != 0 || !strings.Contains(out, "all rights that a run needs are granted") {
					t.Errorf("check ended with %d:\n%s", code, out)
				}
			})
		}
	}
}

// TestAllRightsMissing: check names every right that is missing in one round, and the
// commands that it prints grant exactly what is needed.
func TestAllRightsMissing(t *testing.T) {
	t.Parallel()
	for _, create := range []bool{true, false} {
		t.Run(fmt.Sprint("create ", create), func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, renewed(8))
			if !create {
				g.makeTopics()
			}
			one := g.exporter("one", "KAFKA_ASSIGNMENT=group", fmt.Sprint("KAFKA_CREATE_TOPICS=", create))
			out, code := one.Run([]string{"check"})
			if code != 1 {
				t.Errorf("check without any right ended with %d", code)
			}
			for _, r := range rightsOn(g.Topics, "group", create) {
				if strings.Count(out, "lacks the right "+r.String()) != 1 {
					t.Errorf("check does not name %s once", r)
				}
			}
			// A topic that we may write to is no longer hidden, though it may not exist.
			seen := right{kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic, g.Topics.Ledger, false}
			g.grant(seen)
			again, _ := one.Run([]string{"check"})
			for _, r := range rightsOn(g.Topics, "group", create) {
				if strings.Contains(again, "lacks the right "+r.String()) != (r != seen) {
					t.Errorf("with %s check names %s: %v", seen, r, r == seen)
				}
			}
			g.revoke(seen)
			g.obey(out)
			if len(g.rights) != len(rightsOn(g.Topics, "group", create)) {
				t.Errorf("the commands grant %d rights:\n%s", len(g.rights), out)
			}
			if out, code = one.Run([]string{"check"}); code != 0 || !strings.Contains(out, "all rights that a run needs are granted") {
				t.Errorf("check with what it asked for ended with %d:\n%s", code, out)
			}
		})
	}
}

// obey grants what the commands in a text grant.
func (g *guarded) obey(text string) {
	g.T.Helper()
	operations := map[string]kmsg.ACLOperation{}
	for operation, name := range operationNames {
		operations[name] = operation
	}
	resources := map[string]kmsg.ACLResourceType{
		"--topic": kmsg.ACLResourceTypeTopic, "--group": kmsg.ACLResourceTypeGroup, "--transactional-id": kmsg.ACLResourceTypeTransactionalId,
	}
	var granted []right
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "kafka-acls.sh --bootstrap-server "+os.Getenv("TEST_KAFKA_SECURE_BROKERS")+
			" --add --allow-principal User:"+g.user+" ")
		if !ok {
			continue
		}
		words := strings.Fields(command)
		var on []kmsg.ACLOperation
		for i := 0; i+1 < len(words); i += 2 {
			flag, value := words[i], words[i+1]
			if flag == "--operation" {
				on = append(on, operations[value])
			}
			for _, operation := range on {
				if resource, ok := resources[flag]; ok {
					granted = append(granted, right{operation, resource, value, strings.Contains(command, "--resource-pattern-type prefixed")})
				}
			}
		}
	}
	g.grant(granted...)
}

// TestEachRightMissing takes each of those rights away, one at a time: check
// names it, and so do the log and /readyz of an exporter that starts, which
// goes on by itself when it is granted. Taken away from an exporter at work it
// is named again, and nothing is lost.
func TestEachRightMissing(t *testing.T) {
	t.Parallel()
	for i, r := range rightsOn(rig.Topics{Events: "events", Status: "status", Dead: "dead letters", Ledger: "ledger"}, "group", true) {
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, renewed(7))
			g.withAndWithout(rightsOn(g.Topics, "group", true)[i])
		})
	}
}

func (g *guarded) withAndWithout(r right) {
	t := g.T
	t.Helper()
	if r.operation != kmsg.ACLOperationCreate {
		g.makeTopics()
	}
	g.grant(without(rightsOn(g.Topics, "group", true), r)...)
	one := g.exporter("one", "KAFKA_ASSIGNMENT=group")
	advice := r.operation == kmsg.ACLOperationDescribeConfigs // it can do without
	out, code := one.Run([]string{"check"})
	if (code == 0) != advice || strings.Count(out, r.String()) == 0 {
		t.Errorf("check ended with %d and does not name %s:\n%s", code, r, out)
	}
	g.play(10)
	said := watchHealth(one)
	one.Start()
	seals := r == right{kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, g.Topics.Events, false}
	if seals { // nothing else needs it
		g.awaitMore(4)
	} else {
		g.awaitNamed(one, 0, r)
	}
	if !advice && !seals {
		red := 0 // so often that the exporter has tried again a few times
		rig.Eventually(t, "red readiness", rig.Patience, func() bool {
			for _, sentence := range said.takeRed() {
				if r.explains(sentence) {
					red++
				}
			}
			return red >= 60
		})
	}
	g.grant(r)
	g.awaitMore(4)
	again := len(one.Logged())
	if r.bitesAtWork(g.Topics) {
		one.Kill() // the log of a new process says it again
		one.Start()
		g.awaitMore(4)
		g.revoke(r)
		g.awaitNamed(one, again, r)
		g.grant(r)
		before := time.Now()
		g.awaitNext(before, "with "+r.String()+" again")
	}
	g.settle()
	for _, log := range [][]byte{one.Logged()[:again], one.Logged()[again:]} {
		if named := r.named(log); len(named) > 3 {
			t.Errorf("the log names %s %d times:\n%s", r, len(named), bytes.Join(named, nil))
		}
	}
	g.check(nil)
}

// explains reports whether a sentence of /readyz is about the right. That the
// group does not answer is all that is known there; the log says why.
func (r right) explains(sentence string) bool {
	return strings.Contains(sentence, r.String()) ||
		r.resource == kmsg.ACLResourceTypeGroup && strings.Contains(sentence, "waiting for the consumer group")
}

// bitesAtWork reports whether an exporter at work soon needs the right again.
func (r right) bitesAtWork(t rig.Topics) bool {
	return r.resource != kmsg.ACLResourceTypeTopic || r.operation == kmsg.ACLOperationWrite && (r.name == t.Events || r.name == t.Ledger)
}

// awaitNamed waits until the log names the right.
func (g *guarded) awaitNamed(c *child, from int, r right) {
	g.T.Helper()
	rig.Eventually(g.T, "the log to name "+r.String(), rig.Patience, func() bool { return len(r.named(c.Logged()[from:])) > 0 })
}

// named are the warnings that name the right: one, or a few where it is refused at
// several steps.
func (r right) named(log []byte) (lines [][]byte) {
	for line := range bytes.Lines(bytes.ReplaceAll(log, []byte(`\"`), []byte(`"`))) {
		if bytes.Contains(line, []byte(`"level":"WARN"`)) && bytes.Contains(line, []byte(r.String())) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestRightsOfTail: Read on the one topic is enough to read it, and is named
// where it is missing.
func TestRightsOfTail(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, renewed(9))
	one := g.world.exporter("one")
	g.play(10)
	one.Start()
	g.awaitMore(10)
	g.settle()
	reader := g.exporter("reader", "LOG_LEVEL=warn")
	for _, topic := range []struct{ flag, name string }{{"events", g.Topics.Events}, {"status", g.Topics.Status}, {"ledger", g.Topics.Ledger}} {
		read := right{kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, topic.name, false}
		out, code := reader.Run([]string{"tail", "--topic", topic.flag})
		if code == 0 || !strings.Contains(out, read.String()) {
			t.Errorf("tail of %s without a right ended with %d:\n%s", topic.flag, code, out)
		}
		g.grant(read)
		g.tailed(reader, topic.flag)
		g.revoke(read)
	}
}

// tailed reads a topic with tail until a line has come.
func (g *guarded) tailed(c *child, topic string) {
	g.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	line := &firstLine{came: cancel}
	cmd := c.Command(ctx, "tail", "--from-start", "--topic", topic)
	cmd.Stdout = line
	err := cmd.Run() // ends with the context
	if !bytes.HasPrefix(line.text, []byte("{")) {
		g.T.Errorf("tail of %s printed %q and ended with %v", topic, line.text, err)
	}
}

// firstLine takes what is written up to a first whole line, and tells that it
// came.
type firstLine struct {
	text []byte
	came func()
}

func (f *firstLine) Write(p []byte) (int, error) {
	f.text = append(f.text, p...)
	if bytes.ContainsRune(f.text, '\n') {
		f.came()
	}
	return len(p), nil
}

// TestRightsOfAudit: Read on three topics is enough, and where one is missing, it is named.
func TestRightsOfAudit(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, renewed(10))
	one := g.world.exporter("one")
	g.play(10)
	one.Start()
	g.awaitMore(10)
	g.settle()
	auditor := g.exporter("auditor", "LOG_LEVEL=warn")
	var rights []right
	for _, topic := range []string{g.Topics.Events, g.Topics.Status, g.Topics.Ledger} {
		rights = append(rights, right{kmsg.ACLOperationRead, kmsg.ACLResourceTypeTopic, topic, false})
	}
	for _, missing := range rights {
		g.grant(without(rights, missing)...)
		out, code := auditor.Run([]string{"audit"})
		t.Logf("%d: %s", code, out)
		if code != 2 || !strings.Contains(out, missing.String()) {
			t.Errorf("an audit without the right %s ended with %d:\n%s", missing, code, out)
		}
		g.revoke(without(rights, missing)...)
	}
	g.grant(rights...)
	if out, code := auditor.Run([]string{"audit"}); code != 0 || !strings.Contains(out, "nothing was found") {
		t.Errorf("an audit with its rights ended with %d:\n%s", code, out)
	}
}
