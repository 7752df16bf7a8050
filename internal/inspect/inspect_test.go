package inspect

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/airuddersim"
)

// Whole reports are files, to be read as a stranger would.
func TestReports(t *testing.T) {
	type odd = map[airuddersim.Oddity]string
	for _, tt := range []struct {
		name   string
		sim    airuddersim.Config
		change func(*Config)
	}{
		{"plain", airuddersim.Config{Tasks: 3, Rate: 5, WarmUp: 3 * time.Minute}, nil},
		{"pages_and_words", airuddersim.Config{Tasks: 25, Rate: 20, WarmUp: time.Minute, ListPageSize: 20, Oddities: odd{
			airuddersim.ListTotal: "total", airuddersim.ListDepth: "2", airuddersim.RowWords: "finished:answered,cancelled:blacklisted",
		}}, nil},
		{"odd", airuddersim.Config{Tasks: 3, Rate: 5, WarmUp: 3 * time.Minute, DriftAfter: time.Second, Oddities: odd{
			airuddersim.ListID: "id", airuddersim.DetailCap: "100", airuddersim.DetailTotal: "total", airuddersim.SharedCallID: "7", airuddersim.Zoneless: "",
		}}, func(cfg *Config) { cfg.Account.Zone = time.UTC }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lookAt(t, tt.sim, nil, tt.change)
			golden(t, tt.name+".txt", l.out)
			if tt.name == "odd" {
				golden(t, tt.name+".json", l.saved)
			}
		})
	}
}

// The documented sample, by itself.
func TestSample(t *testing.T) {
	sample, err := os.ReadFile("../airudder/testdata/detail_sample.json")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := look(t, answers(nil, "", string(sample)), func(cfg *Config) {
			cfg.Account.ListRequest, cfg.TaskID = airudder.Off, "82caed2ecc5029c9eb7efea50e83466f"
		})
		golden(t, "sample.txt", l.out)
		golden(t, "sample_progress.txt", l.progress)
	})
}
