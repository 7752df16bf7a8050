package access

import (
	"errors"
	"fmt"
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

// cure is how Kafka's own tool grants the right to a user.
func (e *RightError) cure(user string) string {
	if user == "" {
		user = "…"
	}
	command := fmt.Sprintf("kafka-acls.sh --bootstrap-server … --add --allow-principal User:%s --operation %s --%s %s",
		user, e.Operation, e.Resource, e.Name)
	if e.Prefixed {
		command += " --resource-pattern-type prefixed"
	}
	return command
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
