package prooftest

import "syscall"

// childAttributes let the exporter die with the tests, however they end.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
