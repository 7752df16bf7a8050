// Package status shows the exporter's snapshot: web page, JSON, health and
// metrics endpoint.
//
//	/            the status page, which refreshes itself
//	/plot/NAME.svg
//	             one of the page's plots: events, lag, backlog, requests, commits, ledger, memory
//	/api/status  the snapshot as JSON, with totals over all tasks and a page of them
//	/healthz     200 while the loop makes progress, else 503
//	/readyz      200 while events can flow, with what needs the operator all the same;
//	             else 503 and why not
//	/metrics     Prometheus metrics
//	/api/log-level
//	             the log's level; PUT with level and for changes it for some time
//	/debug/pprof/
//	             Go's profiles, where Pprof is set
//
// All but that PUT accept only GET and HEAD, and none needs an exporter: while the program
// still waits for Kafka or the registry, they say so. The page loads nothing from
// elsewhere, and its Content-Security-Policy allows only its own style, its own
// script and this server.
//
// /api/status lists tasks in the order of their TaskIDs and takes these parameters:
//
//	limit=500       tasks in the answer, at most 5,000; 0: the totals alone
//	after=<TaskID>  tasks after this one; next in the answer names it, if there are more
//	group=sealed    one group: failing, calling, open, ended, sealed, passed or closed
//	task=<TaskID>   one task; tasks is empty where it is not known
//
// There may be 200,000 tasks and many readers. So the exporter is looked at no more
// than once a second, whoever asks for the same thing within that second gets the same
// bytes, a reader has ten seconds to take them, and beyond 32 readers of the page and
// /api/status at once the answer is 503. The other paths have no such limit.
//
// A web configuration file (see webconfig) puts TLS and authentication before all of it.
// The log's level and profiles are for whoever is authenticated there, or connects on
// loopback, to a loopback name, through no proxy; and never for a page of another site.
//
// Without that file there is no authentication. The snapshot holds no personal data, but it names
// tasks. So the default address is loopback, and a server on a loopback address
// answers only requests that were sent to a loopback name. Without that rule, any
// web page in the operator's browser could read the snapshot through a name that
// resolves to 127.0.0.1 (DNS rebinding).
package status
