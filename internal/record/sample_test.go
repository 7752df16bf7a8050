package record

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// The sample of AIRudder's own documentation of the detail call.

func sampleTask() call.Task {
	return call.Task{
		ID:             "82caed2ecc5029c9eb7efea50e83466f",
		Name:           call.Some("TaskName-F-id_goverding-00009"),
		RobotMethod:    call.Some("single"),
		RobotID:        call.Some("7bdf6a4f2a3afc440d4d8a73afc4901e"),
		SIPLine:        call.Some("CH_SOFTPHONE_TESTBJ_LINE"),
		Status:         call.Some("finished"),
		ScheduleStart:  time.Date(2023, 10, 19, 3, 0, 20, 0, time.UTC),
		ScheduleEnd:    time.Date(2023, 10, 19, 6, 20, 20, 0, time.UTC),
		RepeatInterval: call.Some[int64](0),
		RepeatNumber:   call.Some[int64](3),
	}
}

func sampleRow() call.Row {
	return call.Row{
		ID:                   call.Some[int64](15744007),
		RobotID:              call.Some("4565"),
		CalleeName:           call.Some("name1"),
		CalleeGender:         call.Some("male"),
		CalleeNumber:         call.Some("+6212345678"),
		CallStart:            time.Date(2023, 10, 19, 6, 13, 17, 0, time.UTC),
		CallEnd:              time.Date(2023, 10, 19, 6, 13, 26, 0, time.UTC),
		Status:               "finished",
		Intention:            call.Some("E"),
		IntentionDescription: call.Some("xxxxx"),
		CallID:               "6dbf57adc3ecf4f4bfd5efe85ccad659",
		CallTimes:            call.Some[int64](2),
		Comments:             call.Some("C12345567"),
		PlatformName:         call.Some("HAPPYPLANTE"),
		RingType:             call.Some("normal"),
		HangupType:           call.Some("ByCallee"),
		ExtraA:               call.Some(""),
		ExtraB:               call.Some(""),
		ExtraC:               call.Some(""),
		AsrResult: []call.Turn{{
			Time: call.Some("00:00:00"),
			RobotText: call.Some("Halo, ini Happy Planet, selamat datang di kedatangan Anda " +
				"Apakah Anda perlu memeriksa pengiriman ekspres?>"),
			Text: call.Some(""),
		}},
		EventLabel: map[string]string{
			"AskHelp_or_complain": "Hang_up_by_customer",
			"Uncertainty":         "Hang_up_at_company_info",
			"final_label":         "O",
		},
		RingTime:  call.Some[int64](3),
		TalkRound: call.Some[int64](0),
		Redials: []call.Redial{{
			CallID:       call.Some("138582ba03c98aeb04f2318cfa38c823"),
			CallStart:    time.Date(2023, 10, 19, 14, 13, 7, 0, time.FixedZone("", 8*3600)),
			RingType:     call.Some(""),
			RingTime:     call.Some[int64](3),
			HangupType:   call.Some("ByCallee"),
			ResultLabel:  call.Some("F"),
			CallerNumber: call.Some("+8613661834220"),
			CalleeNumber: call.Some("+6212345678"),
		}},
		NerSlots:     map[string]string{"PaymentMethod": "ATM", "PaymentTime": "Time_0"},
		CallNotes:    call.Some(""),
		CallerNumber: call.Some("+8613661834220"),
		Raw:          []byte(`{"CallID":"6dbf57adc3ecf4f4bfd5efe85ccad659"}`),
		Hash:         0x1234,
	}
}

// callUnit is the unit that the ledger plans for a new call.
func callUnit(p ledger.Plan, row *call.Row) ledger.Unit {
	return ledger.Unit{Call: row, Entries: []ledger.Entry{{
		Kind: ledger.KindCall, TaskID: p.Task.ID, ID: row.CallID,
		Published: ledger.Published{At: p.ObservedAt, As: ledger.Event, Row: row.Hash},
	}}}
}

func testTopics() Topics {
	return Topics{CallCompleted: "events", TaskStatus: "status", DeadLetter: "dead", Ledger: "ledger"}
}

// newTestEncoder fills what a configuration leaves open.
func newTestEncoder(t testing.TB, cfg EncoderConfig) *Encoder {
	t.Helper()
	if cfg.Topics == (Topics{}) {
		cfg.Topics = testTopics()
	}
	if cfg.IDs == (IDs{}) {
		cfg.IDs = IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3}
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.airudder.com"
	}
	if cfg.LedgerID == "" {
		cfg.LedgerID = "5f0c8b9e-3d6f-4a39-9a4e-2f5f0b6c7d81"
	}
	e, err := NewEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
