package access

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
)

// RightError says which right the broker refuses to us. Trying again makes sense,
// since the right may be granted meanwhile.
type RightError struct {
	Operation string // as Kafka's ACLs name it: Read, Write, Describe, DescribeConfigs, Create
	Resource  string // as Kafka's tool names it: topic, group, transactional-id
	Name      string
	Prefixed  bool // Name is only how the names begin
	Err       error
}

func (e *RightError) Error() string {
	return fmt.Sprintf("the right %s on %s is missing; once it is granted, the exporter continues by itself: %v",
		e.Operation, e.on(), e.Err)
}

func (e *RightError) Unwrap() error { return e.Err }

func (e *RightError) on() string {
	resource := strings.ReplaceAll(e.Resource, "-", " ")
	if e.Prefixed {
		return fmt.Sprintf("the %ss that begin with %q", resource, e.Name)
	}
	return fmt.Sprintf("the %s %q", resource, e.Name)
}

// Missing are all the rights that an error says are missing.
func Missing(err error) (all []*RightError) {
	switch of := err.(type) {
	case *RightError:
		return []*RightError{of}
	case interface{ Unwrap() error }:
		return Missing(of.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range of.Unwrap() {
			all = append(all, Missing(inner)...)
		}
	}
	return all
}

// Lacks says which right we lack.
func (c Config) Lacks(missing *RightError) string {
	return fmt.Sprintf("%s lacks the right %s on %s", c.who(), missing.Operation, missing.on())
}

// Grants are the commands by which Kafka's own tool grants rights, as few as there can
// be: one grants several operations on several resources of one kind.
func (c Config) Grants(missing ...*RightError) (commands []string) {
	var resources []string // what follows the operations, in the order of their first mention
	operations := map[string][]string{}
	for _, m := range missing {
		on := fmt.Sprintf(" --%s %s", m.Resource, word(m.Name))
		if m.Prefixed {
			on += " --resource-pattern-type prefixed"
		}
		if operations[on] == nil {
			resources = append(resources, on)
		}
		operations[on] = append(operations[on], m.Operation)
	}
	brokers, user := cmp.Or(strings.Join(c.Brokers, ","), "…"), cmp.Or(c.SASL.Username, "…")
	for len(resources) > 0 {
		first := resources[0]
		var rest []string
		command := fmt.Sprintf("kafka-acls.sh --bootstrap-server %s --add --allow-principal %s --operation %s",
			brokers, word("User:"+user), strings.Join(operations[first], " --operation "))
		for _, on := range resources {
			alike := slices.Equal(operations[on], operations[first]) && kind(on) == kind(first)
			if on == first || alike {
				command += on
			} else {
				rest = append(rest, on)
			}
		}
		commands, resources = append(commands, command), rest
	}
	return commands
}

// kind is what can be granted in one command.
func kind(resource string) string {
	flag, name, _ := strings.Cut(strings.TrimPrefix(resource, " "), " ")
	if strings.HasSuffix(name, " prefixed") {
		return resource // the pattern would hold for all resources of its command
	}
	return flag
}

// word is a text as a shell takes it for one word.
func word(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-:,=@/+…", r)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// OnTopic names the right on a topic for which a request was refused; any other
// error, and none, stays what it is.
func OnTopic(err error, operation, topic string) error {
	switch code(err) {
	case kafkago.TopicAuthorizationFailed, kafkago.ClusterAuthorizationFailed: // the latter from older brokers
		return &RightError{Operation: operation, Resource: "topic", Name: topic, Err: err}
	}
	return err
}

// OnTransactionalID is the same for a transactional id. The right on one of a ledger's is
// the right on all of them.
func OnTransactionalID(err error, id, ledger string) error {
	if code(err) != kafkago.TransactionalIDAuthorizationFailed {
		return err
	}
	missing := &RightError{Operation: "Write", Resource: "transactional-id", Name: id, Err: err}
	if prefix := ledger + "-"; strings.HasPrefix(id, prefix) {
		missing.Name, missing.Prefixed = prefix, true
	}
	return missing
}

// code is the Kafka error code in err; 0: there is none.
func code(err error) kafkago.Error {
	c, _ := errors.AsType[kafkago.Error](err)
	return c
}
