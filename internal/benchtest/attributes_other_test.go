//go:build !linux

package benchtest

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
