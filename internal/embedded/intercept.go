package embedded

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/twmb/franz-go/pkg/sr"
)

// maxBody bounds a request, in bytes.
const maxBody = 4 << 20

// handler puts the checks that srfake does not make in front of it.
func (r *Registry) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subjects/{subject}/versions", r.register)
	mux.HandleFunc("POST /compatibility/subjects/{subject}/versions", r.checkCompatibility)
	mux.HandleFunc("POST /compatibility/subjects/{subject}/versions/{version}", r.checkCompatibility)
	mux.Handle("/", r.fake.Handler())
	return mux
}

// register answers POST /subjects/{subject}/versions. A schema that the subject
// has already gets its id again, unchecked.
func (r *Registry) register(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, schema, ok := readSchema(w, req)
	if !ok {
		return
	}
	subject := req.PathValue("subject")
	var broken []string
	var err error
	if !r.has(subject, body) {
		broken, err = r.incompatible(subject, "", schema)
	}
	switch {
	case err != nil:
		writeError(w, http.StatusUnprocessableEntity, sr.ErrInvalidSchema.Code, "Invalid schema: "+err.Error())
	case len(broken) > 0:
		writeError(w, http.StatusConflict, sr.ErrIncompatibleSchema.Code,
			"Schema being registered is incompatible with an earlier schema for subject \""+subject+"\", details: "+quoteAll(broken))
	default:
		r.fake.Handler().ServeHTTP(w, req)
	}
}

// checkCompatibility answers both POST /compatibility/… paths.
func (r *Registry) checkCompatibility(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, schema, ok := readSchema(w, req)
	if !ok {
		return
	}
	broken, err := r.incompatible(req.PathValue("subject"), req.PathValue("version"), schema)
	if err != nil {
		writeError(w, http.StatusUnprocessableEntity, sr.ErrInvalidSchema.Code, "Invalid schema: "+err.Error())
		return
	}
	answer := map[string]any{"is_compatible": len(broken) == 0}
	if req.URL.Query().Get("verbose") == "true" && len(broken) > 0 {
		answer["messages"] = broken
	}
	writeJSON(w, http.StatusOK, answer)
}

// readSchema reads a request's schema and leaves its body to be read again.
func readSchema(w http.ResponseWriter, req *http.Request) ([]byte, sr.Schema, bool) {
	var schema sr.Schema
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &schema)
	}
	if err != nil {
		writeError(w, http.StatusUnprocessableEntity, sr.ErrInvalidSchema.Code, "Invalid request: "+err.Error())
		return nil, schema, false
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return body, schema, true
}

func writeError(w http.ResponseWriter, status, code int, message string) {
	writeJSON(w, status, map[string]any{"error_code": code, "message": message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func quoteAll(lines []string) string {
	b, _ := json.Marshal(lines) // strings always encode
	return string(b)
}
