{{/* What the exporter and the audit have in common. Each is called with root, the chart's whole
     context, and files, an expression: only variables that it matches come as files. */}}

{{- define "exporter.podSpec" -}}
serviceAccountName: {{ include "exporter.serviceAccountName" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
  {{- with .root.Values.podSecurityContext }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- range $field := list "imagePullSecrets" "priorityClassName" "nodeSelector" "tolerations" "affinity" }}
{{- with index $.root.Values $field }}
{{ dict $field . | toYaml }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "exporter.container" -}}
image: {{ include "exporter.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- $mounts := .root.Values.extraVolumeMounts }}
{{- if include "exporter.sources" . }}
{{- $mounts = prepend $mounts (dict "name" "files" "mountPath" "/etc/airudder-exporter" "readOnly" true) }}
{{- end }}
{{- with $mounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "exporter.volumes" -}}
{{- $sources := include "exporter.sources" . -}}
{{- if or $sources .root.Values.extraVolumes }}
volumes:
  {{- if $sources }}
  # Without subPath, so that a Secret that changes reaches the process.
  - name: files
    projected:
      defaultMode: 0440
      sources:
        {{- $sources | nindent 8 }}
  {{- end }}
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* A file for each secret and each file, with its variable's name. */}}
{{- define "exporter.sources" -}}
{{- $all := list -}}
{{- range $name, $of := .root.Values.secrets }}
{{- if regexMatch $.files $name }}
{{- $all = append $all (dict "secret" (dict "name" $of.name "items" (list (dict "key" $of.key "path" $name)))) }}
{{- end }}
{{- end }}
{{- range $name, $of := .root.Values.files }}
{{- if regexMatch $.files $name }}
{{- if $of.serviceAccountToken }}
{{- $all = append $all (dict "serviceAccountToken" (dict "audience" $of.serviceAccountToken "expirationSeconds" (default 3600 $of.expirationSeconds | int) "path" $name)) }}
{{- else }}
{{- $kind := ternary "secret" "configMap" (hasKey $of "secret") }}
{{- $all = append $all (dict $kind (dict "name" (index $of $kind) "items" (list (dict "key" $of.key "path" $name)))) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $all }}{{ toYaml $all }}{{ end }}
{{- end -}}

{{/* The configuration as variables; config is the expression of those that count. */}}
{{- define "exporter.env" -}}
{{- range $name, $value := .root.Values.config }}
{{- if regexMatch $.config $name }}
- name: {{ $name }}
  value: {{ include "exporter.text" $value | quote }}
{{- end }}
{{- end }}
{{- range $name, $_ := .root.Values.secrets }}
{{- if regexMatch $.files $name }}
- name: {{ $name }}_FILE
  value: /etc/airudder-exporter/{{ $name }}
{{- end }}
{{- end }}
{{- range $name, $_ := .root.Values.files }}
{{- if regexMatch $.files $name }}
- name: {{ $name }}
  value: /etc/airudder-exporter/{{ $name }}
{{- end }}
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* A value as the environment has it. A large number must not become 1e+06. */}}
{{- define "exporter.text" -}}
{{- if kindIs "slice" . }}{{ join "," . }}{{ else if kindIs "string" . }}{{ . }}{{ else }}{{ toJson . }}{{ end -}}
{{- end -}}
