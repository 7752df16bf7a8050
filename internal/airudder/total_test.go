package airudder

import (
	"strings"
	"testing"
)

func TestTotals(t *testing.T) {
	all := newTotals([]string{"total", "totalCount", "record_count"})
	for _, tt := range []struct {
		name, value string
		want        int64
	}{
		{"total", "35", 35}, {"Total", `"35"`, 35}, {"total_count", `" 7 "`, 7}, {"TotalCount", "7", 7}, {"recordCount", "1", 1},
		{"total", "0", 0}, {"total", "null", 0}, {"total", "-1", 0}, {"total", "3.5", 0}, {"total", `"many"`, 0}, {"total", "{}", 0},
		{"total", `"99999999999999999999"`, 0}, {"total", "", 0},
		{"call_count", "9", 0}, {"pages", "9", 0}, {"subtotal", "9", 0},
	} {
		if got := all.read(tt.name, []byte(tt.value)); got != tt.want {
			t.Errorf("%s %s: got %d, want %d", tt.name, tt.value, got, tt.want)
		}
	}
	if got := newTotals(nil).read("total", []byte("35")); got != 0 {
		t.Errorf("without names: got %d", got)
	}
}

// A detail says of more rows than it shows by a member of data or of the answer, or by
// one that is about its pages.
func TestTotalOfRows(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int64
	}{
		{"none", `{"data":{HEADER,"detail":[{}]}}`, 0},
		{"beside the rows", `{"data":{HEADER,"total":2500,"detail":[{}]}}`, 2500},
		{"after the rows, in a string", `{"data":{HEADER,"detail":[{}],"Total_Count":"2500"}}`, 2500},
		{"beside data", `{"totalNum":7,"data":{HEADER,"detail":[{}]}}`, 7},
		{"about its pages", `{"data":{HEADER,"page":{"no":1,"size":10,"total":12},"detail":[{}]}}`, 12},
		{"about its pages, beside data", `{"data":{HEADER,"detail":[{}]},"Pagination":{"total":12}}`, 12},
		{"the greatest", `{"total":3,"data":{HEADER,"total":5,"detail":[{}],"recordCount":4,"total":"x"}}`, 5},
		{"of something else", `{"data":{HEADER,"statistics":{"total":9000},"call_count":9000,"total":{"total":1},"pages":[{"total":3}],"detail":[{"total":9}]}}`, 0},
	} {
		m := testMetrics()
		got := readBytes(m, strings.NewReader(strings.Replace(tt.text, "HEADER", header, 1)), none)
		if got.err != nil || got.reading.Total != tt.want || got.reading.Counts.Rows != 1 {
			t.Errorf("%s: got %d, %d rows and %v; want %d", tt.name, got.reading.Total, got.reading.Counts.Rows, got.err, tt.want)
		}
	}
	d := testDetail(testMetrics(), none, nil)
	d.totals = newTotals(nil)
	if got := readDetail(d, strings.NewReader(`{"data":{`+header+`,"total":2500,"detail":[]}}`)); got.reading.Total != 0 || got.reading.Task.Additional["total"] != "2500" {
		t.Errorf("without names: got %d and %q", got.reading.Total, got.reading.Task.Additional)
	}
}

// A detail says in so many words that there are more rows, or by what leads to them. A
// field of the task itself that merely sounds like it says nothing.
func TestMoreRows(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"data":{HEADER,"detail":[{}]}}`, ""},
		{`{"data":{HEADER,"has_more":true,"detail":[{}]}}`, "has_more"},
		{`{"data":{HEADER,"detail":[{}]},"hasNext":"true"}`, "hasNext"},
		{`{"data":{HEADER,"detail":[{}],"next_cursor":"abc"}}`, "next_cursor"},
		{`{"data":{HEADER,"detail":[{}],"next":"abc","hasMore":1}}`, "hasMore"},
		{`{"data":{HEADER,"pagination":{"page":1,"total_pages":2},"detail":[{}]}}`, "total_pages"},
		{`{"data":{HEADER,"has_more":false,"next":null,"nextPage":0,"nextToken":"","totalPages":1,"detail":[{}]}}`, ""},
		{`{"data":{HEADER,"next_start_time":"2026-01-01","NextRound":2,"nextId":7,"pages":7,"list":{"has_more":true},"detail":[{"has_more":true}]}}`, ""},
	} {
		got := readBytes(testMetrics(), strings.NewReader(strings.Replace(tt.text, "HEADER", header, 1)), none)
		if got.err != nil || got.reading.More != tt.want {
			t.Errorf("%s: got %q and %v, want %q", tt.text, got.reading.More, got.err, tt.want)
		}
	}
}

func TestIsPlain(t *testing.T) {
	for text, want := range map[string]bool{
		"TaskName": true, "next_page": true, "E102": true, "a": true, "a-1": true,
		"": false, "628123456": false, "x1y2z3w4v5": false, "a b": false, "né": false, "+62": false,
		"abcdefghijklmnopqrstuvwxyzabcdefghi": false,
	} {
		if got := IsPlain(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
