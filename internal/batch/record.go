// Package batch reads and writes Kafka record batches as bytes: records in and
// out, stamped, decided; pure.
package batch

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
