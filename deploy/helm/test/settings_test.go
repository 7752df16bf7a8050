package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const mounted = "/etc/airudder-exporter/"

func decode(t *testing.T, document string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(document), into); err != nil {
		t.Fatal(err)
	}
}

// variables are those of deploy/CONFIGURATION.md.
func variables(t *testing.T) (names []string) {
	t.Helper()
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\|").FindAllStringSubmatch(text(t, "deploy/CONFIGURATION.md"), -1) {
		names = append(names, row[1])
	}
	return names
}

// files are the paths that the volume of a pod brings.
func files(pod corev1.PodTemplateSpec) (paths []string) {
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			switch {
			case source.Secret != nil:
				paths = append(paths, source.Secret.Items[0].Path)
			case source.ConfigMap != nil:
				paths = append(paths, source.ConfigMap.Items[0].Path)
			case source.ServiceAccountToken != nil:
				paths = append(paths, source.ServiceAccountToken.Path)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// Every variable of a pod is one that the exporter reads, or that the values add; and each
// file that one names is there, and each file that is there is named.
func TestVariables(t *testing.T) {
	known := variables(t)
	for _, set := range sets {
		r := renderSet(t, set)
		for who, pod := range r.pods() {
			var named []string
			seen := map[string]bool{}
			for _, v := range pod.Spec.Containers[0].Env {
				if seen[v.Name] {
					t.Errorf("%s, %s: %s is set twice", set, who, v.Name)
				}
				seen[v.Name] = true
				if set == "everything" && (v.Name == "HTTPS_PROXY" || v.Name == "NODE_NAME") {
					continue
				}
				if !slices.Contains(known, v.Name) || v.ValueFrom != nil {
					t.Errorf("%s, %s: %s is no variable, or takes its value from elsewhere: %v", set, who, v.Name, v.ValueFrom)
				}
				if path, found := strings.CutPrefix(v.Value, mounted); found {
					named = append(named, path)
				}
			}
			slices.Sort(named)
			if there := files(pod); !slices.Equal(named, there) {
				t.Errorf("%s, %s: the variables name the files %v, mounted are %v", set, who, named, there)
			}
			if pod.Spec.Containers[0].EnvFrom != nil {
				t.Errorf("%s, %s: variables come from elsewhere", set, who)
			}
			for _, mount := range pod.Spec.Containers[0].VolumeMounts {
				if mount.SubPath != "" || !mount.ReadOnly {
					t.Errorf("%s, %s: %s is mounted for writing, or so that it never changes", set, who, mount.MountPath)
				}
			}
		}
	}
}

// Each secret that the chart knows is a file of the Secret that the values name, and its
// variable is never set itself; and so is each file.
func TestSecretsAreFiles(t *testing.T) {
	var schema struct {
		Definitions struct {
			Secrets, Files struct{ Properties map[string]any }
		}
	}
	decode(t, text(t, "deploy/helm/airudder-exporter/values.schema.json"), &schema)
	values := valuesOf(t, "minimal")
	secrets, others := map[string]any{}, map[string]any{}
	for name := range schema.Definitions.Secrets.Properties {
		secrets[name] = map[string]any{"name": "of-" + strings.ToLower(name), "key": "k"}
	}
	for name := range schema.Definitions.Files.Properties {
		others[name] = map[string]any{"secret": "of-" + strings.ToLower(name), "key": "k"}
	}
	values["secrets"], values["files"] = secrets, others
	r, err := render(loadChart(t), values)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]corev1.KeyToPath{}
	for _, source := range r.deployment.Spec.Template.Spec.Volumes[0].Projected.Sources {
		got[source.Secret.Name] = source.Secret.Items[0]
	}
	if len(secrets) < 6 || len(got) != len(secrets)+len(others) {
		t.Errorf("%d Secrets are mounted for %d secrets and %d files", len(got), len(secrets), len(others))
	}
	for _, v := range r.deployment.Spec.Template.Spec.Containers[0].Env {
		if secrets[v.Name] != nil {
			t.Errorf("%s is a variable", v.Name)
		}
		name := v.Name
		if others[name] == nil {
			name = strings.TrimSuffix(name, "_FILE")
		}
		if (secrets[name] != nil || others[name] != nil) &&
			(v.Value != mounted+name || got["of-"+strings.ToLower(name)] != corev1.KeyToPath{Key: "k", Path: name}) {
			t.Errorf("%s is %q, and its Secret's key is mounted as %v", v.Name, v.Value, got["of-"+strings.ToLower(name)])
		}
	}
}

// A token of the ServiceAccount is a file, for Kafka's audience alone.
func TestTokens(t *testing.T) {
	sources := renderSet(t, "ha").deployment.Spec.Template.Spec.Volumes[0].Projected.Sources
	if token := sources[len(sources)-1].ServiceAccountToken; token == nil || token.Audience != "kafka" || *token.ExpirationSeconds != 1800 || token.Path != "KAFKA_SASL_TOKEN_FILE" {
		t.Errorf("the token is %+v", token)
	}
}

// The audit gets what it needs: without AIRudder as its source, no key of AIRudder's.
func TestAuditsSecrets(t *testing.T) {
	for set, want := range map[string][]string{
		"audit":      {"KAFKA_SASL_PASSWORD"},
		"everything": nil,
		"switches":   {"AIRUDDER_APP_KEY", "AIRUDDER_APP_SECRET"},
	} {
		if got := files(renderSet(t, set).pods()["audit"]); !slices.Equal(got, want) {
			t.Errorf("%s: the audit's files are %v, want %v", set, got, want)
		}
	}
}

// The exporter itself takes each pod's variables: `check --offline` judges them.
func TestExporterTakesThem(t *testing.T) {
	dir := madeUpFiles(t)
	for _, set := range sets {
		check := exec.Command(program(t), "check", "--offline")
		check.Env = []string{"PATH=" + os.Getenv("PATH")}
		for _, v := range renderSet(t, set).deployment.Spec.Template.Spec.Containers[0].Env {
			value := strings.NewReplacer(mounted, dir+"/", "/mnt/vault/app-key", dir+"/AIRUDDER_APP_KEY", "/mnt/vault/app-secret", dir+"/AIRUDDER_APP_SECRET").Replace(v.Value)
			check.Env = append(check.Env, v.Name+"="+value)
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", set, err, out)
		}
	}
}

// madeUpFiles is a directory with a file for each variable that may name one.
func madeUpFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificatePEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	for name, content := range map[string]string{
		"KAFKA_TLS_CA_FILE": certificatePEM, "KAFKA_TLS_CERT_FILE": certificatePEM,
		"KAFKA_TLS_KEY_FILE":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"KAFKA_SASL_TOKEN_FILE": "e30.e30.e30",
		"PRIVACY_KEY":           "test:" + strings.Repeat("A", 43) + "=",
		"HINT_SECRET":           "0123456789abcdef",
		"AIRUDDER_APP_KEY":      "key", "AIRUDDER_APP_SECRET": "secret", "KAFKA_SASL_PASSWORD": "secret", "SCHEMA_REGISTRY_PASSWORD": "secret",
	} {
		write(t, filepath.Join(dir, name), content)
	}
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
