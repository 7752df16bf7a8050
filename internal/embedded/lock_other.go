//go:build !unix

package embedded

import "os"

// lockDir creates dir. Without flock nothing keeps a second broker off.
func lockDir(dir string) (*os.File, error) {
	return nil, os.MkdirAll(dir, 0o755)
}

func (b *Broker) unlock() {}
