// Package service tells systemd how the program fares, where systemd has started it as a
// unit with Type=notify: that it is up, in words how it fares, that it still goes round
// (WatchdogSec), and that it ends. Elsewhere it does nothing.
//
// Source: sd_notify(3), whose protocol coreos/go-systemd speaks.
package service

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// sayEvery is how often the words are told again, at most.
const sayEvery = 10 * time.Second

// Run tells until ctx ends. look says whether the program makes progress, and in a line
// how it fares. A program that makes none is not vouched for: systemd then kills it, and
// starts it again.
func Run(ctx context.Context, look func() (healthy bool, status string), log *slog.Logger) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Debug("systemd cannot be told how the exporter fares", "error", err)
		}
	}
	every := sayEvery
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("WATCHDOG_USEC is no time: systemd's watchdog is not heeded", "error", err)
	}
	if watchdog > 0 {
		every = min(every, watchdog/3)
	}
	tell(daemon.SdNotifyReady)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		healthy, status := look()
		state := "STATUS=" + status
		if healthy && watchdog > 0 {
			state += "\n" + daemon.SdNotifyWatchdog
		}
		tell(state)
		select {
		case <-ctx.Done():
			tell(daemon.SdNotifyStopping)
			return
		case <-tick.C:
		}
	}
}
