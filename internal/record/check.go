package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Finding is one thing that CheckSchemas has to say, for people.
type Finding struct {
	Text    string
	Refused bool // the exporter would not start
}

// CheckSchemas looks whether the schemas could be used with the registry as it
// is, without registering anything. It returns what is missing, refused or not
// as recommended; nothing when all is in order. An error means that the registry could not be asked.
func CheckSchemas(ctx context.Context, cfg Registry, topics Topics) ([]Finding, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, s := range subjects(topics, new(IDs)) {
		found, err := checkSubject(ctx, client, cfg, s)
		if err != nil {
			return nil, explain(err, cfg, s)
		}
		findings = append(findings, found...)
	}
	return findings, nil
}

func checkSubject(ctx context.Context, client *sr.Client, cfg Registry, s subject) ([]Finding, error) {
	_, err := client.LookupSchema(ctx, s.name, s.schema)
	if err == nil {
		return checkLevel(ctx, client, s)
	}
	var answer *sr.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound || !notThere(answer) {
		return nil, err
	}
	is, err := client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), s.name, -2, s.schema)
	switch {
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && notThere(answer):
		is.Is = true // no version to compare with
	case errors.As(err, &answer) && answer.StatusCode == http.StatusUnprocessableEntity:
		is.Messages = []string{answer.Error()}
	case err != nil:
		return nil, err
	}
	switch {
	case !is.Is:
		reason := cfg.oneLine(strings.Join(is.Messages, "; "))
		if reason == "" {
			reason = "it gives no reason to a check; registering will tell"
		}
		return []Finding{{Text: fmt.Sprintf("%s: %s: %s", s.name, ErrIncompatible, reason), Refused: true}}, nil
	case !cfg.AutoRegister:
		return []Finding{{Text: fmt.Sprintf("%s: %s", s.name, missing(cfg, s)), Refused: true}}, nil
	}
	level, err := checkLevel(ctx, client, s)
	return append([]Finding{{Text: s.name + ": not registered yet; the exporter will do so"}}, level...), err
}

// checkLevel looks at a subject's compatibility level, where the registry tells.
func checkLevel(ctx context.Context, client *sr.Client, s subject) ([]Finding, error) {
	level := client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), s.name)[0]
	var answer *sr.ResponseError
	if errors.As(level.Err, &answer) && answer.StatusCode < http.StatusInternalServerError {
		return nil, nil // the credentials need not reach so far
	}
	if level.Err != nil {
		return nil, level.Err
	}
	if level.Level == sr.CompatNone {
		return []Finding{{Text: s.name + ": its compatibility level is NONE, so that anyone may register a schema that consumers cannot read; FULL_TRANSITIVE is recommended"}}, nil
	}
	return nil, nil
}
