package shards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
)

// timing is how long the group's members wait for each other. A zero value stands
// for the default.
type timing struct {
	session   time.Duration // a silent member loses its shards after it; default 6 s, a broker's least
	rebalance time.Duration // how long members have to join a new generation; default 6 s
	beat      time.Duration // between two heartbeats of the library's; default 1 s
	request   time.Duration // dialling, and one request to the coordinator; default 3 s
	rejoin    time.Duration // wait after a failed join; default 0.5 to 1 s
}

func (t timing) withDefaults() timing {
	def := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	def(&t.session, 6*time.Second)
	def(&t.rebalance, 6*time.Second)
	def(&t.beat, time.Second)
	def(&t.request, 3*time.Second) // beat + request stays below the session
	def(&t.rejoin, 500*time.Millisecond+rand.N(500*time.Millisecond))
	return t
}

// group is this process's membership in the ledger's consumer group.
type group struct {
	Config
	timing
	client *kafka.Client
	id     string
	member string // how the id begins that the broker gives this member
	log    *slog.Logger

	mu      sync.Mutex
	present membership
	next    chan struct{} // closed when present is replaced
}

// membership is one member in one generation, as heartbeats name it.
type membership struct {
	generation int32
	member     string // empty: no generation yet
}

func newGroup(cfg Config, t timing, client *kafka.Client, log *slog.Logger) *group {
	for _, tell := range []*func(string){&cfg.Refused, &cfg.Silent} {
		if *tell == nil {
			*tell = func(string) {}
		}
	}
	return &group{
		Config: cfg,
		timing: t.withDefaults(),
		client: client,
		id:     GroupID(cfg.Ledger),
		member: memberPrefix(cfg.ClientID, time.Now()),
		log:    log,
		next:   make(chan struct{}),
	}
}

// assignGroup joins, follows the generations and leaves: owns first, so that
// no other member begins while one of ours still runs, then the group, which
// tells the others at once.
func (o *owners) assignGroup(ctx context.Context, g *group) error {
	cg, err := kafkago.NewConsumerGroup(g.config())
	if err != nil {
		return fmt.Errorf("assign shards: %w", err)
	}
	o.shard = g.shard
	given := make(chan gift)
	reading, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { g.read(reading, cg, given) })
	err = o.run(ctx, given)
	stop()
	wg.Wait()
	return errors.Join(err, cg.Close()) // Close waits until the leave is sent
}

// memberPrefix is the client id by which a process joins: brokers begin member
// ids with it, and shards go to members in the order of their ids. So a process
// keeps its place when it joins again after an error, which the library does
// under a new id, and later ones come after it: a standby that starts takes
// nothing from the owner.
func memberPrefix(clientID string, started time.Time) string {
	return fmt.Sprintf("%s-%010x-%08x", clientID, started.Unix(), rand.Uint32())
}

func (g *group) config() kafkago.ConsumerGroupConfig {
	return kafkago.ConsumerGroupConfig{
		ID:                g.id,
		Brokers:           g.Brokers,
		Topics:            []string{g.Ledger},
		Dialer:            g.client.Dialer(g.member, g.request),
		GroupBalancers:    []kafkago.GroupBalancer{shardBalancer{g.Ledger, g.Shards}},
		HeartbeatInterval: g.beat,
		SessionTimeout:    g.session,
		RebalanceTimeout:  g.rebalance,
		JoinGroupBackoff:  g.rejoin,
		Timeout:           g.request,
		// The partition count is pinned: growth changes nothing.
		WatchPartitionChanges: false,
	}
}

// read passes on what each generation gives until ctx ends. No function is
// started in a generation: the library ends a generation as soon as one of its
// functions returns, and waits for all of them before it joins the next one.
// The shards run beside the generations instead.
func (g *group) read(ctx context.Context, cg *kafkago.ConsumerGroup, given chan<- gift) {
	var trouble trouble
	for ctx.Err() == nil {
		gen, err := cg.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, kafkago.RebalanceInProgress): // joins again by itself
			continue
		case err != nil: // the library waits before it tries again
			g.complain(&trouble, err)
			continue
		case trouble.told != 0:
			g.Refused("")
			g.Silent("")
		}
		trouble.told, trouble.since = 0, time.Time{}
		entered := func() { g.enter(membership{gen.ID, gen.MemberID}) }
		select {
		case <-ctx.Done():
		case given <- gift{g.shardsOf(gen), entered}:
		}
	}
}

// trouble is what the group has answered since it last answered well.
type trouble struct {
	since time.Time     // zero: nothing
	told  kafkago.Error // what was told last; 0: nothing
}

// silence is for how long the group may be away before that is told: each broker that
// ends takes its coordinators with it, and a group's first one takes as long to come.
const silence = 5 * time.Second

// complain tells of an error, once for as long as it stays the same to people: what
// the network and a cluster in motion say differs from one moment to the next,
// and all of it is one.
func (g *group) complain(t *trouble, err error) {
	code, _ := errors.AsType[kafkago.Error](err)
	passing := code == kafkago.UnknownMemberId || access.Passing(err)
	if passing {
		code = kafkago.NetworkException
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	if code == t.told || passing && time.Since(t.since) < silence {
		return
	}
	t.told = code
	why := g.explain(err)
	g.log.Debug("the consumer group does not answer as it should", "group", g.id, "error", why)
	if passing {
		g.Refused("")
		g.Silent(why)
		return
	}
	g.Silent("")
	g.Refused(fmt.Sprintf("the consumer group %s refuses this exporter: %s", g.id, why))
}

// explain also knows the way out of a group that may not be joined.
func (g *group) explain(err error) string {
	if !errors.Is(err, kafkago.GroupAuthorizationFailed) {
		return g.client.Explain(err)
	}
	mode := "Assignment"
	if g.SettingName != nil {
		mode = g.SettingName(mode)
	}
	missing := &access.RightError{Operation: "Read", Resource: "group", Name: g.id, Err: err}
	return g.client.Explain(missing) + "; or set " + mode + "=" + All
}

func (g *group) shardsOf(gen *kafkago.Generation) []int {
	shards := []int{}
	for _, assignment := range gen.Assignments[g.Ledger] {
		if assignment.ID < g.Shards {
			shards = append(shards, assignment.ID)
		}
	}
	slices.Sort(shards)
	return shards
}

// enter makes m the present membership. It is called after the shards that m
// took away have been cancelled, so that whoever waits for it sees that first.
func (g *group) enter(m membership) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.present = m
	close(g.next)
	g.next = make(chan struct{})
}

// now is the present membership, and a channel that is closed when the next one
// begins.
func (g *group) now() (membership, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.present, g.next
}
