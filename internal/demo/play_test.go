package demo

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// A demo of which a part cannot continue ends by itself and says which.
func TestPlayEndsByItself(t *testing.T) {
	for _, tt := range []struct{ exporter, want string }{
		{"ends", "the exporter ended 5 times in a row and published nothing"},
		{"runs", "the demo's own reader ended: "},
	} {
		w, err := openWorld(Options{Tasks: 1, Rate: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.close)
		if tt.exporter == "runs" {
			w.publishNonsense(t)
		}
		say := &notices{w: &output{}}
		ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
		defer cancel()
		err = w.play(ctx, newChild(exporter(tt.exporter), nil, say), newWatch(&output{}), say)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("it ended with %v, want %s", err, tt.want)
		}
	}
}

// publishNonsense writes an event that no reader can decode.
func (w *world) publishNonsense(t *testing.T) {
	t.Helper()
	w.createTopic(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("no Avro")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (w *world) createTopic(t *testing.T) {
	t.Helper()
	if err := w.broker.Cluster().CreateTopic(topic, 1, nil); err != nil {
		t.Fatal(err)
	}
}

// Only a count of some calls is one.
func TestReport(t *testing.T) {
	for _, tt := range []struct {
		name     string
		finished int
		topic    bool // there is one, and it is empty
		want     string
		prints   string
	}{
		{"interrupted before the exporter had a topic", 0, false, "no call had finished", ""},
		{"interrupted before a call finished", 0, true, "no call had finished", ""},
		{"no topic for what finished", 2, false, "count the events: ", ""},
		{"nothing was published", 2, true, "the count does not hold", `{"finished":2,"events":0,"duplicates":0,"missing":2}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := openWorld(Options{Tasks: 1, Rate: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			w.sim = airuddersim.New(airuddersim.Config{})
			w.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(tt.finished)})
			if tt.topic {
				w.createTopic(t)
			}
			var stdout, stderr output
			err = w.report(t.Context(), newWatch(&stdout), &notices{w: &stderr})
			if err == nil || !strings.Contains(err.Error(), tt.want) || stdout.String() != tt.prints {
				t.Errorf("it prints %q and ends with %v, want %q and %s", &stdout, err, tt.prints, tt.want)
			}
			if tt.prints != "" && !strings.HasSuffix(stderr.String(), "finished 2 · events 0 · duplicates 0 · missing 2\n") {
				t.Errorf("it says %q", &stderr)
			}
		})
	}
}

func TestCountString(t *testing.T) {
	for _, tt := range []struct {
		count count
		want  string
	}{
		{count{Finished: 312, Events: 312}, "finished 312 · events 312 · duplicates 0 · missing 0"},
		{count{Finished: 3, Events: 4, Duplicates: 1}, "finished 3 · events 4 · duplicates 1 · missing 0"},
		{count{Finished: 3, Events: 4, NeverFinished: 1}, "finished 3 · events 4 · duplicates 0 · missing 0 · never finished 1"},
	} {
		if got := tt.count.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestInterruptedAgain(t *testing.T) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, os.Interrupt) // this process lives on, whoever listens
	defer signal.Stop(caught)
	first, interrupt := context.WithCancel(t.Context())
	playing, end := context.WithTimeout(t.Context(), rig.Patience)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- interruptedAgain(first, playing) }()
	interrupt()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err == nil || !strings.HasPrefix(err.Error(), "interrupted again") {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-tick.C:
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNotInterruptedAgain(t *testing.T) {
	for name, first := range map[string]func() context.Context{
		"never interrupted": t.Context,
		"interrupted once": func() context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx
		},
	} {
		playing, end := context.WithCancel(t.Context())
		end()
		if err := interruptedAgain(first(), playing); err != nil {
			t.Errorf("%s: a demo that ends meets %v", name, err)
		}
	}
}
