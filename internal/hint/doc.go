// Package hint listens for AIRudder's webhooks, which can be set to tell of the end of a
// call or of a task. Nobody documents their body, whether they are repeated, or how they
// could be verified. So a webhook is a hint: the TaskID in it may be read sooner than it
// would have been anyway, and nothing else of it is believed, kept or logged.
//
// The listener has an address of its own, so that it can be reached from outside where
// the status page cannot, and a web configuration file of its own. A hint goes to /hint/<secret>, as JSON or as a form, and has the
// TaskID under TaskID, task_id or taskId, at most four levels deep. The answer is always
// 200 and empty: a sender has nothing to repeat, and whoever guesses secrets learns
// nothing. airudder_hints_total says what becomes of them.
package hint
