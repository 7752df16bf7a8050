package rig

import (
	"bytes"
	"fmt"
	"path"
	"slices"
)

// openPrivacy is the header airudder_privacy where nothing is hidden: the preset, and the
// first 16 digits of the SHA-256 of no text.
const openPrivacy = "open/e3b0c44298fc1c14"

// checkPrivate holds what is kept apart from events against these: where there is such a
// topic each event, and each of its revisions, has one record there, under its key, in the partition of its number.
func (e *Evidence) checkPrivate() {
	if e.Topics.Private == "" {
		return
	}
	apart := map[string]Record{}
	for _, p := range e.Private {
		id := Header(p.Record, "ce_id")
		if _, twice := apart[id]; twice {
			e.wrong(p.Call(), "%s: another record has the ce_id %s, too", p, id)
		}
		apart[id] = p
	}
	published := slices.Clone(e.Calls)
	for _, r := range e.Revised {
		published = append(published, r.revised())
	}
	for _, c := range published {
		id := Header(c.Record, "ce_id") + "/private"
		p, there := apart[id]
		delete(apart, id)
		if !there {
			e.wrong(c.Call(), "%s: there is no %s", c, id)
			continue
		}
		if !bytes.Equal(p.Key, c.Key) || p.Partition != c.Partition {
			e.wrong(c.Call(), "%s: got key %q, want %q in the same partition as %s", p, p.Key, c.Key, c)
		}
		if p.Call() != c.Call() || p.Text("account") != c.Text("account") || fmt.Sprint(p.Number("revision")) != path.Base(Header(c.Record, "ce_id")) {
			e.wrong(c.Call(), "%s: it is of account %q, %v, revision %d", p, p.Text("account"), p.Call(), p.Number("revision"))
		}
		want := slices.Clone(c.Headers)
		for i := range want {
			switch want[i].Key {
			case "ce_type":
				want[i].Value = []byte("airudder.call.private")
			case "ce_id":
				want[i].Value = []byte(id)
			}
		}
		for i, h := range want {
			if len(p.Headers) != len(want) || p.Headers[i].Key != h.Key || !bytes.Equal(p.Headers[i].Value, h.Value) {
				e.wrong(c.Call(), "%s: got headers %v, want %v", p, p.Headers, want)
				break
			}
		}
	}
	for id, p := range apart {
		e.wrong(p.Call(), "%s: %s is of no event", p, id)
	}
}
