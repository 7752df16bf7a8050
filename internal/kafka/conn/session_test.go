package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"

	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/rig"
)

// broker answers every request with its versions, after a while.
type broker struct {
	rig.Login
	takes atomic.Int64
}

func (b *broker) serve(c net.Conn) {
	defer c.Close()
	for {
		head := make([]byte, 12) // size, key, version, correlation id
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head))-8); err != nil {
			return
		}
		time.Sleep(time.Duration(b.takes.Load()))
		res := append([]byte{0, 0, 0, 34}, head[8:]...)
		res = append(res, 0, 0) // no error; then three keys
		res = append(res, 0, 0, 0, 3)
		for _, key := range []protocol.ApiKey{protocol.ApiVersions, protocol.SaslHandshake, protocol.SaslAuthenticate} {
			res = append(res, 0, byte(key), 0, 0, 0, 1)
		}
		binary.BigEndian.PutUint32(res, uint32(len(res)-4))
		if _, err := c.Write(res); err != nil {
			return
		}
	}
}

// dial is a connection whose login has a token where there is one.
func (b *broker) dial(t *testing.T, token func() (string, error), refused func()) (net.Conn, error) {
	t.Helper()
	_, mechanism, err := access.Config{SASL: access.SASL{
		Mechanism: access.OAuthBearer, Extensions: []string{"logicalCluster=lkc-1", "identityPoolId=pool-1"}, Refused: refused,
		Token: func(context.Context) (string, error) { return token() },
	}}.Secure()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Opener{SASL: mechanism, ClientID: "test", Limit: time.Minute, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go b.serve(b.Before(server))
		return client, nil
	}}.Open(t.Context(), "tcp", "broker:9092")
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// lasting is a broker that lets everybody in, for a while.
func lasting(life time.Duration) *broker {
	b := &broker{}
	b.Accept = func(string, string) (time.Duration, string) { return life, "" }
	return b
}

func good() (string, error) { return "token", nil }

func ask(t *testing.T, c net.Conn) error {
	t.Helper()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	_, err := protocol.NewConn(c, "test").RoundTrip(new(apiversions.Request))
	return err
}

func (b *broker) counts(t *testing.T, first, again, cut int) {
	t.Helper()
	if f, a, c := b.Counts(); f != first || a != again || c != cut {
		t.Errorf("%d logins, %d again, %d cut; want %d, %d, %d", f, a, c, first, again, cut)
	}
}

func open(t *testing.T, b *broker, token func() (string, error)) net.Conn {
	t.Helper()
	c, err := b.dial(t, token, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A connection in use logs in again after each four fifths of its session, one that stood
// idle past its end at the next request, and one whose session does not end never.
func TestSession(t *testing.T) {
	for _, test := range []struct {
		life, every  time.Duration
		again, asked int
	}{
		{10 * time.Second, time.Second, 12, 100}, // each 8 s
		{10 * time.Second, time.Hour, 9, 10},
		{time.Second, 100 * time.Millisecond, 9, 100}, // not before a second has passed
		{0, time.Hour, 0, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := lasting(test.life)
			if test.life == time.Second {
				b = lasting(test.life + time.Millisecond)
			}
			c := open(t, b, good)
			for range test.asked {
				if err := ask(t, c); err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.every)
			}
			b.counts(t, 1, test.again, 0)
		})
	}
}

// The login waits until what was asked before is answered; the request behind it, too.
func TestSessionUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lasting(10 * time.Second)
		c := open(t, b, good)
		b.takes.Store(int64(5 * time.Second))
		time.Sleep(7 * time.Second)
		first := make(chan error)
		go func() { first <- ask(t, c) }()
		time.Sleep(2 * time.Second) // it would be time
		second := make(chan bool)
		go func() {
			request := []byte{0, 0, 0, 12, 0, 18, 0, 0, 0, 0, 0, 9, 0, 2, 'm', 'e'}
			for _, part := range [][]byte{request[:3], request[3:9], request[9:]} {
				if _, err := c.Write(part); err != nil {
					t.Error(err)
				}
			}
			close(second)
		}()
		synctest.Wait()
		b.counts(t, 1, 0, 0)
		select {
		case <-second:
			t.Error("the second request is sent before the first has its answer")
		default:
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
		<-second
		answer := make([]byte, 8)
		if _, err := io.ReadFull(c, answer); err != nil || answer[7] != 9 {
			t.Fatalf("got %v, %v", answer, err)
		}
		b.counts(t, 1, 1, 0)
	})
}

// Whoever waits for an answer on a connection that breaks does not wait for good.
func TestSessionBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lasting(10 * time.Second)
		c := open(t, b, good)
		b.takes.Store(int64(time.Hour))
		time.Sleep(9 * time.Second)
		c.(*session).due = time.Time{}.Add(1) // so that the first does not log in
		c.(*session).sent.begun++
		var done atomic.Bool
		go func() {
			_, err := c.Write([]byte{0})
			if err == nil {
				t.Error("got no error")
			}
			done.Store(true)
		}()
		synctest.Wait()
		if done.Load() {
			t.Error("it does not wait")
		}
		c.SetDeadline(time.Now())
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("got no error")
		}
		synctest.Wait()
		if !done.Load() {
			t.Error("it waits on")
		}
	})
}

// Without a token for the next session the connection is used until the session's end.
func TestSessionWithoutToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lasting(10 * time.Second)
		gone := errors.New("the provider is down")
		var err error
		c := open(t, b, func() (string, error) { return "token", err })
		err = gone
		time.Sleep(8 * time.Second)
		if err := ask(t, c); err != nil {
			t.Errorf("before the end: %v", err)
		}
		time.Sleep(2 * time.Second)
		if got := ask(t, c); !errors.Is(got, gone) {
			t.Errorf("after the end: %v", got)
		}
		b.counts(t, 1, 0, 0)
	})
}

// The broker's refusal has its code and its status, and whoever gave the token hears it.
func TestSessionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broker{}
		b.Accept = func(token, extensions string) (time.Duration, string) {
			if token != "token" || extensions != "logicalCluster=lkc-1\x01identityPoolId=pool-1" {
				t.Errorf("got %q, %q", token, extensions)
			}
			return 0, "invalid_token"
		}
		heard := 0
		_, err := b.dial(t, good, func() { heard++ })
		if !errors.Is(err, kafkago.SASLAuthenticationFailed) || !strings.Contains(err.Error(), "invalid_token") || heard != 1 {
			t.Errorf("got %v, heard %d times", err, heard)
		}
	})
}
