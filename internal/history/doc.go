// Package history keeps what the metrics said over the last hour and the last day, for
// the plots of the status page. It reads the same registry as /metrics, so that the
// page and a dashboard agree, and no other room has to report to it.
//
// Every ten seconds it gathers, and turns what has changed since into a value for each
// series: a counter's growth a minute, a gauge's value, a histogram's quantile. The last
// hour is kept by ten seconds, the last day by five minutes (of a gauge its highest
// value in these). All of it takes 3 kB a series, whatever happens.
//
// What was before the process started is not known, except where Before tells of it.
package history
