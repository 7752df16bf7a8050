package test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Each set of values renders to these objects, and to nothing that Kubernetes does not know.
func TestObjects(t *testing.T) {
	const (
		always   = "Deployment/blue-airudder-exporter PodDisruptionBudget/blue-airudder-exporter Service/blue-airudder-exporter ServiceAccount/blue-airudder-exporter"
		hints    = " Service/blue-airudder-exporter-hints"
		network  = " NetworkPolicy/blue-airudder-exporter"
		switches = " CronJob/blue-airudder-exporter-audit PodMonitor/blue-airudder-exporter PrometheusRule/blue-airudder-exporter ConfigMap/blue-airudder-exporter-dashboard"
	)
	for set, want := range map[string]string{
		"minimal": always, "secrets": always + hints, "mtls": always, "ha": always,
		"audit":      "CronJob/airudder-audit-calls Deployment/calls PodDisruptionBudget/calls Service/calls ServiceAccount/calls",
		"network":    always + hints + network,
		"switches":   always + hints + network + switches,
		"everything": "CronJob/airudder-audit-blue-calls Deployment/blue-calls Service/blue-calls ServiceAccount/collector",
	} {
		t.Run(set, func(t *testing.T) {
			got, wanted := renderSet(t, set).names, strings.Fields(want)
			slices.Sort(got)
			slices.Sort(wanted)
			if !slices.Equal(got, wanted) {
				t.Errorf("the objects are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
			}
		})
	}
}

// No process is root or can become it, whatever the values say.
func TestSecurity(t *testing.T) {
	for _, set := range sets {
		for who, pod := range renderSet(t, set).pods() {
			fault := func(text string) { t.Errorf("%s, %s: %s", set, who, text) }
			spec := pod.Spec
			if of := spec.SecurityContext; of == nil || of.RunAsNonRoot == nil || !*of.RunAsNonRoot ||
				of.SeccompProfile == nil || of.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				fault("the pod may run as root, or without a seccomp profile")
			}
			if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
				fault("it gets a token for Kubernetes")
			}
			if spec.HostNetwork || spec.HostPID || spec.HostIPC {
				fault("it shares namespaces with the node")
			}
			for _, c := range spec.Containers {
				of := c.SecurityContext
				if of == nil || of.AllowPrivilegeEscalation == nil || *of.AllowPrivilegeEscalation ||
					of.ReadOnlyRootFilesystem == nil || !*of.ReadOnlyRootFilesystem || of.Privileged != nil ||
					of.Capabilities == nil || !slices.Equal(of.Capabilities.Drop, []corev1.Capability{"ALL"}) || of.Capabilities.Add != nil {
					fault("the container's security context is not what is promised")
				}
				if c.Resources.Limits.Memory().IsZero() {
					fault("its memory has no limit")
				}
			}
		}
	}
}

// The image's user is the chart's.
func TestUser(t *testing.T) {
	image := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(text(t, "deploy/Dockerfile"))
	of := renderSet(t, "minimal").deployment.Spec.Template.Spec.SecurityContext
	if image == nil || image[1] != "65532" || image[2] != "65532" || *of.RunAsUser != 65532 || *of.RunAsGroup != 65532 || *of.FSGroup != 65532 {
		t.Errorf("the image's user is %v, the chart's %d:%d with the files' group %d", image, *of.RunAsUser, *of.RunAsGroup, *of.FSGroup)
	}
	if of := renderSet(t, "everything").deployment.Spec.Template.Spec.SecurityContext; of.RunAsUser != nil || of.FSGroup != nil {
		t.Errorf("a user that is set to null is still %v, with the files' group %v", of.RunAsUser, of.FSGroup)
	}
}

// What selects pods selects those that it should, in every set.
func TestSelectors(t *testing.T) {
	for _, set := range sets {
		r := renderSet(t, set)
		selects := func(what string, of map[string]string, audit bool) {
			t.Helper()
			for who, pod := range r.pods() {
				if got, want := labels.SelectorFromSet(of).Matches(labels.Set(pod.Labels)), who == "exporter" || audit; got != want {
					t.Errorf("%s: %s selects the %s's pod: %v, want %v", set, what, who, got, want)
				}
			}
		}
		selects("the Deployment", r.deployment.Spec.Selector.MatchLabels, false)
		selects("the default spread", r.deployment.Spec.Selector.MatchLabels, false)
		for _, service := range r.services {
			selects("Service "+service.Name, service.Spec.Selector, false)
			port := service.Spec.Ports[0].TargetPort.StrVal
			if !slices.ContainsFunc(r.deployment.Spec.Template.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == port }) {
				t.Errorf("%s: Service %s sends to the port %q, which the container has not", set, service.Name, port)
			}
		}
		if r.budget != nil {
			selects("the PodDisruptionBudget", r.budget.Spec.Selector.MatchLabels, false)
		}
		if r.network != nil {
			selects("the NetworkPolicy", r.network.Spec.PodSelector.MatchLabels, true)
		}
		if r.podMonitor != nil {
			selects("the PodMonitor", r.podMonitor.Spec.Selector.MatchLabels, false)
		}
	}
}

// Helm's linter has nothing to say.
func TestLint(t *testing.T) {
	for _, set := range sets {
		for _, message := range lint.All(chartDir, valuesOf(t, set), namespace, true).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", set, message)
			}
		}
	}
}

// values.yaml names every value, and has a comment above each or beside its map.
func TestValuesAreExplained(t *testing.T) {
	content := text(t, "deploy/helm/airudder-exporter/values.yaml")
	values, err := chartutil.ReadValues([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct{ Properties map[string]any }
	}
	decode(t, text(t, "deploy/helm/airudder-exporter/values.schema.json"), &schema)
	for name, of := range schema.Properties {
		if _, there := values[name]; !there && name != "global" {
			t.Errorf("values.yaml has no %s", name)
		}
		if given, isMap := values[name].(map[string]any); isMap {
			for part := range of.Properties {
				if _, there := given[part]; !there && name != "podSecurityContext" && !strings.HasSuffix(name, "Probe") && part != "claims" {
					t.Errorf("values.yaml has no %s.%s", name, part)
				}
			}
		}
	}
	for name := range values {
		if _, there := schema.Properties[name]; !there {
			t.Errorf("the schema has no %s", name)
		}
	}
}
