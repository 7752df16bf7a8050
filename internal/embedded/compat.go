package embedded

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
)

// incompatible says in what a schema breaks the compatibility level of a
// subject: against the version named, or, for an empty one, against those that
// the level asks for. Its error says why the schema is not valid.
func (r *Registry) incompatible(subject, version string, schema sr.Schema) ([]string, error) {
	if schema.Type != sr.TypeAvro {
		return nil, nil
	}
	after, err := r.parse(schema)
	if err != nil {
		return nil, err
	}
	level := r.level(subject)
	var broken []string
	for _, v := range r.against(subject, version, level) {
		before, err := r.parse(v.Schema)
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", v.Version, err)
		}
		broken = append(broken, compare(level, v.Version, before, after)...)
	}
	return broken, nil
}

// compare checks one pair of schemas. BACKWARD: the new one reads what the old
// one wrote; FORWARD: the old one reads what the new one will write.
func compare(level sr.CompatibilityLevel, version int, before, after *avro.Schema) []string {
	var broken []string
	complain := func(direction string, err error) {
		if err != nil {
			broken = append(broken, fmt.Sprintf("%s (%s, version %d)", err, direction, version))
		}
	}
	switch level {
	case sr.CompatBackward, sr.CompatBackwardTransitive, sr.CompatFull, sr.CompatFullTransitive:
		complain("backward", avro.CheckCompatibility(before, after))
	}
	switch level {
	case sr.CompatForward, sr.CompatForwardTransitive, sr.CompatFull, sr.CompatFullTransitive:
		complain("forward", avro.CheckCompatibility(after, before))
	}
	return broken
}

// against lists the versions to compare with, the latest first.
func (r *Registry) against(subject, version string, level sr.CompatibilityLevel) []sr.SubjectSchema {
	if version != "" {
		var one sr.SubjectSchema
		if !r.get("/subjects/"+url.PathEscape(subject)+"/versions/"+url.PathEscape(version), &one) {
			return nil
		}
		return []sr.SubjectSchema{one}
	}
	var numbers []int
	r.get("/subjects/"+url.PathEscape(subject)+"/versions", &numbers)
	slices.Reverse(numbers)
	if len(numbers) > 1 && !transitive(level) {
		numbers = numbers[:1]
	}
	var all []sr.SubjectSchema
	for _, n := range numbers {
		all = append(all, r.against(subject, strconv.Itoa(n), level)...)
	}
	return all
}

func transitive(level sr.CompatibilityLevel) bool {
	switch level {
	case sr.CompatBackwardTransitive, sr.CompatForwardTransitive, sr.CompatFullTransitive:
		return true
	}
	return false
}

// parse reads a schema with those that it refers to.
func (r *Registry) parse(schema sr.Schema) (*avro.Schema, error) {
	return r.parseInto(new(avro.SchemaCache), schema)
}

func (r *Registry) parseInto(cache *avro.SchemaCache, schema sr.Schema) (*avro.Schema, error) {
	for _, ref := range schema.References {
		for _, s := range r.against(ref.Subject, strconv.Itoa(ref.Version), sr.CompatNone) {
			if _, err := r.parseInto(cache, s.Schema); err != nil {
				return nil, fmt.Errorf("reference %s: %w", ref.Name, err)
			}
		}
	}
	return cache.Parse(schema.Schema)
}

// level is a subject's compatibility level, or the registry's own.
func (r *Registry) level(subject string) sr.CompatibilityLevel {
	config := struct {
		Level sr.CompatibilityLevel `json:"compatibilityLevel"`
	}{sr.CompatBackward}
	r.get("/config/"+url.PathEscape(subject), &config)
	return config.Level
}

// has reports whether a schema, as a request's body names it, is registered
// under a subject.
func (r *Registry) has(subject string, body []byte) bool {
	req := httptest.NewRequest(http.MethodPost, "/subjects/"+url.PathEscape(subject), bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.fake.Handler().ServeHTTP(answer, req)
	return answer.Code == http.StatusOK
}

// get asks srfake, which keeps levels and versions but does not export them.
func (r *Registry) get(path string, into any) bool {
	answer := httptest.NewRecorder()
	r.fake.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer.Code == http.StatusOK && json.Unmarshal(answer.Body.Bytes(), into) == nil
}
