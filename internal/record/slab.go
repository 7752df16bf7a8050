package record

// slabSize is how much memory a slab takes at once, in bytes. One record keeps
// its whole slab alive, so it is about what a small plan needs.
const slabSize = 64 << 10

// slab hands out memory piece by piece. A piece that was kept is never written
// again and lives as long as anyone holds it. The zero slab is ready to use.
type slab struct {
	free []byte // length 0
	want int    // how much the next piece may need, judging by those before it
}

// next returns an empty slice to append one piece to.
func (s *slab) next() []byte {
	if cap(s.free) <= s.want {
		s.free = make([]byte, 0, slabSize)
	}
	return s.free
}

// keep takes the piece that was appended to what next returned. A piece that
// outgrew the slab has memory of its own.
func (s *slab) keep(piece []byte) []byte {
	n := len(piece)
	if n <= cap(s.free) {
		s.free = s.free[n:n]
	}
	s.want = min(max(s.want, n), slabSize/4)
	return piece[:n:n]
}
