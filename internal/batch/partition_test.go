package batch

import "testing"

// The vectors of Kafka's own UtilsTest.testMurmur2.
func TestPartitionForIsJavas(t *testing.T) {
	tests := map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	for key, murmur2 := range tests {
		for _, n := range []int{1, 2, 6, 50, 64, 65, 1000} {
			if got, want := PartitionFor([]byte(key), n), int(murmur2&0x7fffffff)%n; got != want {
				t.Errorf("PartitionFor(%q, %d) = %d, want %d", key, n, got, want)
			}
		}
	}
	if got, want := PartitionFor(nil, 7), PartitionFor([]byte{}, 7); got != want {
		t.Errorf("a record without a key goes to %d, want %d as with an empty one", got, want)
	}
}
