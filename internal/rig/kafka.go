package rig

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/embedded"
)

// Kafka is what a test reaches brokers with, past whatever it tests.
type Kafka struct {
	T       testing.TB
	Brokers []string
	Real    bool // they were there before the test
	Client  *kgo.Client
}

// OpenKafka is Kafka in process or, where TEST_KAFKA_BROKERS is set, on those
// brokers.
func OpenKafka(t testing.TB) *Kafka {
	t.Helper()
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		return RealKafka(t)
	}
	return EmbeddedKafka(t)
}

// RealKafka is Kafka on the brokers of TEST_KAFKA_BROKERS; without them the test
// is skipped.
func RealKafka(t testing.TB) *Kafka {
	t.Helper()
	list := os.Getenv("TEST_KAFKA_BROKERS")
	if list == "" {
		t.Skip("needs a real broker: set TEST_KAFKA_BROKERS, as .ci/kafka.sh start prints it")
	}
	return DialKafka(t, true, strings.Split(list, ",")...)
}

// EmbeddedKafka is Kafka in process.
func EmbeddedKafka(t testing.TB) *Kafka {
	t.Helper()
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return DialKafka(t, false, broker.Addr())
}

// DialKafka is Kafka on brokers that somebody else has started.
func DialKafka(t testing.TB, real bool, brokers ...string) *Kafka {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Kafka{T: t, Brokers: brokers, Real: real, Client: client}
}

// Registry is the URL of TEST_SCHEMA_REGISTRY_URL or, where that is not set, of
// a registry in process.
func Registry(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("TEST_SCHEMA_REGISTRY_URL"); url != "" {
		return url
	}
	return EmbeddedRegistry(t)
}

// EmbeddedRegistry is the URL of a registry in process.
func EmbeddedRegistry(t testing.TB) string {
	t.Helper()
	registry, err := embedded.StartRegistry(embedded.RegistryConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	return registry.URL()
}

// Ask sends one request to whichever brokers it is for. An error code anywhere
// in the answer is an error.
func Ask[R any](k *Kafka, req kmsg.Request) (*R, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := k.Client.Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kmsg.NameForKey(req.Key()), err)
	}
	for _, code := range ErrorCodes(res) {
		if err := kerr.ErrorForCode(*code); err != nil {
			return nil, fmt.Errorf("%s: %w", kmsg.NameForKey(req.Key()), err)
		}
	}
	return any(res).(*R), nil
}

// ErrorCodes are all places of an answer that have room for an error code.
func ErrorCodes(res kmsg.Response) []*int16 { return codesIn(reflect.ValueOf(res)) }

func codesIn(v reflect.Value) (all []*int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			all = codesIn(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			return nil
		}
		for i := range v.Len() {
			all = append(all, codesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported():
			case field.Name == "ErrorCode":
				all = append(all, v.Field(i).Addr().Interface().(*int16))
			default:
				all = append(all, codesIn(v.Field(i))...)
			}
		}
	}
	return all
}

// insist asks until the cluster does it: a new topic, or a new setting, takes a
// moment to reach every broker.
func insist[R any](k *Kafka, what string, req kmsg.Request) {
	k.T.Helper()
	var last error
	defer func() {
		if last != nil {
			k.T.Logf("%s: %v", what, last)
		}
	}()
	Eventually(k.T, what, Patience, func() bool {
		_, last = Ask[R](k, req)
		return last == nil
	})
}
