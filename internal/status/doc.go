// Package status shows the exporter's snapshot: web page, JSON, health and
// metrics endpoint.
//
//	/            the status page, which refreshes itself
//	/api/status  the snapshot as JSON, every task of it
//	/healthz     200 while the loop makes progress, else 503
//	/readyz      200 while events can flow, with what needs the operator all the same;
//	             else 503 and why not
//	/metrics     Prometheus metrics
//
// All accept only GET and HEAD, and none needs an exporter: while the program
// still waits for Kafka or the registry, they say so. The page loads nothing from
// elsewhere, and its Content-Security-Policy allows only its own style, its own
// script and this server.
//
// There is no authentication. The snapshot holds no personal data, but it names
// tasks. So the default address is loopback, and a server on a loopback address
// answers only requests that were sent to a loopback name. Without that rule, any
// web page in the operator's browser could read the snapshot through a name that
// resolves to 127.0.0.1 (DNS rebinding).
package status
