package exporter

import (
	"testing"

	"go.uber.org/goleak"
)

// Each bubble of synctest fails by itself when a goroutine outlives it; this
// holds for the rest.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
