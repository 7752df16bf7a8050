package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
)

// kfake's logs are entries of length (4 bytes, little endian, of what follows
// the CRC), CRC-32C (4), version (2) and JSON.
const frameHeader = 10

// readFramed returns the JSON of a log's whole entries; none for a missing one.
func readFramed(path string) ([][]byte, error) {
	log, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var entries [][]byte
	for len(log) >= frameHeader {
		length := int(binary.LittleEndian.Uint32(log))
		if length < 2 || 8+length > len(log) {
			break
		}
		body := log[8 : 8+length]
		if crc32.Checksum(body, castagnoli()) != binary.LittleEndian.Uint32(log[4:]) {
			break
		}
		entries = append(entries, body[2:])
		log = log[8+length:]
	}
	return entries, err
}

// frame is the inverse of readFramed.
func frame(entries [][]byte) []byte {
	var log []byte
	for _, text := range entries {
		body := append(binary.LittleEndian.AppendUint16(nil, formatVersion), text...)
		log = binary.LittleEndian.AppendUint32(log, uint32(len(body)))
		log = binary.LittleEndian.AppendUint32(log, crc32.Checksum(body, castagnoli()))
		log = append(log, body...)
	}
	return log
}
