// Package access says how Kafka's brokers are reached, as whom and with which
// rights, and what their refusals mean. It asks no broker anything.
//
//	config.go   TLS and SASL, and which combinations make no sense
//	tls.go      the files, read; the SASL mechanism
//	bearer.go   the SASL mechanism OAUTHBEARER
//	rights.go   a right that is missing, and the command that grants it
//	explain.go  errors of brokers, handshakes and networks as sentences
package access
