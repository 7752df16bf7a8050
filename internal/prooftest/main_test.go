package prooftest

import (
	"flag"
	"os"
	"testing"

	"airudder-exporter/internal/rig"
)

// atOnce is how many proofs run at once where nobody says: each waits for most of its time,
// for processes that it has killed.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	os.Exit(rig.Main(m))
}
