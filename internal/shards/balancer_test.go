package shards

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

func TestShardBalancer(t *testing.T) {
	for _, test := range []struct {
		shards  int
		members []string
		want    map[string][]int
	}{
		{4, []string{"a"}, map[string][]int{"a": {0, 1, 2, 3}}},
		{4, []string{"b", "a"}, map[string][]int{"a": {0, 1}, "b": {2, 3}}},
		{5, []string{"c", "a", "b"}, map[string][]int{"a": {0, 1}, "b": {2, 3}, "c": {4}}},
		{1, []string{"b", "a"}, map[string][]int{"a": {0}, "b": nil}},
		{2, []string{"c", "b", "a"}, map[string][]int{"a": {0}, "b": {1}, "c": nil}},
		{3, nil, map[string][]int{}},
	} {
		got := map[string][]int{}
		for id, topics := range (shardBalancer{"ledger", test.shards}).AssignGroups(groupMembers(test.members), nil) {
			got[id] = topics["ledger"]
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%d shards, members %v: got %v, want %v", test.shards, test.members, got, test.want)
		}
	}
}

// Whatever the order of the members, each shard has one owner, the split is
// even, and it is always the same.
func TestShardBalancerSplitsEvenly(t *testing.T) {
	for shards := range 20 {
		for n := 1; n < 8; n++ {
			ids := make([]string, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("member-%d", i)
			}
			b := shardBalancer{"ledger", shards}
			first := b.AssignGroups(groupMembers(ids), nil)
			owners := make(map[int]string)
			for id, topics := range first {
				if got := len(topics["ledger"]); got < shards/n || got > (shards+n-1)/n {
					t.Errorf("%d shards, %d members: %s got %d", shards, n, id, got)
				}
				for _, shard := range topics["ledger"] {
					if other, twice := owners[shard]; twice {
						t.Errorf("%d shards, %d members: shard %d is given to %s and %s", shards, n, shard, id, other)
					}
					owners[shard] = id
				}
			}
			if len(owners) != shards {
				t.Errorf("%d shards, %d members: got %d owned", shards, n, len(owners))
			}
			rand.Shuffle(n, func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			if again := b.AssignGroups(groupMembers(ids), nil); !reflect.DeepEqual(again, first) {
				t.Errorf("%d shards, members shuffled: got %v, want %v", shards, again, first)
			}
		}
	}
}

func groupMembers(ids []string) []kafkago.GroupMember {
	members := make([]kafkago.GroupMember, len(ids))
	for i, id := range ids {
		members[i] = kafkago.GroupMember{ID: id, Topics: []string{"ledger"}}
	}
	return members
}
