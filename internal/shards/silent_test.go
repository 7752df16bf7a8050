package shards

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
)

// A broker that takes connections and then says nothing, while we authenticate,
// holds neither the membership nor the end for ever.
func TestGroupSurvivesSilentBroker(t *testing.T) {
	verifyGoroutines(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	calls := make(chan struct{}, 100)
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			calls <- struct{}{}
		}
	})
	t.Cleanup(func() { listener.Close(); serving.Wait() })

	s := site{brokers: []string{listener.Addr().String()}}
	c := s.client(t, kafka.Config{Config: access.Config{SASL: access.SASL{Mechanism: access.Plain, Username: "u", Password: "p"}}})
	impatient := timing{request: 100 * time.Millisecond, rejoin: 10 * time.Millisecond}
	g := newGroup(s.config(Group, "ledger", 1), impatient, c, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- newMember(t).owners().assignGroup(ctx, g) }()
	limit, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for range 2 { // at the second call it has given the first one up
		select {
		case <-calls:
		case <-limit.Done():
			t.Error("the group waits on its first connection for ever")
		}
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("got %v, want nil", err)
		}
	case <-limit.Done():
		t.Error("Assign does not end")
	}
}
