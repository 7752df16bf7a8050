package access

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

func TestExplain(t *testing.T) {
	c := Config{SASL: SASL{Username: "exporter", Mechanism: Plain}}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("something else"), "something else"},
		{&net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 40312}, Addr: &net.TCPAddr{Port: 9092}, Err: os.ErrDeadlineExceeded},
			"nobody answers in time: is the address in Brokers (or in the brokers' advertised.listeners) right, and is no firewall in between? (read tcp :9092: i/o timeout)"},
		{kafkago.TopicAuthorizationFailed, `the Kafka user "exporter" lacks a right on a topic: it needs Read, Write and Describe on "l"`},
		{kafkago.ClusterAuthorizationFailed, `the Kafka user "exporter" lacks a right on the cluster`},
		{kafkago.TransactionalIDAuthorizationFailed, `the Kafka user "exporter" lacks the right Write on the transactional ids: grant it on the prefix "l-"`},
		{OnTopic(kafkago.TopicAuthorizationFailed, "Read", "l"), `the Kafka user "exporter" lacks the right Read on the topic "l": grant it, for example with kafka-acls.sh --bootstrap-server … --add --allow-principal User:exporter --operation Read --topic l; the exporter`},
		{fmt.Errorf("fence: %w", OnTransactionalID(kafkago.TransactionalIDAuthorizationFailed, "l-0", "l")), `the Kafka user "exporter" lacks the right Write on the transactional ids that begin with "l-": grant it, for example with kafka-acls.sh --bootstrap-server … --add --allow-principal User:exporter --operation Write --transactional-id l- --resource-pattern-type prefixed; the exporter`},
		{kafkago.UnsupportedSASLMechanism, "the broker does not offer SASL.Mechanism PLAIN on this listener: try another of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"},
		{kafkago.IllegalSASLState, "the broker takes no SASL on this listener"},
		{fmt.Errorf("ask: %w", io.ErrUnexpectedEOF), "the broker ends the connection without a word"},
		{&net.DNSError{Name: "kafka.example", IsNotFound: true}, `the name "kafka.example"`},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(42)}, "the broker wants a client certificate"},
		{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, "the broker ends the TLS handshake with alert 40"},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), "nobody answers in time"},
		{kafkago.MessageSizeTooLarge, "a topic takes less than the exporter wrote: set its max.message.bytes to 1048588 or more"},
		{kafkago.InvalidTimestamp, "a topic refuses the time that the records bear, which is this machine's: set the clocks"},
		{fmt.Errorf("join: %w", kafkago.InconsistentGroupProtocol), "the consumer group has a member that is no exporter: find it with"},
		{context.Canceled, context.Canceled.Error()},
	} {
		if got := c.Explain(test.err, "l"); !strings.HasPrefix(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// A token that is refused, and one that is not there.
func TestExplainToken(t *testing.T) {
	c := Config{SASL: SASL{Mechanism: OAuthBearer, TokenSource: "file"}}
	err := fmt.Errorf("%w: {\"status\":\"invalid_token\"}", kafkago.SASLAuthenticationFailed)
	want := `the broker refuses the token of SASL.Token.Source file (invalid_token): it has ended, or has another issuer, audience or user than the broker wants, or other extensions (` + err.Error() + ")"
	if got := c.Explain(err, "l"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := c.Explain(fmt.Errorf("failed to dial: %w", &TokenError{errors.New("the file is empty")}), "l"); got != "the file is empty" {
		t.Errorf("got %q", got)
	}
}

// Once the brokers have taken what was asked of them, an outage is no setting's fault.
func TestExplainOutage(t *testing.T) {
	c := Config{Reached: true, TLS: TLS{Enabled: true}, SASL: SASL{Username: "exporter", Mechanism: Plain},
		SettingName: func(field string) string { return "THE_SETTING_" + field }}
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNREFUSED, context.DeadlineExceeded,
		&net.DNSError{Name: "kafka.example", IsNotFound: true},
	} {
		err = fmt.Errorf("produce: %w", err)
		if got := c.Explain(err, "l"); strings.Contains(got, "THE_SETTING") || !strings.HasSuffix(got, " ("+err.Error()+")") || !strings.HasPrefix(got, "the broker") {
			t.Errorf("%v: got %q", err, got)
		}
	}
	if got := c.Explain(kafkago.SASLAuthenticationFailed, "l"); !strings.Contains(got, "THE_SETTING_SASL.Password") {
		t.Errorf("a password that was changed: got %q", got)
	}
}
