package kafka

import (
	"fmt"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

// The vectors of Kafka's own UtilsTest.testMurmur2.
func TestMurmur2(t *testing.T) {
	tests := map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	}
	for in, want := range tests {
		if got := int32(murmur2([]byte(in))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestPartitionForIsKafkaGos(t *testing.T) {
	partitions := make([]int, 0, 50)
	for n := 1; n <= 50; n++ {
		partitions = append(partitions, n-1)
		for i := range 40 {
			key := []byte(fmt.Sprintf("%x", i*i*i*7919)[:1+i%4])
			want := kafkago.Murmur2Balancer{Consistent: true}.Balance(kafkago.Message{Key: key}, partitions...)
			if got := PartitionFor(key, n); got != want {
				t.Fatalf("PartitionFor(%q, %d) = %d, want %d", key, n, got, want)
			}
		}
	}
	if got, want := PartitionFor(nil, 7), PartitionFor([]byte{}, 7); got != want {
		t.Errorf("a record without a key goes to %d, want %d as with an empty one", got, want)
	}
}
