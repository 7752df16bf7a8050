{{- define "exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The objects' name. The longest one made of it is a Service's, with -hints. */}}
{{- define "exporter.fullname" -}}
{{- $name := include "exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 57 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 57 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The audit's name has both words by which the alert finds its Jobs, and at most 52 characters. */}}
{{- define "exporter.auditName" -}}
{{- $full := include "exporter.fullname" . -}}
{{- if contains "airudder" ($full | trunc 46) -}}
{{- printf "%s-audit" ($full | trunc 46 | trimSuffix "-") -}}
{{- else -}}
{{- printf "airudder-audit-%s" ($full | trunc 37 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "exporter.labels" -}}
{{ include "exporter.selectorLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "exporter.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Whether the page asks for TLS or a password, so that only the exporter's own health check gets through. */}}
{{- define "exporter.webConfig" -}}
{{- if or .Values.files.HTTP_WEB_CONFIG_FILE .Values.config.HTTP_WEB_CONFIG_FILE -}}true{{- end -}}
{{- end -}}

{{- define "exporter.probe" -}}
{{- if include "exporter.webConfig" .root -}}
exec:
  command: [/airudder-exporter, healthcheck, --path, {{ .path }}]
{{- else -}}
httpGet:
  path: {{ .path }}
  port: http
{{- end }}
{{ toYaml .timing }}
{{- end -}}
