package shards

import (
	"cmp"
	"slices"

	kafkago "github.com/segmentio/kafka-go"
)

// shardBalancer gives each of a ledger's shards to one group member: members
// in the order of their ids, contiguous ranges that differ by at most one. It
// counts to the pinned number of shards and ignores the partitions that the topic
// has just now, so that neither a partition added later nor a gap in one member's
// metadata changes who owns what.
type shardBalancer struct {
	topic  string
	shards int
}

// ProtocolName is the name that all members must share. It is not one of the
// usual ones: a stray consumer with this group's id is refused
// (INCONSISTENT_GROUP_PROTOCOL) instead of being given shards.
func (b shardBalancer) ProtocolName() string { return "airudder-shards" }

// UserData is nothing: a member has no say in what it is given.
func (b shardBalancer) UserData() ([]byte, error) { return nil, nil }

// AssignGroups is called in the member that leads the group.
func (b shardBalancer) AssignGroups(
	members []kafkago.GroupMember, _ []kafkago.Partition,
) kafkago.GroupMemberAssignments {
	sorted := slices.SortedFunc(slices.Values(members), func(x, y kafkago.GroupMember) int {
		return cmp.Compare(x.ID, y.ID)
	})
	given := make(kafkago.GroupMemberAssignments, len(sorted))
	for i, member := range sorted {
		// The first members get the larger shares.
		from := shareStart(i, len(sorted), b.shards)
		to := shareStart(i+1, len(sorted), b.shards)
		var shards []int
		for shard := from; shard < to; shard++ {
			shards = append(shards, shard)
		}
		given[member.ID] = map[string][]int{b.topic: shards}
	}
	return given
}

// shareStart is the first shard of the i-th of n members.
func shareStart(i, n, shards int) int {
	return i*(shards/n) + min(i, shards%n)
}
