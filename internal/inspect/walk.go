package inspect

import (
	"bytes"
	"context"
	"errors"

	"golang.org/x/sync/semaphore"

	"airudder-exporter/internal/jsonrows"
)

// walk goes through a detail's body, which may be broken or cut, as far as the
// exporter would: member takes each member of the envelope and of data, with its path,
// and row each row that is sound JSON.
type walk struct {
	member func(path string, raw []byte) // nil: it is too large to be held
	row    func(row jsonrows.Value)

	rows   int // of any kind
	broken int // that are no sound JSON
	alien  int // that are no objects
	array  bool
}

func (w *walk) body(ctx context.Context, body []byte) error {
	s := jsonrows.NewScanner(bytes.NewReader(body), jsonrows.NewProbe(), semaphore.NewWeighted(1))
	defer s.Close()
	if c, _ := s.Peek(); c == '<' {
		return errors.New("an HTML page instead of JSON: a proxy's?")
	}
	return s.EachKey(func(key string) error {
		if c, err := s.Peek(); key != "data" || c != '{' || err != nil {
			return w.take(ctx, s, key)
		}
		return s.EachKey(func(key string) error {
			if c, err := s.Peek(); key != "detail" || c != '[' || err != nil {
				return w.take(ctx, s, "data."+key)
			}
			return w.eachRow(ctx, s)
		})
	})
}

func (w *walk) take(ctx context.Context, s *jsonrows.Scanner, path string) error {
	raw, err := s.Optional(ctx)
	if err == nil {
		w.member(path, bytes.Clone(raw))
	}
	return err
}

func (w *walk) eachRow(ctx context.Context, s *jsonrows.Scanner) error {
	w.array = true
	if err := s.Array(); err != nil {
		return err
	}
	for {
		row, ok, err := s.Row(ctx)
		if err != nil || !ok {
			return err
		}
		w.rows++
		switch {
		case !row.Object:
			w.alien++
		case row.Deep || !jsonrows.Valid(row.Raw):
			w.broken++
		default:
			w.row(jsonrows.Keep(row.Raw)) // names and words of it are kept
		}
	}
}
