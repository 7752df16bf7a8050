package airudder

import "testing"

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
