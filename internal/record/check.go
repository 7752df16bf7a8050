package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"
)

// Finding is one sentence of CheckSchemas.
type Finding struct {
	Text    string
	Refused bool // the exporter would not start
	Usual   bool // so it is before a first start: there is nothing to do
}

// CheckSchemas asks the registry whether the schemas could be used, without
// registering anything. It returns what is missing, refused or unwise; nothing
// when all is in order. An error means that the registry could not be asked.
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
	if !isNotThere(err) {
		return nil, err
	}
	compatible, reason, err := wouldFit(ctx, client, cfg, s)
	switch {
	case err != nil:
		return nil, err
	case !compatible:
		return []Finding{{Text: fmt.Sprintf("%s: %s: %s", s.name, ErrIncompatible, reason), Refused: true}}, nil
	case !cfg.AutoRegister:
		return []Finding{{Text: fmt.Sprintf("%s: %s", s.name, missing(cfg, s)), Refused: true}}, nil
	}
	level, err := checkLevel(ctx, client, s)
	return append([]Finding{{Text: s.name + ": not registered yet; the exporter will register it", Usual: true}}, level...), err
}

// wouldFit asks whether a schema could follow all that its subject has, and if
// not, why.
func wouldFit(ctx context.Context, client *sr.Client, cfg Registry, s subject) (fits bool, reason string, err error) {
	const allVersions = -2
	is, err := client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), s.name, allVersions, s.schema)
	var answer *sr.ResponseError
	switch {
	case isNotThere(err): // no version to compare with
		return true, "", nil
	case errors.As(err, &answer) && answer.StatusCode == http.StatusUnprocessableEntity: // an invalid schema
		return false, cfg.oneLine(answer.Error()), nil
	case err != nil:
		return false, "", err
	}
	reason = cfg.oneLine(strings.Join(is.Messages, "; "))
	if reason == "" {
		reason = "the registry gives no reason to a check; it will when the schema is registered"
	}
	return is.Is, reason, nil
}

// checkLevel looks at a subject's compatibility level, where the registry shows it.
func checkLevel(ctx context.Context, client *sr.Client, s subject) ([]Finding, error) {
	level := client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), s.name)[0]
	var answer *sr.ResponseError
	switch {
	case errors.As(level.Err, &answer) && answer.StatusCode < http.StatusInternalServerError:
		return nil, nil // the exporter itself needs no right to read it
	case level.Err != nil:
		return nil, level.Err
	case level.Level == sr.CompatNone:
		return []Finding{{Text: s.name + ": its compatibility level is NONE, so anyone may register a schema " +
			"that consumers cannot read; set it to FULL_TRANSITIVE"}}, nil
	}
	return nil, nil
}
