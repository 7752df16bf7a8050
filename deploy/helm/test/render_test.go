package test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	repository = "../../.."
	chartDir   = "../airudder-exporter"
	release    = "blue"
	namespace  = "calls"
)

// sets are the values that the chart is rendered with, by their files' names.
var sets = []string{"minimal", "secrets", "mtls", "ha", "audit", "network", "switches", "everything"}

// rendered is what the chart makes of values.
type rendered struct {
	values       map[string]any
	deployment   *appsv1.Deployment
	cron         *batchv1.CronJob
	services     []*corev1.Service
	configMaps   []*corev1.ConfigMap
	account      *corev1.ServiceAccount
	budget       *policyv1.PodDisruptionBudget
	network      *networkingv1.NetworkPolicy
	podMonitor   *monitoringv1.PodMonitor
	rule         *monitoringv1.PrometheusRule
	notes        string
	names, kinds []string
}

func valuesOf(t *testing.T, set string) map[string]any {
	t.Helper()
	values, err := chartutil.ReadValuesFile(path.Join("values", set+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	of, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// renderSet renders the chart as `helm install` does, and fails where that does.
func renderSet(t *testing.T, set string) rendered {
	t.Helper()
	r, err := render(loadChart(t), valuesOf(t, set))
	if err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	return r
}

func render(of *chart.Chart, values map[string]any) (r rendered, err error) {
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	r.values = values
	with, err := chartutil.ToRenderValues(of, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return r, err
	}
	files, err := engine.Render(of, with)
	if err != nil {
		return r, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			r.notes = files[name]
			continue
		}
		for _, document := range regexp.MustCompile(`(?m)^---\s*$`).Split(files[name], -1) {
			if strings.TrimSpace(document) == "" {
				continue
			}
			if err := r.add([]byte(document)); err != nil {
				return r, fmt.Errorf("%s: %w\n%s", name, err, document)
			}
		}
	}
	return r, nil
}

// add decodes an object into its type, whose fields alone it may have.
func (r *rendered) add(document []byte) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	var meta struct {
		metav1.TypeMeta
		metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return err
	}
	into := r.place(meta.APIVersion + " " + meta.Kind)
	if into == nil {
		return fmt.Errorf("%s %s is no kind that the chart should make", meta.APIVersion, meta.Kind)
	}
	r.kinds = append(r.kinds, meta.Kind)
	r.names = append(r.names, meta.Kind+"/"+meta.Name)
	if meta.Namespace != namespace {
		return fmt.Errorf("namespace is %q, want %q", meta.Namespace, namespace)
	}
	unknown, err := kjson.UnmarshalStrict(text, into)
	if err != nil {
		return err
	}
	if len(unknown) > 0 {
		return fmt.Errorf("%v", unknown)
	}
	return nil
}

// place is where an object of the kind is decoded to.
func (r *rendered) place(kind string) any {
	switch kind {
	case "apps/v1 Deployment":
		r.deployment = new(appsv1.Deployment)
		return r.deployment
	case "batch/v1 CronJob":
		r.cron = new(batchv1.CronJob)
		return r.cron
	case "v1 Service":
		r.services = append(r.services, new(corev1.Service))
		return r.services[len(r.services)-1]
	case "v1 ConfigMap":
		r.configMaps = append(r.configMaps, new(corev1.ConfigMap))
		return r.configMaps[len(r.configMaps)-1]
	case "v1 ServiceAccount":
		r.account = new(corev1.ServiceAccount)
		return r.account
	case "policy/v1 PodDisruptionBudget":
		r.budget = new(policyv1.PodDisruptionBudget)
		return r.budget
	case "networking.k8s.io/v1 NetworkPolicy":
		r.network = new(networkingv1.NetworkPolicy)
		return r.network
	case "monitoring.coreos.com/v1 PodMonitor":
		r.podMonitor = new(monitoringv1.PodMonitor)
		return r.podMonitor
	case "monitoring.coreos.com/v1 PrometheusRule":
		r.rule = new(monitoringv1.PrometheusRule)
		return r.rule
	}
	return nil
}

// pods are the specifications of the pods, by who runs in them.
func (r rendered) pods() map[string]corev1.PodTemplateSpec {
	pods := map[string]corev1.PodTemplateSpec{"exporter": r.deployment.Spec.Template}
	if r.cron != nil {
		pods["audit"] = r.cron.Spec.JobTemplate.Spec.Template
	}
	return pods
}

func text(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(path.Join(repository, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
