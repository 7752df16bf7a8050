package test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

const alerts = "deploy/prometheus/alerts.yaml"

// The PrometheusRule is the file that Prometheus reads elsewhere, with the runbooks' address.
func TestRule(t *testing.T) {
	var want monitoringv1.PrometheusRuleSpec
	decode(t, text(t, alerts), &want)
	for i := range want.Groups[0].Rules {
		annotations := want.Groups[0].Rules[i].Annotations
		annotations["runbook_url"] = "https://git.your-company.example/airudder-exporter/" + annotations["runbook"]
		delete(annotations, "runbook")
	}
	if got := renderSet(t, "switches").rule.Spec; !reflect.DeepEqual(got, want) {
		t.Errorf("the rules are\n%+v\nwant\n%+v", got, want)
	}
	values := valuesOf(t, "switches")
	values["prometheusRule"].(map[string]any)["runbookPrefix"] = ""
	r, err := render(loadChart(t), values)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.rule.Spec.Groups[0].Rules[0].Annotations; got["runbook"] != "deploy/OPERATING.md#airuddernotready" || got["runbook_url"] != "" {
		t.Errorf("without a prefix the annotations are %v", got)
	}
}

// The alert of the audit finds its Jobs, whatever the release's name is.
func TestAuditIsAlerted(t *testing.T) {
	wanted := regexp.MustCompile(`kube_job_status_failed\{job_name=~"([^"]+)"\}`).FindStringSubmatch(text(t, alerts))
	if wanted == nil {
		t.Fatal("no alert asks for failed Jobs")
	}
	found := regexp.MustCompile("^(?:" + wanted[1] + ")$")
	for _, name := range []string{"", "calls", "airudder", strings.Repeat("very-long-", 6), strings.Repeat("x", 50) + "-airudder"} {
		values := valuesOf(t, "audit")
		values["fullnameOverride"] = strings.TrimSuffix(name, "-")
		r, err := render(loadChart(t), values)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.cron.Name; !found.MatchString(got+"-29403017") || len(got) > 52 {
			t.Errorf("with the name %q the CronJob is %q (%d characters), want at most 52 that match %s", name, got, len(got), wanted[1])
		}
	}
}

func TestDashboard(t *testing.T) {
	of := renderSet(t, "switches").configMaps[0]
	if of.Data["airudder-exporter.json"] != text(t, "deploy/grafana/dashboard.json") || of.Labels["grafana_dashboard"] != "1" || of.Annotations["grafana_folder"] != "Calls" {
		t.Errorf("the ConfigMap holds %d bytes, with %v and %v", len(of.Data["airudder-exporter.json"]), of.Labels, of.Annotations)
	}
}

func TestPodMonitor(t *testing.T) {
	of := renderSet(t, "switches").podMonitor
	if endpoint := of.Spec.PodMetricsEndpoints[0]; *endpoint.Port != "http" || endpoint.Path != "/metrics" || endpoint.Interval != "30s" || of.Labels["release"] != "prometheus" {
		t.Errorf("endpoint %+v, labels %v", endpoint, of.Labels)
	}
}

// Only what the values name gets through: by default to the ports that the configuration has.
func TestNetwork(t *testing.T) {
	for set, want := range map[string]string{
		"switches": `
			from anybody: TCP 8080
			from anybody: TCP 8088
			to anybody: UDP 53, TCP 53
			to anybody: TCP 9092
			to anybody: TCP 8081
			to anybody: TCP 443`,
		"network": `
			from monitoring: TCP 8080
			from ingress: TCP 8089
			to kube-system: UDP 53, TCP 53
			to kafka: TCP 9094, TCP 9095
			to anybody: TCP 8443
			to 0.0.0.0/0: TCP 8443
			to 192.0.2.7/32: TCP 3128`,
	} {
		var got []string
		policy := renderSet(t, set).network.Spec
		for _, rule := range policy.Ingress {
			got = append(got, "from "+traffic(rule.From, rule.Ports))
		}
		for _, rule := range policy.Egress {
			got = append(got, "to "+traffic(rule.To, rule.Ports))
		}
		if got, want := strings.Join(got, "\n"), strings.TrimSpace(strings.ReplaceAll(want, "\t", "")); got != want || len(policy.PolicyTypes) != 2 {
			t.Errorf("%s: the traffic is\n%s\nwant\n%s", set, got, want)
		}
	}
}

func traffic(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) string {
	who := "anybody"
	for _, peer := range peers {
		if who = "?"; peer.IPBlock != nil {
			who = peer.IPBlock.CIDR
		} else if peer.NamespaceSelector != nil {
			who = peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
		}
	}
	var through []string
	for _, port := range ports {
		through = append(through, fmt.Sprintf("%s %s", *port.Protocol, port.Port.String()))
	}
	return who + ": " + strings.Join(through, ", ")
}

// While pods are replaced there is always one more than needed, and each has the time that
// its end takes.
func TestUpdates(t *testing.T) {
	r := renderSet(t, "ha")
	spec := r.deployment.Spec
	if of := spec.Strategy.RollingUpdate; *spec.Replicas != 3 || of.MaxUnavailable.IntValue() != 0 || of.MaxSurge.IntValue() != 1 {
		t.Errorf("%d replicas, strategy %+v", *spec.Replicas, spec.Strategy)
	}
	if got := *spec.Template.Spec.TerminationGracePeriodSeconds; got != 30 {
		t.Errorf("a pod has %d s to end, want 30", got)
	}
	if r.budget.Spec.MaxUnavailable.String() != "34%" || *r.budget.Spec.UnhealthyPodEvictionPolicy != "AlwaysAllow" {
		t.Errorf("the budget is %+v", r.budget.Spec)
	}
	if of := spec.Template.Spec.TopologySpreadConstraints; len(of) != 1 || of[0].TopologyKey != "topology.kubernetes.io/zone" {
		t.Errorf("the spread is %+v", of)
	}
}

// A page that asks for TLS or a password is asked for its health by the exporter itself.
func TestHealthBehindTLS(t *testing.T) {
	values := valuesOf(t, "minimal")
	values["extraVolumeMounts"] = []any{map[string]any{"name": "web", "mountPath": "/web"}}
	values["config"].(map[string]any)["HTTP_WEB_CONFIG_FILE"] = "/web/config.yaml"
	r, err := render(loadChart(t), values)
	if err != nil {
		t.Fatal(err)
	}
	c := r.deployment.Spec.Template.Spec.Containers[0]
	for path, probe := range map[string]*corev1.Probe{"/healthz": c.LivenessProbe, "/readyz": c.ReadinessProbe} {
		if got, want := fmt.Sprint(probe.Exec.Command), "[/airudder-exporter healthcheck --path "+path+"]"; got != want {
			t.Errorf("the probe is %s, want %s", got, want)
		}
	}
}

// What Helm prints afterwards holds for what was installed.
func TestNotes(t *testing.T) {
	if notes := renderSet(t, "minimal").notes; !strings.Contains(notes, "2 exporters write the calls of AIRudder to kafka:9092.") ||
		!strings.Contains(notes, "exec deployment/blue-airudder-exporter -- /airudder-exporter check") ||
		!strings.Contains(notes, "No alert watches it") || !strings.Contains(notes, "No audit holds") {
		t.Errorf("the notes are\n%s", notes)
	}
	if notes := renderSet(t, "switches").notes; strings.Contains(notes, "No alert") || strings.Contains(notes, "No audit") {
		t.Errorf("with all switches on, the notes are\n%s", notes)
	}
}
