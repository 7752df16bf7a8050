package access

import (
	"cmp"
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

	"airudder-exporter/internal/certs"
)

// Explain turns an error of a broker into a sentence that says what is wrong
// and which setting or right would cure it; an error that it does not know
// keeps its own text. Transactional ids have their names from the ledger's.
func (c Config) Explain(err error, ledger string) string {
	if err == nil {
		return ""
	}
	if token, ok := errors.AsType[*TokenError](err); ok {
		return token.Error()
	}
	text := ownPort.ReplaceAllString(err.Error(), " ")
	for _, know := range []func(error) string{
		c.explainRight, c.explainToken, func(err error) string { return c.explainCode(err, ledger) }, c.explainTLS, c.explainNetwork,
	} {
		if sentence := know(err); sentence != "" {
			return sentence + " (" + text + ")"
		}
	}
	return text
}

// ownPort is our end of a connection in an error of net, as in "read tcp
// 10.0.0.1:40312->10.0.0.2:9092": another one at each attempt, so that the same
// trouble would look new each time.
var ownPort = regexp.MustCompile(` \S+->`)

// explainCode knows the broker's own answers.
func (c Config) explainCode(err error, ledger string) string {
	who, brokers, mechanism := c.who(), c.Setting("Brokers"), c.Setting("SASL.Mechanism")
	switch code(err) {
	case kafkago.SASLAuthenticationFailed:
		return fmt.Sprintf("the broker refuses %s: the user, the password or the mechanism differs there", c.credentials())
	case kafkago.UnsupportedSASLMechanism:
		return fmt.Sprintf("the broker does not offer %s %s on this listener: try another of %s, or another port in %s",
			mechanism, c.SASL.Mechanism, mechanisms, brokers)
	case kafkago.IllegalSASLState:
		return fmt.Sprintf("the broker takes no SASL on this listener: leave %s empty, or use another port in %s",
			mechanism, brokers)
	case kafkago.TopicAuthorizationFailed:
		return fmt.Sprintf("%s lacks a right on a topic: "+
			"it needs Read, Write and Describe on %q and Write and Describe on the other topics; "+
			"DescribeConfigs on all of them for the check, Create with %s=true", who, ledger, c.Setting("CreateTopics"))
	case kafkago.TransactionalIDAuthorizationFailed:
		return fmt.Sprintf("%s lacks the right Write on the transactional ids: grant it on the prefix %q", who, ledger+"-")
	case kafkago.ClusterAuthorizationFailed:
		return fmt.Sprintf("%s lacks a right on the cluster: Create with %s=true (Create on the topics is enough); "+
			"without that right Write on %q and the event topics is missing", who, c.Setting("CreateTopics"), ledger)
	}
	return cmp.Or(explainSettings(err), explainPassing(err))
}

// explainSettings knows the codes by which a topic refuses what it is not set for.
func explainSettings(err error) string {
	switch code(err) {
	case kafkago.MessageSizeTooLarge:
		return "a topic takes less than the exporter wrote: set its max.message.bytes to 1048588 or more, " +
			"or grant the right DescribeConfigs, by which the exporter knows what the topic takes"
	case kafkago.InvalidTimestamp:
		return "a topic refuses the time that the records bear, which is this machine's: " +
			"set the clocks of this machine and of the brokers right, or widen the topic's " +
			"message.timestamp.before.max.ms and message.timestamp.after.max.ms " +
			"(message.timestamp.difference.max.ms on older brokers)"
	case kafkago.InconsistentGroupProtocol:
		return "the consumer group has a member that is no exporter: " +
			"find it with kafka-consumer-groups.sh --describe --members, and stop it or give it another group.id"
	}
	return ""
}

// explainPassing knows the codes by which a cluster in motion answers.
func explainPassing(err error) string {
	switch code(err) {
	case kafkago.ConcurrentTransactions:
		return "the shard's last transaction has not ended everywhere yet: " +
			"a broker that leads one of its partitions is down or hangs, " +
			"or the partition has too few replicas in sync (min.insync.replicas)"
	case kafkago.GroupLoadInProgress, kafkago.GroupCoordinatorNotAvailable, kafkago.NotCoordinatorForGroup:
		return "the cluster has no coordinator for it just now: a broker is gone or starting, " +
			"or its inner topic (__transaction_state, __consumer_offsets) has too few replicas in sync"
	case kafkago.LeaderNotAvailable, kafkago.NotLeaderForPartition:
		return "a partition has another leader, or none: a broker has just gone or come"
	case kafkago.RequestTimedOut:
		return "the replicas did not confirm in time: a broker hangs or lags"
	case kafkago.BrokerNotAvailable:
		return "the broker in charge is not in the cluster just now: it is down or starting"
	case kafkago.NotEnoughReplicas, kafkago.NotEnoughReplicasAfterAppend:
		return "too few replicas are in sync (min.insync.replicas): a broker is down or lags"
	}
	return ""
}

// Passing reports whether err comes from the network or from a cluster in motion:
// it differs from one moment to the next, and ends by itself.
func Passing(err error) bool { return code(err) == 0 || explainPassing(err) != "" }

// who is the user as which the broker knows us.
func (c Config) who() string {
	if c.SASL.Username == "" {
		return "the exporter"
	}
	return fmt.Sprintf("the Kafka user %q", c.SASL.Username)
}

// credentials are what the broker may refuse, the password by its name alone.
func (c Config) credentials() string {
	if c.SASL.Mechanism == OAuthBearer {
		return fmt.Sprintf("the token of %s %s", c.Setting("SASL.Token.Source"), c.SASL.TokenSource)
	}
	return fmt.Sprintf("%s %q with %s by %s",
		c.Setting("SASL.Username"), c.SASL.Username, c.Setting("SASL.Password"), c.SASL.Mechanism)
}

// explainRight names the right that is missing, and its cure; of several the
// first.
func (c Config) explainRight(err error) string {
	missing, ok := errors.AsType[*RightError](err)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s: grant it, for example with %s; the exporter then continues by itself",
		c.Lacks(missing), c.Grants(missing)[0])
}

// explainTLS knows what the handshake says, on our side and on the broker's.
func (c Config) explainTLS(err error) string {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("the broker's certificate%s is signed by a CA that is not known here: "+
			"put that CA's certificate into %s (now %s)",
			issuer(unknown.Cert), c.Setting("TLS.CAFile"), orSystem(c.TLS.CAFile))
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the broker's certificate is not for the name %q by which it is reached: "+
			"use a name of the certificate in %s and in the brokers' advertised.listeners", name.Host, c.Setting("Brokers"))
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired && invalid.Cert != nil {
			return fmt.Sprintf("the broker's certificate is valid from %s to %s only: "+
				"it must be renewed (or the clock here is wrong)",
				certs.Day(invalid.Cert.NotBefore), certs.Day(invalid.Cert.NotAfter))
		}
		return "the broker's certificate is not valid"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("the broker's listener does not speak TLS: set %s=false, or use its TLS port in %s",
			c.Setting("TLS.Enabled"), c.Setting("Brokers"))
	}
	if strings.Contains(err.Error(), "expecting TLS") {
		return fmt.Sprintf("the broker's listener wants TLS: set %s=true, or use its plain port in %s",
			c.Setting("TLS.Enabled"), c.Setting("Brokers"))
	}
	return c.explainAlert(err)
}

// explainAlert knows the alerts by which a broker refuses a client certificate.
func (c Config) explainAlert(err error) string {
	alert, ok := errors.AsType[tls.AlertError](err)
	text := err.Error()
	if !ok && !strings.Contains(text, "remote error: tls:") {
		return ""
	}
	required := strings.Contains(text, "certificate required") || strings.Contains(text, "bad certificate")
	switch {
	case c.TLS.CertFile == "" && required:
		return fmt.Sprintf("the broker wants a client certificate: set %s and %s",
			c.Setting("TLS.CertFile"), c.Setting("TLS.KeyFile"))
	case strings.Contains(text, "certificate") || strings.Contains(text, "unknown authority"):
		return fmt.Sprintf("the broker refuses the client certificate in %s %q%s",
			c.Setting("TLS.CertFile"), c.TLS.CertFile, c.files().Lapsed(time.Now()))
	case ok:
		return fmt.Sprintf("the broker ends the TLS handshake with alert %d", uint8(alert))
	}
	return "the broker ends the TLS handshake"
}

// explainNetwork knows that nobody answers, or somebody else.
func (c Config) explainNetwork(err error) string {
	if c.Reached {
		return explainOutage(err)
	}
	var timeout net.Error
	brokers := c.Setting("Brokers")
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the name %q of %s (or of the brokers' advertised.listeners) is not known here",
			dns.Name, brokers)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at the address: is the broker up, and is " + brokers + " right?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the broker ends the connection without a word: " + c.suspects()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nobody answers in time: is the address in " + brokers +
			" (or in the brokers' advertised.listeners) right, and is no firewall in between?"
	}
	return ""
}

// explainOutage is explainNetwork where the settings have proved right.
func explainOutage(err error) string {
	var timeout net.Error
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the broker's name %q is not known any more: its machine or pod is gone, or DNS does not answer", dns.Name)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the broker is down or starting: nothing listens at its address any more"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the broker has ended the connection: it is stopping or has died, or something on the way cuts connections"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the broker does not answer in time: it hangs, its machine is gone, or the network is cut"
	}
	return ""
}

// suspects are the likely reasons for which a broker hangs up.
func (c Config) suspects() string {
	encryption := "its listener wants TLS (" + c.Setting("TLS.Enabled") + ")"
	if c.TLS.Enabled {
		encryption = "its listener does not speak TLS (" + c.Setting("TLS.Enabled") + ")"
	}
	user := "its listener wants SASL (" + c.Setting("SASL.Mechanism") + ")"
	if c.SASL.Mechanism != "" {
		user = "it refuses " + c.credentials()
	}
	return "it is stopping or has died, or " + encryption + ", or " + user
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
