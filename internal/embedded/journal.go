package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
)

// journal keeps the requests that changed the registry, in order. srfake
// numbers ids and versions by that order alone, so playing them again gives
// every schema the id that it had. The empty journal keeps nothing.
type journal struct {
	path    string // the file; empty: in memory only
	entries []request
}

// request is one entry of the journal's file, a JSON array of them.
type request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   string `json:"body,omitempty"`
}

// replay reads the file, where there is one, and plays it.
func (j *journal) replay(to http.Handler) error {
	if j.path == "" {
		return nil
	}
	text, err := os.ReadFile(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &j.entries); err != nil {
		return fmt.Errorf("read %s: %w", j.path, err)
	}
	for i, e := range j.entries {
		req, err := http.NewRequest(e.Method, e.URL, strings.NewReader(e.Body))
		if err != nil {
			return fmt.Errorf("read %s: entry %d: %w", j.path, i, err)
		}
		answer := httptest.NewRecorder()
		to.ServeHTTP(answer, req)
		if answer.Code >= 300 {
			return fmt.Errorf("read %s: entry %d: %s", j.path, i, answer.Body)
		}
	}
	return nil
}

// add keeps one request. When it returns without an error, the file has it.
func (j *journal) add(e request) error {
	if j.path == "" {
		return nil
	}
	entries := append(j.entries, e)
	text, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(j.path, text); err != nil {
		return err
	}
	j.entries = entries
	return nil
}

// writeFile replaces a file whole: after a crash it is the old or the new one.
func writeFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
