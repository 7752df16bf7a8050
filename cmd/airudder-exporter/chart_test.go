package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/env"
)

const (
	chartSchema = "../../deploy/helm/airudder-exporter/values.schema.json"
	definitions = "\n  \"definitions\": " // the last key of the file
)

// The chart takes every variable of Config and no other: plain ones under config, secrets
// under secrets as the names of Secrets, files under files. So a misspelt name is refused
// before anything is installed. `go test -run TestChartSettings -update` writes the
// definitions in its schema again.
func TestChartSettings(t *testing.T) {
	text := read(t, chartSchema)
	head, _, found := strings.Cut(text, definitions)
	if !found {
		t.Fatalf("%s has no definitions", chartSchema)
	}
	made, err := json.MarshalIndent(chartDefinitions(), "  ", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want := head + definitions + string(made) + "\n}\n"
	if *update {
		if err := os.WriteFile(chartSchema, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Errorf("%s differs from Config: run go test -run TestChartSettings -update", chartSchema)
	}
}

type schema map[string]any

// ofChart are variables that the chart sets itself, and by what.
var ofChart = map[string]string{
	"HTTP_ADDR": "absent: the chart sets HTTP_ADDR, to the port 8080 of every interface",
	"HINT_ADDR": "absent: the chart sets HINT_ADDR where hints.enabled is true",
}

// chartDefinitions are the JSON schemas of the maps that hold variables.
func chartDefinitions() schema {
	config, secrets, files := schema{}, schema{}, schema{}
	types := variableTypes(reflect.TypeFor[Config]())
	for _, v := range env.Table(Config{}) {
		secretOf := strings.TrimSuffix(v.Name, "_FILE")
		switch of, known := types[v.Name]; {
		case ofChart[v.Name] != "":
			config[v.Name] = schema{"const": ofChart[v.Name]}
		case !known: // where a secret's file is, for those who mount it themselves
			config[v.Name] = schema{"type": "string", "description": "Path of a file that extraVolumes brings, instead of secrets." + secretOf + "."}
		case of.secret:
			config[v.Name] = schema{"const": "absent: name a Secret that holds it, and its key, in secrets." + v.Name}
			secrets[v.Name] = schema{"$ref": "#/definitions/secretKey", "description": v.Doc}
		default:
			one := kind(of.of)
			one["description"] = v.Doc
			config[v.Name] = one
			if strings.HasSuffix(v.Name, "_FILE") {
				files[v.Name] = schema{"$ref": "#/definitions/file", "description": v.Doc}
			}
		}
	}
	object := func(properties schema) schema {
		return schema{"type": "object", "additionalProperties": false, "properties": properties}
	}
	name := schema{"type": "string", "minLength": 1}
	secretKey := object(schema{"name": name, "key": name})
	secretKey["required"] = []string{"name", "key"}
	return schema{
		"config": object(config), "secrets": object(secrets), "files": object(files), "secretKey": secretKey,
		"file": object(schema{
			"secret": name, "configMap": name, "key": name,
			"serviceAccountToken": schema{"type": "string", "minLength": 1, "description": "Its audience."},
			"expirationSeconds":   schema{"type": "integer", "minimum": 600},
		}),
	}
}

type variableType struct {
	of     reflect.Type
	secret bool
}

// variableTypes are the types of the fields by their variables' names.
func variableTypes(of reflect.Type) map[string]variableType {
	types := map[string]variableType{}
	for field := range fieldsOf(of) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		types[name] = variableType{field.Type, field.Tag.Get("secret") != ""}
	}
	return types
}

// fieldsOf goes through the fields that have a variable, at any depth.
func fieldsOf(of reflect.Type) func(yield func(reflect.StructField) bool) {
	var fields []reflect.StructField
	for i := range of.NumField() {
		switch field := of.Field(i); {
		case field.Tag.Get("env") != "":
			fields = append(fields, field)
		case field.Type.Kind() == reflect.Struct:
			fields = slices.AppendSeq(fields, fieldsOf(field.Type))
		}
	}
	return slices.Values(fields)
}

// kind is what values of a type may be. Each may be text, too, as in the environment.
func kind(of reflect.Type) schema {
	switch {
	case of == reflect.TypeFor[time.Duration]():
		return schema{"type": "string", "pattern": `^$|^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case of.Kind() == reflect.Bool:
		return schema{"enum": []any{true, false, "true", "false", ""}}
	case of.Kind() == reflect.Int:
		return schema{"type": []string{"integer", "string"}, "pattern": `^(-?[0-9]+)?$`}
	case of.Kind() == reflect.Float64:
		return schema{"type": []string{"number", "string"}, "pattern": `^([0-9]+(\.[0-9]+)?)?$`}
	case of.Kind() == reflect.Slice:
		return schema{"type": []string{"string", "array"}, "items": schema{"type": "string"}}
	}
	return schema{"type": "string"}
}
