package prooftest

import "airudder-exporter/internal/airuddersim"

// odd are oddities, as the simulation's program names them.
func odd(texts ...string) airuddersim.Config {
	cfg := airuddersim.Config{Seed: 71, Oddities: map[airuddersim.Oddity]string{}, Cache: true}
	for _, text := range texts {
		name, value, err := airuddersim.ParseOddity(text)
		if err != nil {
			panic(err)
		}
		cfg.Oddities[name] = value
	}
	return cfg
}

// asDocumented ends an account's oddities.
func asDocumented(s *airuddersim.Sim) {
	if err := s.SetOddities(nil); err != nil {
		panic(err)
	}
}

// detailTroubles are those of a task's detail.
func detailTroubles() []trouble {
	return []trouble{
		{
			name: "rows without a status",
			tasks: func(s *airuddersim.Sim) {
				usualTasks(s)
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: []airuddersim.RowSpec{{Status: airuddersim.Calling, Set: map[string]string{"Status": ""}}}})
			},
			cause: "row_status_missing", says: []string{"1 of 1 rows have no Status"},
			cure: func(s *airuddersim.Sim) {
				tasks := s.Truth().Tasks
				if err := s.SetField(tasks[len(tasks)-1].TaskID, 0, "Status", `"calling"`); err != nil {
					panic(err)
				}
			},
		},
		{
			name: "a word for finished rows that nobody knows", account: odd("row_words=finished:answered"),
			cause: "row_status_unknown", unread: true,
			says:   []string{"(answered)", "4 of them have a CallID and an end", "AIRUDDER_ROW_STATUSES", "answered:finished"},
			mended: []string{"AIRUDDER_ROW_STATUSES=answered:finished"}, sealed: true,
		},
		{
			name: "a number for finished rows", account: odd("row_words=finished:3"),
			cause: "row_status_unknown", unread: true, says: []string{"(3)", "AIRUDDER_ROW_STATUSES"},
			mended: []string{"AIRUDDER_ROW_STATUSES=3:finished"},
		},
		{
			name: "a status that is no plain word", account: odd("row_words=finished:Budi has answered at +620001"),
			cause: "row_status_unknown", unread: true, says: []string{"does not know: "}, // it may be personal
			cure: asDocumented,
		},
		{
			name: "rows that were not called, in a word that nobody knows", account: odd("row_words=cancelled:blacklisted"),
			tasks: func(s *airuddersim.Sim) {
				endedTask(s)
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: append(airuddersim.FinishedRows(2), airuddersim.RowSpec{Status: airuddersim.Cancelled})})
			},
			cause: "row_status_unknown", says: []string{"1 of 3 rows", "(blacklisted)", "0 of them"},
			mended: []string{"AIRUDDER_ROW_STATUSES=blacklisted:cancelled"},
		},
		{
			name: "a detail of several pages", account: odd("detail_cap=3", "detail_total=totalCount"),
			cause: "detail_total", says: []string{" rows, but shows 3", "AIRUDDER_DETAIL_REQUEST", "AIRUDDER_TOTAL_FIELDS"},
			cure: asDocumented, sealed: true,
		},
		{
			name: "a detail of several pages, which counts those", account: odd("detail_cap=3", "detail_total=totalPages"),
			cause: "detail_more", says: []string{"totalPages", "the 3 rows that it shows", "AIRUDDER_DETAIL_REQUEST"},
			cure: asDocumented, sealed: true,
		},
		{
			name: "rows that share a CallID", account: odd("shared_call_id=2"),
			cause: "call_id_shared", says: []string{"CallID"},
		},
		{
			name: "placeholders for CallIDs, of a task that calls", tasks: spoilt(airuddersim.Calling, airuddersim.PlaceholderCallID),
			cause: "rows_rejected", says: []string{"3 of 6 finished rows", "no CallID"}, cure: healed,
		},
		{
			name: "placeholders for CallIDs, of a task that has ended", tasks: spoilt(airuddersim.Finished, airuddersim.PlaceholderCallID),
			letters: 3, log: deadLetter, sealed: true,
		},
		{
			name: "CallIDs that are no text", tasks: spoilt(airuddersim.Calling, airuddersim.SurrogateCallID), letters: 3, log: deadLetter,
		},
		{
			name: "rows that get their CallIDs later", tasks: spoilt(airuddersim.Calling, airuddersim.NoCallID),
			cause: "rows_rejected", says: []string{"3 of 6 finished rows"}, cure: healed,
		},
		{
			name: "codes that are not good, for a moment", meet: lies(airuddersim.BadCodeFirst, airuddersim.BadCodeLast),
		},
	}
}

// deadLetter is what the log says of a task's first dead letter.
var deadLetter = []string{`"level":"WARN","msg":"a row cannot become an event; it is a dead letter"`}

// spoilt adds tasks, and one with three rows of the kind among six.
func spoilt(status string, kind airuddersim.FaultKind) func(*airuddersim.Sim) {
	return func(s *airuddersim.Sim) {
		usualTasks(s)
		id := s.AddTask(airuddersim.TaskSpec{Status: status, Rows: airuddersim.FinishedRows(6)})
		for i := range 3 {
			if err := s.SpoilRow(id, 2*i, kind); err != nil {
				panic(err)
			}
		}
	}
}

// healed has the task that spoilt added be right.
func healed(s *airuddersim.Sim) {
	tasks := s.Truth().Tasks
	for i := range 3 {
		if err := s.SpoilRow(tasks[len(tasks)-1].TaskID, 2*i, ""); err != nil {
			panic(err)
		}
	}
}

// lies has a call finish in each task, and the next answers be other ones.
func lies(kinds ...airuddersim.FaultKind) func(*world) {
	return func(w *world) {
		w.awaitReadings(2)
		for _, task := range w.Sim.Truth().Tasks {
			for _, kind := range kinds {
				w.Sim.Script(airuddersim.Fault{Kind: kind, TaskID: task.TaskID, Times: 2})
			}
			if _, err := w.Sim.FinishNext(task.TaskID, 1); err != nil {
				panic(err)
			}
		}
	}
}

// silences are upstreams that answer nothing, or nothing good.
func silences() []trouble {
	from := func(f airuddersim.Fault) func(*world) { // once all is published
		return func(w *world) {
			w.awaitEvents()
			f.Times = 1 << 30
			w.Sim.Script(f)
		}
	}
	clear := func(s *airuddersim.Sim) { s.ClearFaults() }
	return []trouble{
		{
			name: "no detail can be read", meet: from(airuddersim.Fault{Kind: airuddersim.ServerError, Status: 500, Endpoint: airuddersim.Detail}),
			settings: []string{"AIRUDDER_POLL_AFTER_END=10m"},
			cause:    "tasks_failing", says: []string{"of 4 tasks cannot be read", "HTTP 500"}, cure: clear,
		},
		{
			name: "nothing is answered", meet: from(airuddersim.Fault{Kind: airuddersim.Hang, DelayMS: 40_000}),
			settings: []string{"AIRUDDER_TIMEOUT=60s", "AIRUDDER_RESPONSE_TIMEOUT=60s"},
			cause:    "upstream_hangs", silent: true, says: []string{"AIRudder has answered nothing since", "AIRUDDER_BASE_URL", "AIRUDDER_TIMEOUT"}, cure: clear,
		},
	}
}
