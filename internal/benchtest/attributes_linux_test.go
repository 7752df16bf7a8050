package benchtest

import "syscall"

// childAttributes let a child die with the benchmarks, however they end.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
