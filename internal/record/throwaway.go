package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"airudder-exporter/schemas"
)

// Throwaway is a subject that a check makes, uses and deletes. Its schema is
// CallCompleted under another name, so that no id of a real subject goes with it.
type Throwaway struct {
	cfg    Registry
	client *sr.Client
	of     subject
	id     int
	made   bool // it may be there
}

// NewThrowaway asks nobody.
func NewThrowaway(cfg Registry, name string) (*Throwaway, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	// A namespace has letters, digits and underscores in it.
	other := strings.NewReplacer("-", "_", ".", "_").Replace(name)
	text := strings.Replace(schemas.CallCompleted(), `"namespace": "airudder.events"`, `"namespace": "airudder.throwaway.`+other+`"`, 1)
	return &Throwaway{cfg: cfg, client: client, of: subject{name: name, file: "call_completed.avsc", schema: avroSchema(text)}}, nil
}

// Register registers the schema twice, and looks it up: all three must give one id.
func (t *Throwaway) Register(ctx context.Context) (id int, err error) {
	t.made = true
	if t.id, err = t.client.RegisterSchema(ctx, t.of.name, t.of.schema, -1, -1); err != nil {
		return 0, explain(err, t.cfg, t.of)
	}
	again, err := t.client.RegisterSchema(ctx, t.of.name, t.of.schema, -1, -1)
	if err != nil {
		return 0, explain(err, t.cfg, t.of)
	}
	found, err := t.client.LookupSchema(ctx, t.of.name, t.of.schema)
	if err != nil {
		return 0, explain(err, t.cfg, t.of)
	}
	if t.id <= 0 || again != t.id || found.ID != t.id {
		return 0, fmt.Errorf("the registry gives one schema the id %d, then %d, and finds it under %d", t.id, again, found.ID)
	}
	return t.id, nil
}

// ReadBack gets the schema by its id, as whoever reads a record does.
func (t *Throwaway) ReadBack(ctx context.Context) error {
	decoder, err := NewDecoder(t.cfg)
	if err != nil {
		return err
	}
	read, err := decoder.writer(ctx, t.id)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(read.name, ".CallCompleted") {
		return fmt.Errorf("under the id %d the registry has a %s", t.id, read.name)
	}
	return nil
}

// Compatible asks whether the schema could follow itself, which it can, and whether one
// could that no reader of it can read; level is the subject's, by which the registry
// answers that.
func (t *Throwaway) Compatible(ctx context.Context) (level string, err error) {
	fits, reason, err := wouldFit(ctx, t.client, t.cfg, t.of)
	if err != nil {
		return "", explain(err, t.cfg, t.of)
	}
	if !fits {
		return "", fmt.Errorf("the registry finds a schema incompatible with itself: %s", reason)
	}
	is := t.client.Compatibility(sr.WithParams(ctx, sr.DefaultToGlobal), t.of.name)[0]
	if is.Err != nil || is.Level == sr.CompatNone {
		return "", nil // it need not be told, and with NONE all is compatible
	}
	other := t.of
	other.schema.Schema = strings.Replace(other.schema.Schema, `"name":"call_id","type":"string"`, `"name":"call_id","type":"long"`, 1)
	if fits, _, err = wouldFit(ctx, t.client, t.cfg, other); err != nil {
		return "", explain(err, t.cfg, t.of)
	}
	if fits {
		return "", fmt.Errorf("the registry's level is %s, and it finds a string that becomes a long compatible", is.Level)
	}
	return is.Level.String(), nil
}

// Made reports whether there may be something to delete.
func (t *Throwaway) Made() bool { return t.made }

// Delete deletes the subject for good.
func (t *Throwaway) Delete(ctx context.Context) error { return t.DeleteSubject(ctx, t.of.name) }

// DeleteSubject deletes a subject for good, which a registry does in two steps.
func (t *Throwaway) DeleteSubject(ctx context.Context, name string) error {
	for _, how := range []sr.DeleteHow{sr.SoftDelete, sr.HardDelete} {
		if _, err := t.client.DeleteSubject(ctx, name, how); err != nil && !isNotThere(err) {
			var answer *sr.ResponseError
			if errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden {
				return fmt.Errorf("the schema registry does not allow these credentials to delete the subject %s (403): "+
					"delete it, or give them the right to delete subjects that begin with it", name)
			}
			return t.cfg.plain(err)
		}
	}
	return nil
}

// Subjects are all that the registry shows.
func (t *Throwaway) Subjects(ctx context.Context) ([]string, error) {
	all, err := t.client.Subjects(ctx)
	if err != nil {
		return nil, t.cfg.plain(err)
	}
	return all, nil
}
