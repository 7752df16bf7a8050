// Package status shows the exporter's snapshot: web page, JSON, health and
// metrics endpoint.
//
//	/            the status page, which refreshes itself
//	/api/status  the snapshot as JSON, every task of it
//	/healthz     200 while the loop makes progress, else 503
//	/readyz      200 while events can flow, else 503 and why not
//	/metrics     Prometheus metrics
//
// All answer to GET and HEAD alone and need no exporter: while the program still
// waits for Kafka or the registry they say so. The page loads nothing from
// elsewhere, and its Content-Security-Policy allows it nothing but its own style,
// its own script and this server.
//
// There is no authentication. The snapshot holds no personal data, but it does
// name tasks, so the default address is loopback, and a server on a loopback
// address answers only requests that were sent to a loopback name: else any web
// page in the operator's browser could read it through a name that it points at
// 127.0.0.1 (DNS rebinding).
package status
