package jsonrows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/semaphore"
)

// rowsOf reads all rows of an array.
func rowsOf(s *Scanner) (rows []string, err error) {
	if err := s.Array(); err != nil {
		return nil, err
	}
	for {
		row, ok, err := s.Row(context.Background())
		if err != nil || !ok {
			return rows, errors.Join(err, s.End())
		}
		rows = append(rows, string(row.Raw))
	}
}

// rowOf is a row of so many bytes.
func rowOf(size int) string {
	const frame = `{"CallID":"a","x":""}`
	return `{"CallID":"a","x":"` + strings.Repeat("x", size-len(frame)) + `"}`
}

// A row of up to 32 MiB is found whole wherever it stands, and leaves the window
// as small as it was; a larger one, and another value, breaks the body.
func TestLargeRows(t *testing.T) {
	for _, size := range []int{MaxRow, MaxRow + 1, maxWindow} {
		want := []string{`{"id":1}`, rowOf(size), `{"id":2}`, rowOf(MaxRow + 9), `7`}
		turn := semaphore.NewWeighted(1)
		s := NewScanner(strings.NewReader("[ "+strings.Join(want, " , ")+"]\n"), testProbe, turn)
		rows, err := rowsOf(s)
		if err != nil || len(rows) != len(want) {
			t.Fatalf("%d bytes: got %d rows and %v", size, len(rows), err)
		}
		for i := range want {
			if rows[i] != want[i] {
				t.Errorf("%d bytes: row %d has %d bytes, want %d", size, i, len(rows[i]), len(want[i]))
			}
		}
		if len(s.buf) > MaxRow || !turn.TryAcquire(1) {
			t.Errorf("%d bytes: left a window of %d bytes, or the turn taken", size, len(s.buf))
		}
	}
	for text, want := range map[string]string{
		`[1,` + rowOf(maxWindow+1) + `]`:               "a row of more than 32 MiB at byte 3",
		`[1,` + strings.Repeat("[", maxWindow+9):       "a row of more than 32 MiB at byte 3",
		`[{"a":"` + strings.Repeat("x", 3*MaxRow):      "unexpected EOF",
		`["` + strings.Repeat("x", maxWindow+9) + `"]`: "a row of more than 32 MiB at byte 1",
	} {
		turn := semaphore.NewWeighted(1)
		s := NewScanner(strings.NewReader(text), testProbe, turn)
		if _, err := rowsOf(s); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if s.Close(); !turn.TryAcquire(1) {
			t.Errorf("%s: the turn is taken by a closed scanner", want)
		}
	}
}

// One large row is held at a time; who waits for that hears its context.
func TestLargeRowsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := semaphore.NewWeighted(1)
		scanner := func() *Scanner {
			s := NewScanner(strings.NewReader(`[`+rowOf(MaxRow+1)+`,1]`), testProbe, turn)
			if err := s.Array(); err != nil {
				t.Fatal(err)
			}
			return s
		}
		first, second, third := scanner(), scanner(), scanner()
		if _, _, err := first.Row(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp, read := make(chan error, 1), make(chan error, 1)
		go func() { _, _, err := second.Row(ctx); gaveUp <- err }()
		synctest.Wait()
		go func() { _, _, err := third.Row(t.Context()); read <- err }()
		synctest.Wait()
		select {
		case err := <-read:
			t.Fatalf("a second large row was read beside the first: %v", err)
		default:
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's error", err)
		}
		if _, _, err := first.Row(t.Context()); err != nil { // which ends the first's turn
			t.Fatal(err)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
		third.Close()
	})
}

func TestValueSizes(t *testing.T) {
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	for _, tt := range []struct {
		value, required, optional string
	}{
		{text(MaxValue), "1048576", "1048576"},
		{text(MaxValue + 1), "a value of more than 1 MiB at byte 5", "0"},
		{text(maxWindow), "a value of more than 1 MiB at byte 5", "0"},
		{text(maxWindow + 1), "a value of more than 1 MiB at byte 5", "a value of more than 32 MiB at byte 5"},
		{strings.Repeat("1", MaxValue+9), "a value of more than 1 MiB at byte 5", "a number or word without end at byte 5"},
		{`[1,]`, "not JSON at byte 5", "not JSON at byte 5"},
		{`"x`, "unexpected EOF", "unexpected EOF"},
	} {
		body := `{"a":` + tt.value + `}`
		read := func(value func(*Scanner) ([]byte, error)) string {
			s := NewScanner(strings.NewReader(body), testProbe, semaphore.NewWeighted(1))
			defer s.Close()
			if err := s.Object(); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Key(); err != nil {
				t.Fatal(err)
			}
			v, err := value(s)
			if err != nil {
				return err.Error()
			}
			if _, ok, err := s.Key(); ok || err != nil || s.End() != nil {
				t.Errorf("after a value of %d bytes: got %v, %v", len(tt.value), ok, err)
			}
			return fmt.Sprint(len(v))
		}
		if got := read((*Scanner).Value); got != tt.required {
			t.Errorf("value of %d bytes: got %s, want %s", len(tt.value), got, tt.required)
		}
		optional := func(s *Scanner) ([]byte, error) { return s.Optional(t.Context()) }
		if got := read(optional); got != tt.optional {
			t.Errorf("optional value of %d bytes: got %s, want %s", len(tt.value), got, tt.optional)
		}
	}
}

// The error of the body's reader is the scanner's.
func TestBodyBreaks(t *testing.T) {
	broke := errors.New("broke")
	s := NewScanner(io.MultiReader(strings.NewReader(`[{"a":1},{"b`), errReader{broke}), testProbe, semaphore.NewWeighted(1))
	if rows, err := rowsOf(s); !errors.Is(err, broke) || len(rows) != 1 {
		t.Errorf("got %d rows and %v, want one and the reader's error", len(rows), err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestDepth(t *testing.T) {
	for depth, want := range map[int]bool{1: false, MaxDepth: false, MaxDepth + 1: true} {
		raw := `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `,"b":1}`
		row := testProbe.row()
		if n := testProbe.frame([]byte(raw), &row); n != len(raw) || row.Deep != want {
			t.Errorf("depth %d: framed %d of %d bytes, deep %v, want %v", depth, n, len(raw), row.Deep, want)
		}
	}
}

func TestMoreValues(t *testing.T) {
	for raw, want := range map[string]int{`{}`: 1, `{"a":1,"b":"x,{["}`: 2, `[[],{},1]`: 5, `"a,b\",c"`: 0} {
		if MoreValues([]byte(raw), want) || want > 0 && !MoreValues([]byte(raw), want-1) {
			t.Errorf("%s: has not %d values", raw, want)
		}
	}
}
