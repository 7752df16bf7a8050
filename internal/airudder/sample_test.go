package airudder

import (
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
)

// The sample that AIRudder documents, every value of it.
func TestReadSample(t *testing.T) {
	raw, err := os.ReadFile("testdata/detail_sample.json")
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, testConfig(newUpstream(t, body(string(raw))).URL))
	parts, got, err := collect(t, c, sampleTask, none)
	if err != nil {
		t.Fatal(err)
	}
	wantTask := call.Task{
		ID: sampleTask, Name: call.Some("TaskName-F-id_goverding-00009"), RobotMethod: call.Some("single"),
		RobotID: call.Some("7bdf6a4f2a3afc440d4d8a73afc4901e"), SIPLine: call.Some("CH_SOFTPHONE_TESTBJ_LINE"),
		Status: call.Some("finished"), ScheduleStart: time.Date(2023, 10, 19, 3, 0, 20, 0, time.UTC),
		ScheduleEnd:    time.Date(2023, 10, 19, 6, 20, 20, 0, time.UTC),
		RepeatInterval: call.Some[int64](0), RepeatNumber: call.Some[int64](3),
	}
	if len(parts) != 1 || !reflect.DeepEqual(parts[0].Task, wantTask) || !reflect.DeepEqual(got.Task, wantTask) {
		t.Errorf("task: got %+v in %d parts, want %+v", got.Task, len(parts), wantTask)
	}
	if want := (call.Counts{Rows: 1, Finished: 1}); got.Counts != want || got.Rejects != nil || got.MoreRejects {
		t.Errorf("got counts %+v, rejects %v; want %+v and none", got.Counts, got.Rejects, want)
	}
	if got.Started.IsZero() || !got.Started.Equal(parts[0].Started) {
		t.Errorf("started: got %v and, in the part, %v", got.Started, parts[0].Started)
	}
	row := rowsOf(parts)[0]
	if row.Hash != xxhash.Sum64(row.Raw) || row.Raw[0] != '{' || row.Raw[len(row.Raw)-1] != '}' {
		t.Errorf("hash %x is not of the raw row", row.Hash)
	}
	row.Raw, row.Hash = nil, 0
	if want := sampleRow(); !reflect.DeepEqual(row, want) {
		t.Errorf("row:\ngot  %+v\nwant %+v", row, want)
	}
}

func sampleRow() call.Row {
	text := call.Some[string]
	number := call.Some[int64]
	return call.Row{
		ID: number(15744007), CallID: "6dbf57adc3ecf4f4bfd5efe85ccad659", Status: "finished",
		CallStart: time.Date(2023, 10, 19, 6, 13, 17, 0, time.UTC), CallEnd: time.Date(2023, 10, 19, 6, 13, 26, 0, time.UTC),
		RobotID: text("4565"), CallerNumber: text("+8613661834220"), CalleeNumber: text("+6212345678"),
		CalleeName: text("name1"), CalleeGender: text("male"),
		CallTimes: number(2), RingTime: number(3), TalkRound: number(0),
		RingType: text("normal"), HangupType: text("ByCallee"), Intention: text("E"), IntentionDescription: text("xxxxx"),
		Comments: text("C12345567"), PlatformName: text("HAPPYPLANTE"), ExtraA: text(""), ExtraB: text(""), ExtraC: text(""),
		AsrResult: []call.Turn{{Time: text("00:00:00"), Text: text(""), RobotText: text("Halo, ini Happy Planet, " +
			"selamat datang di kedatangan Anda Apakah Anda perlu memeriksa pengiriman ekspres?>")}},
		EventLabel: map[string]string{"AskHelp_or_complain": "Hang_up_by_customer",
			"Uncertainty": "Hang_up_at_company_info", "final_label": "O"},
		NerSlots: map[string]string{"PaymentMethod": "ATM", "PaymentTime": "Time_0"},
		Redials: []call.Redial{{CallID: text("138582ba03c98aeb04f2318cfa38c823"),
			CallStart: time.Date(2023, 10, 19, 6, 13, 7, 0, time.UTC), // 14:13:07 at +08:00
			RingType:  text(""), RingTime: number(3), HangupType: text("ByCallee"), ResultLabel: text("F"),
			CallerNumber: text("+8613661834220"), CalleeNumber: text("+6212345678")}},
		CallNotes: text(""),
	}
}
