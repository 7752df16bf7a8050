package demo

import "syscall"

// childAttributes give the exporter a process group of its own and let it die
// with the demo, however that ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
