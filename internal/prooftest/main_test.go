package prooftest

import (
	"os"
	"testing"

	"airudder-exporter/internal/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
