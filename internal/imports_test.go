// Package internal_test holds the table of rooms against the code: which
// package may import which, and where each library is at home.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "airudder-exporter/"

// rooms are the packages, what of ours each may import, and the libraries that
// are at home there. A package below a room belongs to it.
var rooms = map[string]struct{ imports, libraries []string }{
	"schemas":           {},
	"internal/setting":  {},
	"internal/progress": {},
	"internal/call":     {},
	"internal/ledger":   {imports: []string{"internal/call"}},
	"internal/jsonrows": {},
	"internal/airudder": {
		[]string{"internal/setting", "internal/call", "internal/jsonrows"},
		[]string{"golang.org/x/time/rate", "github.com/cespare/xxhash/v2"},
	},
	"internal/inspect":     {imports: []string{"internal/airudder", "internal/call", "internal/jsonrows"}},
	"internal/airuddersim": {},
	"internal/batch": {libraries: []string{
		"github.com/segmentio/kafka-go", "github.com/pierrec/lz4/v4", // which kafka-go compresses with, too
	}},
	"internal/batch/handmade": {libraries: []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go/pkg/kmsg"}},
	"internal/record": {
		[]string{"internal/setting", "internal/certs", "internal/call", "internal/ledger", "internal/batch", "schemas"},
		[]string{
			"github.com/linkedin/goavro/v2", "github.com/twmb/avro", // one writes, the other reads
			"github.com/twmb/franz-go/pkg/sr", "golang.org/x/net/http/httpguts",
		},
	},
	"internal/contract": {[]string{"schemas"}, []string{"go.yaml.in/yaml/v3"}},
	"internal/certs":    {imports: []string{"internal/setting"}},
	"internal/kafka":    {[]string{"internal/setting", "internal/certs", "internal/batch"}, []string{"github.com/segmentio/kafka-go"}},
	"internal/shards":   {[]string{"internal/kafka"}, []string{"github.com/segmentio/kafka-go"}},
	"internal/topics":   {[]string{"internal/setting", "internal/batch", "internal/kafka"}, []string{"github.com/segmentio/kafka-go"}},
	"internal/notice":   {},
	"internal/exporter": {imports: []string{"internal/setting", "internal/call", "internal/ledger", "internal/batch", "internal/record", "internal/notice"}},
	"internal/hold":     {imports: []string{"internal/ledger", "internal/batch", "internal/kafka", "internal/exporter"}},
	"internal/settle": {imports: []string{
		"internal/ledger", "internal/hold", "internal/record", "internal/kafka", "internal/topics", "internal/exporter",
	}},
	"internal/replay": {imports: []string{
		"internal/progress", "internal/batch", "internal/record", "internal/kafka", "internal/topics",
	}},
	"internal/compat": {
		[]string{"internal/batch", "internal/record", "internal/kafka", "internal/topics", "internal/shards"},
		[]string{"github.com/segmentio/kafka-go"},
	},
	"internal/seals": {imports: []string{"internal/ledger", "internal/record", "internal/kafka"}},
	"internal/repair": {imports: []string{
		"internal/call", "internal/ledger", "internal/batch", "internal/record", "internal/kafka", "internal/exporter",
		"internal/hold", "internal/audit",
	}},
	"internal/audit": {imports: []string{
		"internal/call", "internal/ledger", "internal/batch", "internal/record", "internal/kafka", "internal/exporter", "internal/progress",
	}},
	"internal/rebuild": {imports: []string{
		"internal/call", "internal/ledger", "internal/batch", "internal/record", "internal/kafka", "internal/topics", "internal/exporter", "internal/hold",
	}},
	"internal/webconfig": {[]string{"internal/setting"}, []string{
		"github.com/prometheus/exporter-toolkit/web", "go.yaml.in/yaml/v3", // the library keeps to itself what it read: yaml tells
	}},
	"internal/hint":    {[]string{"internal/setting", "internal/webconfig"}, []string{"golang.org/x/net/netutil"}},
	"internal/history": {libraries: []string{"github.com/prometheus/client_model/go"}},
	"internal/plot":    {imports: []string{"internal/history"}},
	"internal/status":  {[]string{"internal/setting", "internal/webconfig", "internal/exporter", "internal/notice", "internal/history", "internal/plot"}, []string{"github.com/prometheus/client_golang/prometheus/promhttp"}},
	"internal/embedded": {libraries: []string{
		"github.com/twmb/franz-go/pkg/kfake", "github.com/twmb/franz-go/pkg/kmsg", // kfake speaks in kmsg's words,
		"github.com/twmb/franz-go/pkg/sr/srfake", "github.com/twmb/franz-go/pkg/sr", // srfake in sr's
		"github.com/twmb/avro",
	}},
	"internal/interrupt": {},
	"internal/service":   {libraries: []string{"github.com/coreos/go-systemd/v22/daemon"}},
	"internal/demo": {imports: []string{
		"internal/interrupt", "internal/airuddersim", "internal/embedded", "internal/kafka", "internal/record", "internal/call",
	}},
	"internal/token": {[]string{"internal/setting"}, []string{
		"golang.org/x/oauth2", "github.com/aws/aws-msk-iam-sasl-signer-go/signer", "github.com/aws/aws-sdk-go-v2/config", "github.com/aws/smithy-go",
	}},
	"internal/env": {imports: []string{"internal/setting"}, libraries: []string{"github.com/sethvargo/go-envconfig"}},
	"internal/rig": {
		[]string{"internal/airuddersim", "internal/embedded"},
		[]string{"github.com/twmb/franz-go/pkg/kgo", "github.com/twmb/franz-go/pkg/kmsg", "github.com/twmb/franz-go/pkg/kbin", "github.com/twmb/franz-go/pkg/kbin", "github.com/twmb/franz-go/pkg/kerr", "github.com/twmb/avro"},
	},
	"cmd": {[]string{"internal", "schemas"}, []string{"github.com/spf13/cobra"}},
}

// forTests is the room that no program may import, though its own package may.
const forTests = "internal/rig"

// everywhere are the libraries that need no home. Of prometheus, promhttp has
// one, and testutil is for tests.
var everywhere = []string{
	"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/collectors",
	"github.com/cenkalti/backoff/v4", "golang.org/x/sync",
}

// pkg is what go list says of a package. Its test files' imports stand apart.
type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	pkgs := list(t)
	if len(pkgs) < 3 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	for _, v := range violations(pkgs) {
		t.Error(v)
	}
}

func list(t *testing.T) (pkgs []pkg) {
	t.Helper()
	// `go test` keeps a result until what the test itself has opened changes,
	// and go list is another process.
	for _, root := range []string{".", "../cmd", "../schemas"} {
		if err := filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &stderr)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// violations says which imports the table does not allow, a sentence each.
func violations(pkgs []pkg) (all []string) {
	for _, p := range pkgs {
		path := strings.TrimPrefix(p.ImportPath, module)
		if len(p.Imports) == 0 {
			continue
		}
		room, ok := roomOf(path)
		if !ok {
			all = append(all, fmt.Sprintf("%s is in no room of the table", path))
			continue
		}
		for _, imported := range p.Imports {
			if !allowed(room, imported) {
				all = append(all, fmt.Sprintf("%s imports %s: not in the table for %s", path, imported, room))
			}
		}
	}
	return all
}

func allowed(room, imported string) bool {
	may := rooms[room]
	if ours, is := strings.CutPrefix(imported, module); is {
		return below(ours, []string{room}) || below(ours, may.imports) && !below(ours, []string{forTests})
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return imported != "C"
	}
	if slices.Contains(everywhere, imported) || strings.HasPrefix(imported, "golang.org/x/sync/") {
		return true
	}
	// A library's packages are at home where it is, but for those with a home
	// of their own.
	home := ""
	for _, r := range rooms {
		for _, library := range r.libraries {
			if below(imported, []string{library}) && len(library) > len(home) {
				home = library
			}
		}
	}
	return home != "" && slices.Contains(may.libraries, home)
}

// roomOf is the innermost room that a package lies in.
func roomOf(path string) (innermost string, ok bool) {
	for room := range rooms {
		if below(path, []string{room}) && len(room) >= len(innermost) {
			innermost, ok = room, true
		}
	}
	return innermost, ok
}

// below reports whether a path is one of those or lies under it.
func below(path string, those []string) bool {
	return slices.ContainsFunc(those, func(p string) bool {
		return path == p || strings.HasPrefix(path, p+"/")
	})
}

func TestViolations(t *testing.T) {
	for _, tt := range []struct {
		path, imports string
		want          bool
	}{
		{"internal/ledger", "fmt", true},
		{"internal/ledger", "internal/call", true},
		{"internal/ledger", "internal/record", false},
		{"internal/call", "internal/ledger", false},
		{"internal/call", "github.com/prometheus/client_golang/prometheus", true},
		{"internal/call", "golang.org/x/sync/errgroup", true},
		{"internal/call", "golang.org/x/time/rate", false},
		{"internal/airudder", "golang.org/x/time/rate", true},
		{"internal/airudder", "internal/ledger", false},
		{"internal/airudder", "internal/jsonrows", true},
		{"internal/jsonrows", "internal/call", false},
		{"internal/jsonrows", "golang.org/x/sync/semaphore", true},
		{"internal/airuddersim", "internal/airudder", false},
		{"internal/embedded", "internal/kafka", false},
		{"internal/embedded", "github.com/twmb/franz-go/pkg/sr/srfake", true},
		{"internal/record", "github.com/twmb/franz-go/pkg/sr", true},
		{"internal/record", "github.com/twmb/franz-go/pkg/sr/srfake", false},
		{"internal/record", "github.com/twmb/avro", true},
		{"internal/record", "schemas", true},
		{"internal/kafka", "internal/batch", true},
		{"internal/kafka", "internal/record", false},
		{"internal/kafka", "internal/call", false},
		{"internal/kafka", "github.com/segmentio/kafka-go/protocol/rawproduce", true},
		{"internal/kafka", "github.com/twmb/franz-go/pkg/kgo", false},
		{"internal/kafka", "internal/shards", false},
		{"internal/shards", "internal/kafka", true},
		{"internal/shards", "internal/batch", false},
		{"internal/topics", "internal/kafka", true},
		{"internal/topics", "internal/shards", false},
		{"internal/exporter", "internal/kafka", false},
		{"internal/exporter", "internal/airudder", false},
		{"internal/exporter", "github.com/segmentio/kafka-go", false},
		{"internal/rebuild", "internal/kafka", true},
		{"internal/rebuild", "internal/airudder", false},
		{"internal/status", "internal/exporter", true},
		{"internal/status", "internal/ledger", false},
		{"internal/status", "github.com/prometheus/client_golang/prometheus/promhttp", true},
		{"internal/kafka", "github.com/prometheus/client_golang/prometheus/promhttp", false},
		{"internal/status", "github.com/prometheus/client_golang/prometheus/testutil", false},
		{"cmd/airudder-exporter", "internal/kafka", true},
		{"cmd/airudder-exporter", "github.com/spf13/cobra", true},
		{"cmd/airudder-exporter", "github.com/segmentio/kafka-go", false},
		{"internal/rig", "internal/airuddersim", true},
		{"internal/rig", "github.com/twmb/franz-go/pkg/kgo", true},
		{"internal/rig", "internal/ledger", false},
		{"internal/exporter", "internal/rig", false},
		{"cmd/airudder-exporter", "internal/rig", false},
		{"internal/util", "fmt", false},
		{"internal/ledgers", "fmt", false},
		{"schemas", "embed", true},
		{"schemas", "internal/call", false},
	} {
		imported := tt.imports
		if _, isOurs := roomOf(imported); isOurs {
			imported = module + imported
		}
		got := violations([]pkg{{ImportPath: module + tt.path, Imports: []string{imported}}})
		if (len(got) == 0) != tt.want {
			t.Errorf("%s imports %s: got %q, want allowed %v", tt.path, tt.imports, got, tt.want)
		}
	}
}
