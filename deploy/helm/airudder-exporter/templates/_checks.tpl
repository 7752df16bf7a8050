{{/* What a schema cannot say in a sentence. */}}
{{- define "exporter.checks" -}}
{{- if not .Values.image.repository }}
{{- fail "image.repository is empty: give the place that you pushed the image of deploy/Dockerfile to" }}
{{- end }}
{{- if and (eq .Chart.AppVersion "0.0.0") (not (or .Values.image.tag .Values.image.digest)) }}
{{- fail "image.tag is empty, and this chart is of no release that it could be taken from: give the tag that you pushed" }}
{{- end }}
{{- range list "KAFKA_BROKERS" "SCHEMA_REGISTRY_URL" }}
{{- if not (index $.Values.config .) }}{{ fail (printf "config.%s is empty: the exporter does not start without it" .) }}{{ end }}
{{- end }}
{{- range list "AIRUDDER_APP_KEY" "AIRUDDER_APP_SECRET" }}
{{- if not (or (hasKey $.Values.secrets .) (index $.Values.config (printf "%s_FILE" .))) }}
{{- fail (printf "secrets.%s is empty: name the Secret that holds it, and its key" .) }}
{{- end }}
{{- end }}
{{- range $name, $_ := .Values.secrets }}
{{- if hasKey $.Values.config (printf "%s_FILE" $name) }}{{ fail (printf "secrets.%s and config.%s_FILE are both given: keep one" $name $name) }}{{ end }}
{{- end }}
{{- range $name, $of := .Values.files }}
{{- if hasKey $.Values.config $name }}{{ fail (printf "files.%s and config.%s are both given: keep one" $name $name) }}{{ end }}
{{- $kinds := 0 }}
{{- range list "secret" "configMap" "serviceAccountToken" }}{{ if hasKey $of . }}{{ $kinds = add1 $kinds }}{{ end }}{{ end }}
{{- if ne (int $kinds) 1 }}{{ fail (printf "files.%s: give one of secret, configMap and serviceAccountToken" $name) }}{{ end }}
{{- if and (not (hasKey $of "key")) (not (hasKey $of "serviceAccountToken")) }}{{ fail (printf "files.%s has no key: say which one of %s it is" $name (default $of.configMap $of.secret)) }}{{ end }}
{{- end }}
{{- range .Values.extraEnv }}
{{- if regexMatch "^(AIRUDDER|KAFKA|SCHEMA_REGISTRY|LEDGER|PRIVACY|HINT|HTTP|LOG)(_|$)" .name }}
{{- if not (has .name (list "HTTP_PROXY")) }}{{ fail (printf "extraEnv sets %s: give it in config, secrets or files" .name) }}{{ end }}
{{- end }}
{{- end }}
{{- if and (eq (toString .Values.config.KAFKA_ASSIGNMENT) "all") (gt (int .Values.replicas) 1) }}
{{- fail (printf "replicas is %d, and config.KAFKA_ASSIGNMENT is all, with which exporters take the shards from each other: give 1 or group" (int .Values.replicas)) }}
{{- end }}
{{- if and .Values.hints.enabled (not (or .Values.secrets.HINT_SECRET .Values.config.HINT_SECRET_FILE)) }}
{{- fail "hints.enabled is true, and secrets.HINT_SECRET is empty: name the Secret that holds it, and its key" }}
{{- end }}
{{- if and .Values.networkPolicy.enabled .Values.config.KAFKA_SASL_TOKEN_URL (not .Values.networkPolicy.extraEgress) }}
{{- fail "networkPolicy.extraEgress is empty: nothing would get through to config.KAFKA_SASL_TOKEN_URL" }}
{{- end }}
{{- end -}}
