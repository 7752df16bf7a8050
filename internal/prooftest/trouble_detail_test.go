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
			name: "rows that were not called, in a word that nobody knows", account: odd("row_words=cancelled:blacklisted"),
			tasks: func(s *airuddersim.Sim) {
				endedTask(s)
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: append(airuddersim.FinishedRows(2), airuddersim.RowSpec{Status: airuddersim.Cancelled})})
			},
			cause: "row_status_unknown", says: []string{"1 of 3 rows", "(blacklisted)", "0 of them"},
			mended: []string{"AIRUDDER_ROW_STATUSES=blacklisted:cancelled"},
		},
	}
}
