package prooftest

import (
	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// manyTasks adds so many tasks, each with a call.
func manyTasks(n int) func(*airuddersim.Sim) {
	return func(s *airuddersim.Sim) {
		for range n {
			s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(1)})
		}
	}
}

// paged puts an account's list on pages.
func paged(size int, cfg airuddersim.Config) airuddersim.Config {
	cfg.ListPageSize = size
	return cfg
}

// listedBy is the setting for a list that is asked for with a query.
func listedBy(query string) []string {
	return []string{"AIRUDDER_LIST_REQUEST=GET /service/cloud/list?" + query}
}

// listTroubles are those of the task list.
func listTroubles() []trouble {
	const local = "2006-01-02 15:04:05"
	return []trouble{
		{
			name: "the newest 20 tasks, and a total", account: odd("list_cap=20", "list_total"), tasks: manyTasks(25),
			cause: "list_total", says: []string{"counts 25 tasks in its field total, but shows 20", "AIRUDDER_LIST_REQUEST", "AIRUDDER_TOTAL_FIELDS"},
			check: []string{"20 tasks are listed", "20 calling", "counts 25 tasks in its field total"}, cure: asDocumented,
		},
		{
			name: "one page is asked for, and there is a total", account: paged(10, odd("list_total=totalNum")), tasks: manyTasks(15),
			cause: "list_total", says: []string{"totalNum", "page={page}"}, mended: listedBy("page={page}"),
		},
		{
			name: "one page is asked for, and there are more", account: paged(10, odd("list_more")), tasks: manyTasks(15),
			cause: "list_more", says: []string{"has_more", "page={page}"}, check: []string{"has_more"}, mended: listedBy("page={page}"),
		},
		{
			name: "one page is asked for, and there is a next", account: paged(10, odd("list_next", "list_page_from_0")), tasks: manyTasks(15),
			cause: "list_more", says: []string{"next_page", "AIRUDDER_LIST_REQUEST"}, mended: listedBy("page={page0}"),
		},
		{
			name: "a cursor is not followed", account: paged(10, odd("list_cursor")), tasks: manyTasks(15),
			cause: "list_more", says: []string{"{cursor:data.next}"}, mended: listedBy("cursor={cursor:data.next}"),
		},
		{
			name: "pages count from 0", account: paged(10, odd("list_page_from_0", "list_total")), tasks: manyTasks(15), settings: listedBy("page={page}"),
			cause: "list_total", says: []string{"counts 15 tasks in its field total, but shows 5", "{page0}"}, mended: listedBy("page={page0}"),
		},
		{
			name: "every page is the first", account: paged(10, odd("list_page_ignored")), tasks: manyTasks(15), settings: listedBy("page={page}"),
			cause: "list_repeats_page", says: []string{"the 10 tasks of page 1 again"}, check: []string{"of page 1 again"}, cure: asDocumented,
		},
		{
			name: "an offset is wanted", account: paged(10, odd("list_offset")), tasks: manyTasks(15), settings: listedBy("page={page}"),
			cause: "list_repeats_page", says: []string{"offset={offset:100}"}, mended: listedBy("offset={offset:10}"),
		},
		{
			name: "new tasks push old ones out", account: odd("list_cap=10"), tasks: manyTasks(15), meet: pushOut,
			cause: "list_pushes_out", says: []string{"always shows 10", "{page}"}, cure: asDocumented,
		},
		{
			name: "another name for TaskID", account: odd("list_id=id"),
			says: []string{"TaskID"}, check: []string{"FAIL", "TaskID"}, cure: asDocumented,
		},
		{
			name: "a range of time is demanded", account: odd("list_range=local", "list_range_error"),
			says: []string{"the task list cannot be read", "400"}, check: []string{"FAIL", "list tasks"}, mended: listedBy("since={since:" + local + "}&until={until:" + local + "}"),
		},
		{
			name: "a range of time is demanded, in seconds", account: odd("list_range=unix", "list_range_error"),
			says: []string{"the task list cannot be read"}, mended: listedBy("since={since:unix}&until={until:unix}"),
		},
		{
			name: "a range of time is demanded, and nothing said", account: odd("list_range=unixms"), // as an account without tasks
			check: []string{"0 tasks are listed"}, mended: listedBy("since={since:unixms}&until={until:unixms}"),
		},
		{
			name: "too many requests, without a word on when to ask again", account: odd("rate_limit=10"),
			cause: "rate_limited", says: []string{"429", "AIRUDDER_REQUESTS_PER_SECOND"}, mended: []string{"AIRUDDER_REQUESTS_PER_SECOND=8"},
		},
		{
			name: "good answers with the code 0", account: odd("code=0"),
			says: []string{"auth: HTTP 200 with code 0"}, check: []string{"FAIL", "code 0"}, cure: asDocumented,
		},
	}
}

// pushOut adds a task after each listing, for as long as it takes.
func pushOut(w *world) {
	for range 5 {
		w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(1)})
		before := w.Sim.Requests()[airuddersim.List]
		rig.Eventually(w.T, "two listings more", rig.Patience, func() bool { return w.Sim.Requests()[airuddersim.List] >= before+2 })
	}
}
