package benchtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// taskID is the documented sample's, which all tasks here are made of.
const taskID = "82caed2ecc5029c9eb7efea50e83466f"

// detail is the documented sample as a task that is still calling: what stands
// before its rows, one row, and what stands behind them.
type detail struct {
	head, row, tail []byte
	id, callID      int // where they stand in row
	comments        int // the digits of it
}

// newDetail makes the row as long as those of large tasks: some 1.64 kB, so
// that 50,000 of them are 82 MB.
func newDetail(tb testing.TB) detail {
	tb.Helper()
	raw, err := os.ReadFile("../airudder/testdata/detail_sample.json")
	if err != nil {
		tb.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		tb.Fatal(err)
	}
	body := bytes.Replace(compact.Bytes(), []byte(`"Status":"finished"`), []byte(`"Status":"calling"`), 1)
	from := bytes.Index(body, []byte(`"detail":[`)) + len(`"detail":[`)
	to := bytes.LastIndex(body, []byte("]}"))
	d := detail{head: body[:from], row: talked(body[from:to]), tail: body[to:]}
	d.id = index(tb, d.row, `"id":`)
	d.callID = index(tb, d.row, `"intention_description":"xxxxx","CallID":"`)
	d.comments = index(tb, d.row, `"Comments":"C`)
	return d
}

// talked is the row with a longer talk.
func talked(row []byte) []byte {
	turn := `{"time":"00:00:07","robottext":"Baik, apakah pembayaran bisa dilakukan hari ini sebelum jam lima sore?","text":"iya nanti saya bayar"}`
	return bytes.Replace(row, []byte(`"AsrResult":[`), []byte(`"AsrResult":[`+strings.Repeat(turn+",", 4)), 1)
}

func index(tb testing.TB, in []byte, what string) int {
	tb.Helper()
	at := bytes.Index(in, []byte(what))
	if at < 0 {
		tb.Fatalf("the sample has no %s", what)
	}
	return at + len(what)
}

// rows is n rows one after the other, with commas between, each of a call of
// its own and the same status, which is padded to the length of finished.
func (d detail) rows(from, n int, status string) []byte {
	row := bytes.Replace(d.row, []byte(`"Status":"finished"`), fmt.Appendf(nil, `%-19s`, `"Status":"`+status+`"`), 1)
	all := make([]byte, 0, n*(len(row)+1))
	for i := range n {
		if i > 0 {
			all = append(all, ',')
		}
		at := len(all)
		all = append(all, row...)
		d.number(all[at:], from+i)
	}
	return all
}

// step is from one row to the next.
func (d detail) step() int { return len(d.row) + 1 }

// number gives a row another call.
func (d detail) number(row []byte, i int) {
	copy(row[d.id:], fmt.Sprintf("%08d", 10_000_000+i))
	copy(row[d.comments:], fmt.Sprintf("%08d", i))
	copy(row[d.callID:], callID(i))
}

// callID is the i-th call's: as random as the upstream's, for map and partition.
func callID(i int) string {
	const odd = 0x9e3779b97f4a7c15
	x := uint64(i+1) * odd
	return fmt.Sprintf("%016x%016x", x, (x^x>>29)*odd)
}
