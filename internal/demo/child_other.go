//go:build unix && !linux

package demo

import "syscall"

// childAttributes give the exporter a process group of its own.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
