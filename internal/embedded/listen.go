package embedded

import (
	"errors"
	"net"
	"syscall"
)

// listen opens a TCP address, and one with a free port where its port is
// taken.
func listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen(network, net.JoinHostPort(host, "0"))
}
