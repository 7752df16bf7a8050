package prooftest

// listTroubles are those of the task list.
func listTroubles() []trouble {
	return []trouble{
		{
			name: "good answers with the code 0", account: odd("code=0"),
			says: []string{"auth: HTTP 200"},
			cure: asDocumented,
		},
	}
}
