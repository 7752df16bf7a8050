package replay

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/record"
)

// plan is what a run is to copy.
type plan struct {
	parts []part
}

// part is what is copied of one partition.
type part struct {
	of   kafka.Decided // of the source
	from int64         // the first offset that is looked at
	gone []gap         // what was deleted before it was copied

	records     int64
	bytes       int64
	first, last moment
	oldest      int64 // timestamps
	newest      int64
	largest     int            // by batch.Record.Size
	ledgers     map[string]int // records by ledger
	schemas     map[int]int64  // by id: the offset of the first record
	unframed    int64          // the offset of the first value without an id; -1: there is none
}

// moment is where a record stands, and its timestamp.
type moment struct{ offset, at int64 }

func (m moment) time() string {
	return time.UnixMilli(m.at).UTC().Format(time.RFC3339)
}

// gap is offsets that are not there any more: from <= offset < to.
type gap struct{ from, to int64 }

// lose notes that retention was faster.
func (p *part) lose(from, to int64) {
	if from < to {
		p.gone = append(p.gone, gap{from, to})
	}
}

// count counts what is selected.
func (p *plan) count(ctx context.Context, client *kafka.Client, f func() *filter, work *progress.Work) error {
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range p.parts {
		group.Go(func() error { return p.parts[i].count(reading, client, f(), work) })
	}
	return group.Wait()
}

func (p *part) count(ctx context.Context, client *kafka.Client, f *filter, work *progress.Work) error {
	p.ledgers, p.schemas, p.unframed = map[string]int{}, map[int]int64{}, -1
	at := p.from - 1
	return client.ScanDecided(ctx, f.Topic, p.of, p.from, func(r *batch.Stored) error {
		work.Add(int(r.Offset - at))
		at = r.Offset
		is, err := f.takes(ctx, r)
		if err != nil {
			return fmt.Errorf("%s[%d]@%d: %w", f.Topic, p.of.Partition, r.Offset, err)
		}
		if is {
			p.add(r)
		}
		return nil
	}, func(to int64) { p.lose(at+1, min(to, p.of.End)) })
}

// add counts a record that is selected.
func (p *part) add(r *batch.Stored) {
	at := moment{r.Offset, r.Timestamp}
	if p.records == 0 {
		p.first, p.oldest, p.newest = at, at.at, at.at
	}
	p.last, p.oldest, p.newest = at, min(p.oldest, at.at), max(p.newest, at.at)
	p.records++
	p.bytes += int64(r.Size())
	p.largest = max(p.largest, r.Size()+most)
	id, _ := r.Header(record.LedgerHeader)
	p.ledgers[string(id)]++ // which makes no string of an id that is there
	switch {
	case r.Value == nil:
	case len(r.Value) < 5 || r.Value[0] != 0:
		if p.unframed < 0 {
			p.unframed = r.Offset
		}
	default:
		schema := int(binary.BigEndian.Uint32(r.Value[1:]))
		if _, known := p.schemas[schema]; !known {
			p.schemas[schema] = r.Offset
		}
	}
}

// most is how many bytes a record of a batch has at most besides key, value and headers.
const most = 40 + added

// total is all of it.
func (p *plan) total() (all part) {
	all.ledgers = map[string]int{}
	for _, one := range p.parts {
		if one.records == 0 {
			continue
		}
		if all.records == 0 {
			all.oldest, all.newest = one.oldest, one.newest
		}
		all.records += one.records
		all.bytes += one.bytes
		all.oldest, all.newest = min(all.oldest, one.oldest), max(all.newest, one.newest)
		all.largest = max(all.largest, one.largest)
		for id, n := range one.ledgers {
			all.ledgers[id] += n
		}
	}
	return all
}

// offsets is how many are looked at.
func (p *plan) offsets() (n int64) {
	for _, one := range p.parts {
		n += max(0, one.of.End-one.from)
	}
	return n
}

// usual is how many records a second are expected where no rate is given.
const usual = 100_000

// print shows the plan.
func (p *plan) print(out io.Writer, rate int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "partition\trecords\tfirst offset\tof\tlast offset\tof\tbytes")
	for _, one := range p.parts {
		if one.records == 0 {
			fmt.Fprintf(w, "%d\t0\n", one.of.Partition)
			continue
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%d\t%s\t%s\n", one.of.Partition, progress.Count(one.records),
			one.first.offset, one.first.time(), one.last.offset, one.last.time(), progress.Count(one.bytes))
	}
	all := p.total()
	fmt.Fprintf(w, "all\t%s\t\t\t\t\t%s\n", progress.Count(all.records), progress.Count(all.bytes))
	_ = w.Flush() // out's errors are those of the next line
	if all.records > 0 {
		fast := usual
		if rate > 0 {
			fast = rate
		}
		takes := (time.Duration(float64(all.records) / float64(fast) * float64(time.Second))).Round(time.Second)
		fmt.Fprintf(out, "which takes %s at %s records a second\n", max(takes, time.Second), progress.Count(int64(fast)))
	}
}

// gaps says what was deleted from the source before it was copied.
func (p *plan) gaps(source string) (all []string) {
	for _, one := range p.parts {
		for _, g := range one.gone {
			all = append(all, fmt.Sprintf("offsets %d to %d of %s[%d]", g.from, g.to-1, source, one.of.Partition))
		}
	}
	return all
}

// ledgers lists whose records are selected.
func (all part) list() string {
	var of []string
	for _, id := range slices.Sorted(maps.Keys(all.ledgers)) {
		of = append(of, strconv.Quote(id)+" ("+progress.Count(int64(all.ledgers[id]))+" records)")
	}
	return strings.Join(of, ", ")
}
