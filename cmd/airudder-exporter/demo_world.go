package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/embedded"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// world is all that the demo runs beside the exporter.
type world struct {
	options     demoOptions
	sim         *airuddersim.Sim
	resumed     bool // the campaigns are those of an earlier run
	upstream    *http.Server
	upstreamURL string
	broker      *embedded.Broker
	registry    *embedded.Registry
	statusAddr  string
}

// The ports that the demo would like; where one is taken, a free one serves.
const (
	statusPort   = 8080
	registryPort = 8081
	upstreamPort = 8090
	brokerPort   = 9092
)

// demoKey stands for credentials: the simulator takes any.
const demoKey = "demo"

// openWorld starts it all; what it had started when something failed ends again.
func openWorld(o demoOptions) (*world, error) {
	w := &world{options: o}
	if err := w.open(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) open() error {
	if err := w.openKept(); err != nil && w.options.dataDir != "" {
		return fmt.Errorf("--data-dir %s: %w", w.options.dataDir, err)
	} else if err != nil {
		return err
	}
	listener, err := listenNear(upstreamPort)
	if err != nil {
		return err
	}
	w.upstreamURL = "http://" + listener.Addr().String()
	w.upstream = &http.Server{Handler: w.sim.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = w.upstream.Serve(listener) }() // ends at close
	free, err := listenNear(statusPort)
	if err != nil {
		return err
	}
	w.statusAddr = free.Addr().String()
	return free.Close() // the exporter takes it in a moment
}

// openKept starts what --data-dir keeps.
func (w *world) openKept() (err error) {
	dir, quiet := w.options.dataDir, slog.New(slog.DiscardHandler)
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if w.broker, err = embedded.StartBroker(embedded.BrokerConfig{Port: brokerPort, DataDir: dir, Logger: quiet}); err != nil {
		return err
	}
	if w.registry, err = embedded.StartRegistry(embedded.RegistryConfig{Port: registryPort, DataDir: dir, Logger: quiet}); err != nil {
		return err
	}
	w.sim, w.resumed, err = openSim(w.options)
	return err
}

// openSim starts the campaigns, or goes on with those of the last run.
func openSim(o demoOptions) (sim *airuddersim.Sim, resumed bool, err error) {
	cfg := airuddersim.Config{
		Seed: uint64(time.Now().UnixNano()), Tasks: o.tasks, Rate: o.rate, RowsPerTask: 60, Renew: true,
		WarmUp: time.Minute, Lead: 2 * time.Second, Pause: 4 * time.Second, RedialWait: 5 * time.Second, Gzip: true,
	}
	if o.dataDir == "" {
		return airuddersim.New(cfg), false, nil
	}
	sim, err = airuddersim.LoadFile(cfg, simState(o))
	if errors.Is(err, fs.ErrNotExist) {
		// Kept at once: a demo that is killed goes on with these campaigns.
		sim = airuddersim.New(cfg)
		return sim, false, sim.SaveFile(simState(o))
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", filepath.Base(simState(o)), err)
	}
	sim.Resume(time.Now())
	return sim, true, nil
}

func simState(o demoOptions) string { return filepath.Join(o.dataDir, "airudder.json") }

// save keeps the campaigns for the next run.
func (w *world) save() error {
	if w.options.dataDir == "" {
		return nil
	}
	return w.sim.SaveFile(simState(w.options))
}

func (w *world) close() {
	if w.upstream != nil {
		_ = w.upstream.Close()
	}
	if w.registry != nil {
		w.registry.Close()
	}
	if w.broker != nil {
		w.broker.Close()
	}
}

// listenNear listens on a loopback port, or on a free one where it is taken.
func listenNear(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		return listener, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// childEnv is the exporter's whole environment: what an operator would set, with
// intervals for people who watch.
func (w *world) childEnv() []string {
	return []string{
		"AIRUDDER_BASE_URL=" + w.upstreamURL,
		"AIRUDDER_APP_KEY=" + demoKey,
		"AIRUDDER_APP_SECRET=" + demoKey,
		"AIRUDDER_LIST_INTERVAL=1s",
		"AIRUDDER_REQUESTS_PER_SECOND=50",
		"AIRUDDER_POLL_MIN_INTERVAL=250ms",
		"AIRUDDER_POLL_MAX_INTERVAL=2s",
		"AIRUDDER_POLL_AFTER_END=5m",
		"KAFKA_BROKERS=" + w.broker.Addr(),
		"KAFKA_CREATE_TOPICS=true",
		"KAFKA_ASSIGNMENT=all",
		"SCHEMA_REGISTRY_URL=" + w.registry.URL(),
		"HTTP_ADDR=" + w.statusAddr,
	}
}

// demoTopic is the event topic that the exporter uses by default.
const demoTopic = "airudder.call-completed"

// client is the demo's own reader: it shares nothing with the exporter.
func (w *world) client() (*kafka.Client, error) {
	return kafka.Dial(kafka.Config{Brokers: []string{w.broker.Addr()}, ClientID: "demo-reader", EventTopic: demoTopic},
		slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

func (w *world) decoder() (*record.Decoder, error) {
	return record.NewDecoder(record.Registry{URL: w.registry.URL()})
}

// watch shows each event to the watch until ctx ends.
func (w *world) watch(ctx context.Context, seen *watch) error {
	client, err := w.client()
	if err != nil {
		return err
	}
	defer client.Close()
	decoder, err := w.decoder()
	if err != nil {
		return err
	}
	for { // until the exporter has made the topic
		if _, err := client.Ends(ctx, demoTopic); err == nil {
			break
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return client.Tail(ctx, []string{demoTopic}, true, func(m kafka.Message) error {
		event, err := decoder.Event(ctx, m.Record)
		if err == nil {
			seen.add(m, event)
		}
		return err
	})
}

// prove reads the whole topic again, read_committed, with a client of its own,
// and holds what it finds against the simulator's truth.
func (w *world) prove(ctx context.Context) (proof, error) {
	client, err := w.client()
	if err != nil {
		return proof{}, err
	}
	defer client.Close()
	decoder, err := w.decoder()
	if err != nil {
		return proof{}, err
	}
	ranges, err := client.Ends(ctx, demoTopic)
	if err != nil {
		return proof{}, err
	}
	var events []airuddersim.CallKey
	for partition, r := range ranges {
		err := client.Scan(ctx, demoTopic, partition, r.Start, r.End, func(m kafka.Message) error {
			event, err := decoder.Event(ctx, m.Record)
			events = append(events, airuddersim.CallKey{TaskID: event.TaskID, CallID: event.CallID})
			return err
		})
		if err != nil {
			return proof{}, err
		}
	}
	return proof{w.sim.Truth().Check(events)}, nil
}

// finished is how many calls there must be an event for, once all is done.
func (w *world) finished() (n int) {
	for _, t := range w.sim.Truth().Tasks {
		n += len(t.Calls)
	}
	return n
}

// proof is the demo's last line.
type proof struct{ airuddersim.Proof }

func (p proof) holds() bool { return p.Holds() }

func (p proof) String() string {
	s := fmt.Sprintf("finished %d · events %d · duplicates %d · missing %d", p.Finished, p.Events, len(p.Duplicates), len(p.Missing))
	if n := len(p.Unknown); n > 0 {
		s += fmt.Sprintf(" · never finished %d", n)
	}
	return s
}
