//go:build !unix

package demo

import "syscall"

// childAttributes are none: without process groups, Ctrl-C reaches the exporter, too.
func childAttributes() *syscall.SysProcAttr { return nil }
