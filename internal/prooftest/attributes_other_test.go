//go:build !linux

package prooftest

import "syscall"

func childAttributes() *syscall.SysProcAttr { return nil }
