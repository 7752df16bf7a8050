package rig

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Login has a broker in process let clients in by OAUTHBEARER, for a session that ends, as
// Apache Kafka does with connections.max.reauth.ms. It stands before a broker that knows
// nothing of it.
type Login struct {
	// Accept says for how long a token lets in (0: for ever), or with which status it is
	// refused.
	Accept func(token, extensions string) (life time.Duration, status string)

	mu           sync.Mutex
	first, again int // logins of connections that were new, and of those that were not
	cut          int // connections that asked for something after their session's end
}

// Counts are the logins of new connections, those of old ones, and the connections that
// were cut.
func (l *Login) Counts() (first, again, cut int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first, l.again, l.cut
}

// Listen opens an address for the broker.
func (l *Login) Listen(network, address string) (net.Listener, error) {
	inner, err := net.Listen(network, address)
	return loginListener{inner, l}, err
}

type loginListener struct {
	net.Listener
	login *Login
}

func (l loginListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.login.Before(c), nil
}

// Before is a client's connection as the broker may have it.
func (l *Login) Before(c net.Conn) net.Conn { return &loginConn{Conn: c, login: l} }

// loginConn answers the requests of a login, and passes the others on to the broker that
// reads from it.
type loginConn struct {
	net.Conn
	login *Login

	pending  []byte // of the request that is being passed on
	ends     time.Time
	refusing string // the status that the client has to acknowledge
	again    bool
}

func (c *loginConn) Read(p []byte) (int, error) {
	for len(c.pending) == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.pending)
	c.pending = c.pending[n:]
	return n, nil
}

// next takes one request.
func (c *loginConn) next() error {
	frame := make([]byte, 4)
	if _, err := io.ReadFull(c.Conn, frame); err != nil {
		return err
	}
	frame = append(frame, make([]byte, binary.BigEndian.Uint32(frame))...)
	if _, err := io.ReadFull(c.Conn, frame[4:]); err != nil {
		return err
	}
	in := kbin.Reader{Src: frame[4:]}
	key, version, correlation := kmsg.Key(in.Int16()), in.Int16(), in.Int32()
	client := in.NullableString()
	switch {
	case client != nil && *client == "kgo": // the rig's own, which comes past whatever is tested
	case key == kmsg.SASLHandshake, key == kmsg.SASLAuthenticate:
		req := kmsg.RequestForKey(key.Int16())
		req.SetVersion(version)
		if err := req.ReadFrom(in.Src); err != nil {
			return err
		}
		return c.answer(correlation, c.step(req))
	case key == kmsg.ApiVersions && c.ends.IsZero():
	case !time.Now().Before(c.ends):
		c.login.count(&c.login.cut)
		return errors.New("the session has ended")
	}
	c.pending = frame
	return nil
}

func (c *loginConn) step(req kmsg.Request) kmsg.Response {
	res := req.ResponseKind()
	res.SetVersion(req.GetVersion())
	switch res := res.(type) {
	case *kmsg.SASLHandshakeResponse:
		res.SupportedMechanisms = []string{"OAUTHBEARER"}
		if req.(*kmsg.SASLHandshakeRequest).Mechanism != "OAUTHBEARER" {
			res.ErrorCode = 33
		}
	case *kmsg.SASLAuthenticateResponse:
		c.authenticate(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes, res)
	}
	return res
}

// authenticate is the server's side of RFC 7628.
func (c *loginConn) authenticate(text []byte, res *kmsg.SASLAuthenticateResponse) {
	if c.refusing != "" {
		said := c.refusing
		res.ErrorCode, res.ErrorMessage, c.refusing = 58, &said, ""
		return
	}
	rest, ok := strings.CutPrefix(string(text), "n,,\x01auth=Bearer ")
	token, extensions, _ := strings.Cut(rest, "\x01")
	if !ok || !strings.HasSuffix(extensions, "\x01") {
		res.ErrorCode = 34
		return
	}
	life, status := c.login.Accept(token, strings.TrimRight(extensions, "\x01"))
	if status != "" {
		c.refusing = `{"status":"` + status + `"}`
		res.SASLAuthBytes = []byte(c.refusing)
		return
	}
	c.ends = time.Now().Add(cmp.Or(life, 1000*time.Hour))
	res.SessionLifetimeMillis = life.Milliseconds()
	if c.again {
		c.login.count(&c.login.again)
	} else {
		c.login.count(&c.login.first)
	}
	c.again = true
}

func (l *Login) count(n *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n++
}

func (c *loginConn) answer(correlation int32, res kmsg.Response) error {
	body := res.AppendTo(binary.BigEndian.AppendUint32(nil, uint32(correlation)))
	_, err := c.Conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	return err
}
