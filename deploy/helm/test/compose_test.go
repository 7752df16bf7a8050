package test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// composed is docker-compose.yml as docker reads it, with these profiles and variables.
func composed(t *testing.T, env []string, profiles ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{repository + "/docker-compose.yml"},
		cli.WithName("airudder"), cli.WithEnv(env), cli.WithProfiles(profiles), cli.WithWorkingDirectory(repository))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// Each profile starts its services, and these alone.
func TestProfiles(t *testing.T) {
	const always = "exporter kafka schema-registry"
	for profiles, want := range map[string]string{
		"":          always,
		"simulator": "airudder-sim " + always,
		"consumers": "airudder-sim crm crm-updater crm-webhook exporter kafka loan-join loans postgres schema-registry scoring",
	} {
		got := strings.Join(slices.Sorted(maps.Keys(composed(t, nil, strings.Fields(profiles)...).Services)), " ")
		if got != want {
			t.Errorf("with the profiles %q the services are\n%s\nwant\n%s", profiles, got, want)
		}
	}
}

// The exporter's variables are known, it asks the simulator by default and AIRudder itself
// where a file of variables says so, and what it is built from is told.
func TestComposedExporter(t *testing.T) {
	known := variables(t)
	exporter := composed(t, []string{"VERSION=v1.2.3", "REVISION=0123abc"}, "simulator").Services["exporter"]
	for name := range exporter.Environment {
		if !slices.Contains(known, name) {
			t.Errorf("%s is no variable", name)
		}
	}
	if got := *exporter.Environment["AIRUDDER_BASE_URL"]; got != "http://airudder-sim:8090" {
		t.Errorf("with the simulator, the base URL is %q", got)
	}
	if args := exporter.Build.Args; *args["VERSION"] != "v1.2.3" || *args["REVISION"] != "0123abc" {
		t.Errorf("the build is told %v", args)
	}
	account := t.TempDir() + "/account.env"
	write(t, account, "AIRUDDER_APP_KEY=mine\nAIRUDDER_APP_SECRET=mine\n")
	exporter = composed(t, []string{"EXPORTER_ENV=" + account}).Services["exporter"]
	if _, set := exporter.Environment["AIRUDDER_BASE_URL"]; set || *exporter.Environment["AIRUDDER_APP_KEY"] != "mine" {
		t.Errorf("on an account of its own, the exporter's variables are %v", exporter.Environment)
	}
	if _, set := exporter.Environment["AIRUDDER_REQUESTS_PER_SECOND"]; set {
		t.Error("an account of its own is asked as often as the simulator")
	}
}

// Health checks every few seconds start no JVM.
func TestHealthChecksAreCheap(t *testing.T) {
	for name, service := range composed(t, nil, "simulator", "consumers").Services {
		if service.HealthCheck == nil {
			continue
		}
		if test := strings.Join(service.HealthCheck.Test, " "); strings.Contains(test, ".sh") || strings.Contains(test, "java") {
			t.Errorf("%s: %s", name, test)
		}
	}
}
