package test

import (
	"maps"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Values that cannot be meant are refused before anything is installed, each with a
// sentence that names it. They are added to those of minimal.yaml.
func TestRefused(t *testing.T) {
	for values, want := range map[string]string{
		"secrets: null":           "at '': missing property 'secrets'",
		"replica: 3":              "additional properties 'replica' not allowed",
		"replicas: three":         "at '/replicas': got string, want integer",
		"image: {repository: ''}": "image.repository is empty: give the place",
		"image: {tag: ''}":        "image.tag is empty, and this chart is of no release that it could be taken from: give the tag that you pushed",
		"{networkPolicy: {enabled: true}, config: {KAFKA_SASL_TOKEN_URL: 'https://id.example/token'}}": "networkPolicy.extraEgress is empty: nothing would get through to config.KAFKA_SASL_TOKEN_URL",
		"image: {tag: 'a b'}":                                                                "at '/image/tag': 'a b' does not match",
		"image: {digest: 'sha256:0'}":                                                        "at '/image/digest': 'sha256:0' does not match",
		"config: {KAFKA_BROKER: 'kafka:9092'}":                                               "at '/config': additional properties 'KAFKA_BROKER' not allowed",
		"config: {KAFKA_BROKERS: ''}":                                                        "config.KAFKA_BROKERS is empty: the exporter does not start without it",
		"config: {KAFKA_BROKERS: null}":                                                      "at '/config/KAFKA_BROKERS': got null, want string or array",
		"config: {SCHEMA_REGISTRY_URL: []}":                                                  "at '/config/SCHEMA_REGISTRY_URL': got array, want string",
		"config: {AIRUDDER_CONCURRENCY: many}":                                               "at '/config/AIRUDDER_CONCURRENCY': 'many' does not match",
		"config: {AIRUDDER_TIMEOUT: 30}":                                                     "at '/config/AIRUDDER_TIMEOUT': got number, want string",
		"config: {AIRUDDER_TIMEOUT: '30'}":                                                   "at '/config/AIRUDDER_TIMEOUT': '30' does not match",
		"config: {KAFKA_TLS_ENABLED: yes please}":                                            "at '/config/KAFKA_TLS_ENABLED': value must be one of",
		"config: {HTTP_ADDR: ':9090'}":                                                       "at '/config/HTTP_ADDR': value must be 'absent: the chart sets HTTP_ADDR, to the port 8080 of every interface'",
		"config: {HINT_ADDR: ':9090'}":                                                       "at '/config/HINT_ADDR': value must be 'absent: the chart sets HINT_ADDR where hints.enabled is true'",
		"config: {AIRUDDER_APP_SECRET: hunter2}":                                             "at '/config/AIRUDDER_APP_SECRET': value must be 'absent: name a Secret that holds it, and its key, in secrets.AIRUDDER_APP_SECRET'",
		"config: {AIRUDDER_APP_KEY_FILE: /mnt/k}":                                            "secrets.AIRUDDER_APP_KEY and config.AIRUDDER_APP_KEY_FILE are both given: keep one",
		"secrets: {AIRUDDER_APP_KEY: hunter2}":                                               "at '/secrets/AIRUDDER_APP_KEY': got string, want object",
		"secrets: {AIRUDDER_APP_KEY: null}":                                                  "at '/secrets/AIRUDDER_APP_KEY': got null, want object",
		"secrets: {KAFKA_SASL_PASSWORD: {name: a}}":                                          "at '/secrets/KAFKA_SASL_PASSWORD': missing property 'key'",
		"secrets: {KAFKA_SASL_PASWORD: {name: a}}":                                           "at '/secrets': additional properties 'KAFKA_SASL_PASWORD' not allowed",
		"files: {KAFKA_TLS_CA_FILE: {secret: a}}":                                            "files.KAFKA_TLS_CA_FILE has no key: say which one of a it is",
		"files: {KAFKA_TLS_CA_FILE: {key: a}}":                                               "files.KAFKA_TLS_CA_FILE: give one of secret, configMap and serviceAccountToken",
		"files: {KAFKA_TLS_CA_FILE: /a}":                                                     "at '/files/KAFKA_TLS_CA_FILE': got string, want object",
		"files: {AIRUDDER_APP_KEY_FILE: {secret: a}}":                                        "at '/files': additional properties 'AIRUDDER_APP_KEY_FILE' not allowed",
		"{files: {KAFKA_TLS_CA_FILE: {secret: a, key: b}}, config: {KAFKA_TLS_CA_FILE: /a}}": "files.KAFKA_TLS_CA_FILE and config.KAFKA_TLS_CA_FILE are both given: keep one",
		"extraEnv: [{name: KAFKA_SASL_PASSWORD, value: hunter2}]":                            "extraEnv sets KAFKA_SASL_PASSWORD: give it in config, secrets or files",
		"extraEnv: [{value: a}]":                                                             "at '/extraEnv/0': missing property 'name'",
		"config: {KAFKA_ASSIGNMENT: all}":                                                    "replicas is 2, and config.KAFKA_ASSIGNMENT is all, with which exporters take the shards from each other: give 1 or group",
		"hints: {enabled: true}":                                                             "hints.enabled is true, and secrets.HINT_SECRET is empty",
		"hints: {port: 8080}":                                                                "at '/hints/port': 'not' failed",
		"podSecurityContext: {runAsUser: 0}":                                                 "at '/podSecurityContext/runAsUser': minimum: got 0, want 1",
		"podSecurityContext: {runAsNonRoot: false}":                                          "at '/podSecurityContext': additional properties 'runAsNonRoot' not allowed",
		"securityContext: {privileged: true}":                                                "additional properties 'securityContext' not allowed",
		"terminationGracePeriodSeconds: 1":                                                   "at '/terminationGracePeriodSeconds': minimum: got 1, want 15",
		"podDisruptionBudget: {maxUnavailable: some}":                                        "at '/podDisruptionBudget/maxUnavailable': 'some' does not match",
		"prometheusRule: {runbookPrefix: wiki}":                                              "at '/prometheusRule/runbookPrefix': 'wiki' does not match",
		"audit: {schedule: nightly}":                                                         "at '/audit/schedule': 'nightly' does not match",
		"networkPolicy: {kafka: {ports: [0]}}":                                               "at '/networkPolicy/kafka/ports/0': minimum: got 0, want 1",
		"nameOverride: Calls":                                                                "at '/nameOverride': 'Calls' does not match",
		"serviceAccount: {automountServiceAccountToken: true}":                               "at '/serviceAccount': additional properties 'automountServiceAccountToken' not allowed",
		"podMonitor: {enabled: maybe}":                                                       "at '/podMonitor/enabled': got string, want boolean",
	} {
		t.Run(values, func(t *testing.T) {
			given, err := chartutil.ReadValues([]byte(values))
			if err != nil {
				t.Fatal(err)
			}
			_, err = render(loadChart(t), chartutil.MergeTables(given, valuesOf(t, "minimal")))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v\nwant %q", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

// A wrong field, a field at the wrong place and a broken value in a template do not get
// past the decoding: each of these changes is noticed.
func TestMistakesAreNoticed(t *testing.T) {
	for _, m := range []struct{ set, template, from, to, want string }{
		{"minimal", "deployment.yaml", "revisionHistoryLimit:", "revisionHistory:", `unknown field "spec.revisionHistory"`},
		{"minimal", "deployment.yaml", "containerPort: 8080", "containerport: 8080", `unknown field "spec.template.spec.containers[0].ports[0].containerport"`},
		{"minimal", "deployment.yaml", "replicas: {{ .Values.replicas }}", "replicas: two", "cannot unmarshal string into Go struct field"},
		{"minimal", "_pod.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true", `securityContext.readOnlyRootFileSystem`},
		{"minimal", "_pod.tpl", "defaultMode: 0440\n      sources:", "defaultMode: 0440\n      items:", `unknown field "spec.template.spec.volumes[0].projected.items"`},
		{"minimal", "poddisruptionbudget.yaml", "apiVersion: policy/v1", "apiVersion: policy/v1beta1", "policy/v1beta1 PodDisruptionBudget is no kind"},
		{"minimal", "service.yaml", "  namespace: {{ .root.Release.Namespace }}\n", "", `namespace is "", want "calls"`},
		{"audit", "audit.yaml", "backoffLimit: 0", "backOffLimit: 0", `unknown field "spec.jobTemplate.spec.backOffLimit"`},
		{"network", "networkpolicy.yaml", "policyTypes:", "policyType:", `unknown field "spec.policyType"`},
		{"switches", "monitoring.yaml", "podMetricsEndpoints:", "endpoints:", `unknown field "spec.endpoints"`},
		{"switches", "monitoring.yaml", "path: /metrics", "path: /metrics\n      path: /", "key \"path\" already set"},
	} {
		t.Run(m.template+" "+m.to, func(t *testing.T) {
			of := loadChart(t)
			if !change(of, "templates/"+m.template, m.from, m.to) {
				t.Fatalf("%s has no %q", m.template, m.from)
			}
			if _, err := render(of, valuesOf(t, m.set)); err == nil || !strings.Contains(err.Error(), m.want) {
				t.Errorf("got %v\nwant %q", err, m.want)
			}
		})
	}
}

// change replaces a text in a template.
func change(of *chart.Chart, name, from, to string) bool {
	for _, file := range of.Templates {
		if file.Name == name && strings.Contains(string(file.Data), from) {
			file.Data = []byte(strings.Replace(string(file.Data), from, to, 1))
			return true
		}
	}
	return false
}

// What a cluster adds stands where it should.
func TestEverything(t *testing.T) {
	r := renderSet(t, "everything")
	pod := r.deployment.Spec.Template
	if r.deployment.Spec.Strategy.Type != "Recreate" {
		t.Errorf("with KAFKA_ASSIGNMENT=all the strategy is %q, want Recreate", r.deployment.Spec.Strategy.Type)
	}
	if pod.Labels["team"] != "collections" || pod.Labels["sidecar.istio.io/inject"] != "false" || pod.Annotations["example.com/owner"] != "collections" ||
		r.deployment.Labels["team"] != "collections" {
		t.Errorf("labels %v, annotations %v", pod.Labels, pod.Annotations)
	}
	if pod.Spec.PriorityClassName != "high" || pod.Spec.NodeSelector["kubernetes.io/arch"] != "arm64" || len(pod.Spec.Tolerations) != 1 ||
		pod.Spec.Affinity.PodAntiAffinity == nil || *pod.Spec.TerminationGracePeriodSeconds != 60 || pod.Spec.ServiceAccountName != "collector" {
		t.Errorf("the pod's place, or who it is: %+v", pod.Spec)
	}
	c := pod.Spec.Containers[0]
	env := map[string]string{}
	for _, v := range c.Env {
		env[v.Name] = v.Value
	}
	for name, want := range map[string]string{
		"AIRUDDER_TASK_IDS": "a,b", "AIRUDDER_CONCURRENCY": "8", "HTTP_ADDR": ":8080",
		"HTTPS_PROXY": "http://proxy.example:3128", "AIRUDDER_APP_KEY_FILE": "/mnt/vault/app-key",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
	if c.Image != "registry.example/airudder-exporter:v1.2.3" || c.ImagePullPolicy != "Always" || c.VolumeMounts[0].MountPath != "/mnt/vault" ||
		c.LivenessProbe.HTTPGet.Path != "/healthz" || c.LivenessProbe.InitialDelaySeconds != 10 || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("the container: %+v", c)
	}
	if r.services[0].Spec.Ports[0].Port != 80 || r.account.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Errorf("Service %+v, ServiceAccount %+v", r.services[0].Spec, r.account)
	}
	audit := r.cron.Spec.JobTemplate.Spec.Template.Spec
	if audit.NodeSelector["kubernetes.io/arch"] != "arm64" || audit.RestartPolicy != "Never" || *r.cron.Spec.JobTemplate.Spec.BackoffLimit != 0 {
		t.Errorf("the audit: %+v", audit)
	}
}

// A number of a million is no 1e+06 in the environment.
func TestNumbers(t *testing.T) {
	for _, number := range []string{"1000000", "12", "2.5", "0.25"} {
		given, err := chartutil.ReadValues([]byte("config: {AIRUDDER_REQUESTS_PER_SECOND: " + number + "}"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := render(loadChart(t), chartutil.MergeTables(given, maps.Clone(valuesOf(t, "minimal"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.deployment.Spec.Template.Spec.Containers[0].Env {
			if v.Name == "AIRUDDER_REQUESTS_PER_SECOND" && v.Value != number {
				t.Errorf("%s became %s", number, v.Value)
			}
		}
	}
}
