package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Explain turns an error of a broker into a sentence that says what is wrong
// and which setting or right would cure it; an error that it does not know
// keeps its own text. Connection errors are told apart only by the first metadata
// request: a produce or a fetch says no more than "topic not found" while there
// is no metadata.
func (c *Client) Explain(err error) string { return c.cfg.Security.explain(err, c.cfg.LedgerTopic) }

// explain does so for a ledger topic, from whose name transactional ids and the
// group have theirs.
func (s Security) explain(err error, ledger string) string {
	if err == nil {
		return ""
	}
	sentence := s.explainRight(err)
	if sentence == "" {
		sentence = s.explainCode(err, ledger)
	}
	if sentence == "" {
		sentence = s.explainTLS(err)
	}
	if sentence == "" {
		sentence = s.explainNetwork(err)
	}
	text := ownPort.ReplaceAllString(err.Error(), " ")
	if sentence == "" {
		return text
	}
	return sentence + " (" + text + ")"
}

// ownPort is our end of a connection in an error of net, as in "read tcp
// 10.0.0.1:40312->10.0.0.2:9092": another one at each try, so that the same
// trouble would be news each time.
var ownPort = regexp.MustCompile(` \S+->`)

// explainCode knows the broker's own answers.
func (s Security) explainCode(err error, ledger string) string {
	code, ok := errors.AsType[kafkago.Error](err)
	if !ok {
		return ""
	}
	who := s.who()
	switch code {
	case kafkago.SASLAuthenticationFailed:
		return fmt.Sprintf("the broker refuses KAFKA_SASL_USERNAME %q with KAFKA_SASL_PASSWORD by %s: the user, the password or the mechanism is another there", s.Username, s.Mechanism)
	case kafkago.UnsupportedSASLMechanism:
		return fmt.Sprintf("the broker does not offer KAFKA_SASL_MECHANISM %s on this listener: try another of %s, %s, %s, or another port in KAFKA_BROKERS", s.Mechanism, Plain, ScramSHA256, ScramSHA512)
	case kafkago.IllegalSASLState:
		return "the broker takes no SASL on this listener: leave KAFKA_SASL_MECHANISM empty, or use another port in KAFKA_BROKERS"
	case kafkago.TopicAuthorizationFailed:
		return fmt.Sprintf("%s lacks a right on a topic: it needs Read, Write and Describe on %q and Write and Describe on the other topics; DescribeConfigs on all of them for the check, Create with KAFKA_CREATE_TOPICS=true", who, ledger)
	case kafkago.GroupAuthorizationFailed:
		return fmt.Sprintf("%s lacks the right Read on the group %q: grant it, or set KAFKA_ASSIGNMENT=all", who, GroupID(ledger))
	case kafkago.TransactionalIDAuthorizationFailed:
		return fmt.Sprintf("%s lacks the right Write on the transactional ids: grant it on the prefix %q", who, ledger+"-")
	case kafkago.ClusterAuthorizationFailed:
		return fmt.Sprintf("%s lacks a right on the cluster: Create with KAFKA_CREATE_TOPICS=true (Create on the topics is enough); without that right Write on %q and the event topics is missing", who, ledger)
	}
	return explainPassing(code)
}

// explainPassing knows the codes by which a cluster in motion answers.
func explainPassing(code kafkago.Error) string {
	switch int(code) {
	case codeConcurrent:
		return "the shard's last transaction is not ended everywhere yet: a broker that leads one of its partitions is down or hangs, or the partition has too few replicas in sync (min.insync.replicas)"
	case 14, 15, 16:
		return "the cluster has no coordinator for it just now: a broker is gone or starting, or its inner topic (__transaction_state, __consumer_offsets) has too few replicas in sync"
	case 5, 6:
		return "a partition has another leader, or none: a broker has just gone or come"
	case 7:
		return "the replicas did not confirm in time: a broker hangs or lags"
	case int(kafkago.BrokerNotAvailable):
		return "the broker in charge is not in the cluster just now: it is down or starting"
	case 19, 20:
		return "too few replicas are in sync (min.insync.replicas): a broker is down or lags"
	}
	return ""
}

// who is the user that the broker knows us as.
func (s Security) who() string {
	if s.Username == "" {
		return "the exporter"
	}
	return fmt.Sprintf("the Kafka user %q", s.Username)
}

// explainRight names the right that is missing, and its cure; of several the
// first.
func (s Security) explainRight(err error) string {
	missing, ok := errors.AsType[*RightError](err)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s lacks the right %s on %s: grant it, as by %s, and this goes on by itself", s.who(), missing.Operation, missing.on(), missing.cure(s.Username))
}

// explainTLS knows what the handshake says, on our side and from the broker's.
func (s Security) explainTLS(err error) string {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the broker's certificate%s is signed by a CA that is not known here: put that CA's certificate into KAFKA_TLS_CA_FILE (now %s)", issuer(unknown.Cert), orSystem(s.CAFile))
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the broker's certificate is not for the name %q that it is reached by: use a name of the certificate in KAFKA_BROKERS and in the brokers' advertised.listeners", name.Host)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired && invalid.Cert != nil {
			return fmt.Sprintf("the broker's certificate is valid from %s to %s only: it must be renewed (or the clock here is wrong)", invalid.Cert.NotBefore.UTC().Format("2006-01-02"), invalid.Cert.NotAfter.UTC().Format("2006-01-02"))
		}
		return "the broker's certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the broker's listener does not speak TLS: set KAFKA_TLS_ENABLED=false, or use its TLS port in KAFKA_BROKERS"
	}
	if strings.Contains(err.Error(), "expecting TLS") {
		return "the broker's listener wants TLS: set KAFKA_TLS_ENABLED=true, or use its plain port in KAFKA_BROKERS"
	}
	return s.explainAlert(err)
}

// explainAlert knows the alerts by which a broker refuses a client certificate.
func (s Security) explainAlert(err error) string {
	alert, ok := errors.AsType[tls.AlertError](err)
	text := err.Error()
	if !ok && !strings.Contains(text, "remote error: tls:") {
		return ""
	}
	switch {
	case s.CertFile == "" && (strings.Contains(text, "certificate required") || strings.Contains(text, "bad certificate")):
		return "the broker wants a client certificate: set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE"
	case strings.Contains(text, "certificate") || strings.Contains(text, "unknown authority"):
		return fmt.Sprintf("the broker refuses the client certificate in KAFKA_TLS_CERT_FILE %q%s", s.CertFile, s.lapsed(time.Now()))
	case ok:
		return fmt.Sprintf("the broker ends the TLS handshake with alert %d", uint8(alert))
	}
	return "the broker ends the TLS handshake"
}

// lapsed says that the client certificate is not valid now, where that is so.
func (s Security) lapsed(now time.Time) string {
	pair, err := s.clientCertificate()
	if err != nil || pair == nil || pair.Leaf == nil || !now.Before(pair.Leaf.NotBefore) && !now.After(pair.Leaf.NotAfter) {
		return ""
	}
	return fmt.Sprintf(": it is valid from %s to %s only, and must be renewed (or the clock here is wrong); a new file needs no restart",
		pair.Leaf.NotBefore.UTC().Format(time.DateOnly), pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
}

// explainNetwork knows that nobody answers, or somebody else.
func (s Security) explainNetwork(err error) string {
	var timeout net.Error
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the name %q of KAFKA_BROKERS (or of the brokers' advertised.listeners) is not known here", dns.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the address: is the broker up, and is KAFKA_BROKERS right?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the broker ends the connection without a word: " + s.suspects()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nobody answers in time: is the address in KAFKA_BROKERS (or in the brokers' advertised.listeners) right, and is no firewall in between?"
	}
	return ""
}

// suspects are the likely reasons for which a broker hangs up.
func (s Security) suspects() string {
	maybe := []string{"it is stopping or has died"}
	if s.TLSEnabled {
		maybe = append(maybe, "its listener does not speak TLS (KAFKA_TLS_ENABLED)")
	} else {
		maybe = append(maybe, "its listener wants TLS (KAFKA_TLS_ENABLED)")
	}
	if s.Mechanism == "" {
		maybe = append(maybe, "its listener wants SASL (KAFKA_SASL_MECHANISM)")
	} else {
		maybe = append(maybe, fmt.Sprintf("it refuses KAFKA_SASL_USERNAME %q with KAFKA_SASL_PASSWORD by %s", s.Username, s.Mechanism))
	}
	return strings.Join(maybe, ", or ")
}

func issuer(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	return fmt.Sprintf(" (issued by %q)", cert.Issuer.String())
}

func orSystem(file string) string {
	if file == "" {
		return "empty: the system's CAs"
	}
	return fmt.Sprintf("%q", file)
}
