package compat

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/rig"
)

// Each thing that a Kafka does wrong is found by its own try, in words; whatever fails,
// nothing is left behind.
func TestUnfitKafka(t *testing.T) {
	for name, tt := range map[string]struct {
		twist rig.Twist
		fails []string
		says  string
	}{
		"an old Fetch":            {answers(oldFetch), []string{"requests"}, "the brokers do not know Fetch in version 11, which is in Apache Kafka since 2.3 (offered: 10)"},
		"no transactions":         {rig.NotOffered(kmsg.InitProducerID), []string{"requests"}, "the brokers do not know InitProducerId"},
		"transactions refused":    {rig.Refused(kmsg.InitProducerID, 35), []string{"transactions"}, "this Kafka has no transactions, without which"},
		"no topic is made":        {rig.Refused(kmsg.CreateTopics, 44), []string{"topics"}, "cannot be created"},
		"no compaction":           {asks(uncompacted), []string{"compaction"}, `and has "delete"`},
		"no markers":              {rig.WithoutMarkers(), []string{"control records"}, "the record has offset 0, and the log ends at 1: no marker was written"},
		"hidden markers":          {rig.HidesMarkers(), []string{"control records"}, "the log ends at 2, and nothing is sent but the record at offset 0: markers are kept from consumers"},
		"open ones are sent":      {asks(uncommittedFetch), []string{"open transactions", "aborts"}, "was sent to a read_committed consumer before it was committed"},
		"open ones are counted":   {asks(uncommittedEnds), []string{"open transactions"}, "ListOffsets gives read_committed consumers the end"},
		"a stable end too far":    {answers(stableEverywhere), []string{"open transactions"}, "the last stable offset is"},
		"aborted ones not listed": {answers(unlisted), []string{"aborts"}, "is not told that it was aborted"},
		"aborts without markers":  {answers(abortsHidden), []string{"aborts", "read_committed"}, "no marker of the abort follows"},
		"no fence": {newIDs(), []string{"aborts", "fence of a produce", "fence of a commit", "read_committed"},
			"a second producer took the transactional id over, and the broker accepted the"},
		"aborted ones read":     {answers(abortsCommit), []string{"read_committed"}, "were committed, and"},
		"a hidden barrier":      {answers(ledgerHidden), []string{"producer"}, "this Kafka keeps no control records"},
		"a commit that is none": {commitsLost(), []string{"two topics"}, "the event was committed, and is read 0 times"},
		"an entry that is lost": {answers(entryLost), []string{"restart"}, "does not show the entry that was committed"},
		"small events":          {answers(smallEvents), []string{"event size"}, "max.message.bytes"},
		"no times":              {answers(timeless), []string{"times"}, "the brokers find 0"},
		"no group":              {rig.Refused(kmsg.JoinGroup, 24), []string{"consumer group"}, "it gives no shard out"},
		"no group's offsets":    {answers(noOffsets), []string{"group offsets"}, "the offsets of the group"},
		"a topic that stays":    {deletesOnce(), []string{"deletion"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := inProcess(t)
			cfg := config(k.Twisted(tt.twist), rig.EmbeddedRegistry(t))
			if name == "a hidden barrier" { // which is waited for so long
				cfg.Kafka.TransactionTimeout = 3 * time.Second
			}
			all := verdicts(t, cfg)
			if fails := with(Fails, all); !slices.Equal(fails, tt.fails) {
				t.Fatalf("fails: %q, want %q", fails, tt.fails)
			}
			said := func(v Verdict) bool {
				return v.Outcome == Fails && strings.Contains(v.Text, tt.says) && v.Breaks != "" && v.Cure != ""
			}
			if !slices.ContainsFunc(all, said) {
				t.Errorf("it does not say %q, with what breaks and the cure: %v", tt.says, all)
			}
			if name != "a topic that stays" {
				rig.Eventually(t, "the topics to go", rig.Patience, func() bool { return len(leftBehind(k, cfg)) == 0 })
			}
		})
	}
}

func asks(change func(kmsg.Request)) rig.Twist { return rig.Twist{Ask: change} }

func answers(change func(kmsg.Request, kmsg.Response)) rig.Twist { return rig.Twist{Answer: change} }

func oldFetch(_ kmsg.Request, res kmsg.Response) {
	if offered, ok := res.(*kmsg.ApiVersionsResponse); ok {
		for i := range offered.ApiKeys {
			if offered.ApiKeys[i].ApiKey == int16(kmsg.Fetch) {
				offered.ApiKeys[i].MaxVersion = 10
			}
		}
	}
}

func uncompacted(req kmsg.Request) {
	if create, ok := req.(*kmsg.CreateTopicsRequest); ok {
		for i := range create.Topics {
			t := &create.Topics[i]
			t.Configs = slices.DeleteFunc(t.Configs, func(c kmsg.CreateTopicsRequestTopicConfig) bool { return c.Name == "cleanup.policy" })
		}
	}
}

func uncommittedFetch(req kmsg.Request) {
	if fetch, ok := req.(*kmsg.FetchRequest); ok {
		fetch.IsolationLevel = 0
	}
}

func uncommittedEnds(req kmsg.Request) {
	if list, ok := req.(*kmsg.ListOffsetsRequest); ok {
		list.IsolationLevel = 0
	}
}

func stableEverywhere(_ kmsg.Request, res kmsg.Response) {
	rig.EachFetched(res, func(_ string, p *kmsg.FetchResponseTopicPartition) { p.LastStableOffset = p.HighWatermark })
}

func unlisted(_ kmsg.Request, res kmsg.Response) {
	rig.EachFetched(res, func(_ string, p *kmsg.FetchResponseTopicPartition) { p.AbortedTransactions = nil })
}

// aborts reports whether a batch is an abort's marker: its one record's key, after
// its length, attributes, time, offset and the key's length, all of one byte, is a version
// and the kind, 0.
func aborts(batch []byte) bool {
	const key = 61 + 5
	return rig.Control(batch) && batch[key+3] == 0
}

func each(res kmsg.Response, keep func(topic string, batch []byte) bool) {
	rig.EachFetched(res, func(topic string, p *kmsg.FetchResponseTopicPartition) {
		var kept []byte
		for _, b := range rig.Batches(p.RecordBatches) {
			if keep(topic, b) {
				kept = append(kept, b...)
			}
		}
		p.RecordBatches = kept
	})
}

func abortsHidden(_ kmsg.Request, res kmsg.Response) {
	each(res, func(_ string, b []byte) bool { return !aborts(b) })
}

// abortsCommit has a reader from the beginning see an abort as a commit.
func abortsCommit(req kmsg.Request, res kmsg.Response) {
	fetch, ok := req.(*kmsg.FetchRequest)
	if !ok || fetch.Topics[0].Partitions[0].FetchOffset > 0 {
		return
	}
	each(res, func(_ string, b []byte) bool {
		if aborts(b) {
			b[61+5+3] = 1
			binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
		}
		return true
	})
}

func ledgerHidden(_ kmsg.Request, res kmsg.Response) {
	each(res, func(topic string, b []byte) bool { return !strings.HasPrefix(topic, "ledger-") || !rig.Control(b) })
}

func entryLost(_ kmsg.Request, res kmsg.Response) {
	each(res, func(_ string, b []byte) bool { return !bytes.Contains(b, []byte("call/one")) })
}

// newIDs is a Kafka that takes each producer of a transactional id for one of its own.
func newIDs() rig.Twist {
	var n atomic.Int64
	const every = "-of-"
	ids := make(chan map[int64]string, 1)
	ids <- map[int64]string{}
	as := func(id *string, producer int64) {
		all := <-ids
		if name := all[producer]; name != "" {
			*id = name
		}
		ids <- all
	}
	return rig.Twist{
		Ask: func(req kmsg.Request) {
			switch req := req.(type) {
			case *kmsg.InitProducerIDRequest:
				if strings.HasSuffix(*req.TransactionalID, "-log") {
					name := *req.TransactionalID + every + strconv.FormatInt(n.Add(1), 10)
					req.TransactionalID = &name
				}
			case *kmsg.AddPartitionsToTxnRequest:
				as(&req.TransactionalID, req.ProducerID)
			case *kmsg.EndTxnRequest:
				as(&req.TransactionalID, req.ProducerID)
			case *kmsg.ProduceRequest:
				if b := req.Topics[0].Partitions[0].Records; req.TransactionID != nil {
					name := *req.TransactionID
					as(&name, int64(binary.BigEndian.Uint64(b[43:])))
					req.TransactionID = &name
				}
			}
		},
		Answer: func(req kmsg.Request, res kmsg.Response) {
			if got, ok := res.(*kmsg.InitProducerIDResponse); ok {
				all := <-ids
				all[got.ProducerID] = *req.(*kmsg.InitProducerIDRequest).TransactionalID
				ids <- all
			}
		},
	}
}

// commitsLost is a Kafka that aborts what a shard's producer commits after its barrier.
func commitsLost() rig.Twist {
	var n atomic.Int64
	return asks(func(req kmsg.Request) {
		if end, ok := req.(*kmsg.EndTxnRequest); ok && strings.HasSuffix(end.TransactionalID, "-0") && end.ProducerID != math.MaxInt64 && n.Add(1) > 1 { // nobody's asks for the right
			end.Commit = false
		}
	})
}

func smallEvents(req kmsg.Request, res kmsg.Response) {
	if produce, ok := req.(*kmsg.ProduceRequest); ok && len(produce.Topics[0].Partitions[0].Records) > 500_000 {
		for _, code := range rig.ErrorCodes(res) {
			*code = 10
		}
	}
}

func timeless(req kmsg.Request, res kmsg.Response) {
	if list, ok := req.(*kmsg.ListOffsetsRequest); ok && list.Topics[0].Partitions[0].Timestamp >= 0 {
		for _, t := range res.(*kmsg.ListOffsetsResponse).Topics {
			for i := range t.Partitions {
				t.Partitions[i].Offset = -1
			}
		}
	}
}

// noOffsets leaves alone those that the library asks for in its group, by an older version.
func noOffsets(req kmsg.Request, res kmsg.Response) {
	if _, ok := res.(*kmsg.OffsetFetchResponse); ok && req.GetVersion() >= 3 {
		for _, code := range rig.ErrorCodes(res) {
			*code = -1
		}
	}
}

// deletesOnce is a Kafka that lets topics be deleted until there are any.
func deletesOnce() rig.Twist {
	var n atomic.Int64
	return answers(func(_ kmsg.Request, res kmsg.Response) {
		if deleted, ok := res.(*kmsg.DeleteTopicsResponse); ok && n.Add(1) > 1 {
			for i := range deleted.Topics {
				deleted.Topics[i].ErrorCode = 73
			}
		}
	})
}
