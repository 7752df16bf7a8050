// Package webconfig serves HTTP as a web configuration file says: TLS and basic
// authentication, in the format of Prometheus's exporters
// (github.com/prometheus/exporter-toolkit, whose package web reads it).
//
// The library reads the file, and the certificate that it names, again for each
// connection and each request, so that another certificate or password needs no restart.
// What it does not do is done here: a file that is wrong is told in one sentence that
// shows nothing of what the file holds, at the start and once when it becomes so while
// the server runs; and a few files that the library takes are refused, since they would
// let in whom nobody meant.
package webconfig
