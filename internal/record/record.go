// Package record turns a plan into Kafka records (topic, key, headers, Avro
// value) and back, and registers and checks the schemas that they are written
// with.
package record

// Record is one Kafka record to be written, or one that was read.
type Record struct {
	Topic   string
	Key     []byte
	Value   []byte // nil: a tombstone
	Headers []Header
}

// Header is one header of a Record.
type Header struct {
	Key   string
	Value []byte
}

// Size is how many bytes of a record batch the record takes at most, before
// compression (https://kafka.apache.org/documentation/#record): key, value,
// headers, and the longest varints that may stand before them.
func (r Record) Size() int {
	const lengths = 5 + 1 + 1 + 5 + 5 + 5 + 3 // of the record, attributes, time, offset, key, value, number of headers
	size := lengths + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += 3 + 5 + len(h.Key) + len(h.Value)
	}
	return size
}
