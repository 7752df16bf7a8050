package embedded

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"

	"github.com/twmb/franz-go/pkg/sr"
)

// maxBody bounds a request, in bytes.
const maxBody = 4 << 20

// handler puts the checks that srfake does not make in front of it, and the
// journal behind it.
func (r *Registry) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /subjects/{subject}/versions", r.register)
	mux.HandleFunc("POST /compatibility/subjects/{subject}/versions", r.checkCompatibility)
	mux.HandleFunc("POST /compatibility/subjects/{subject}/versions/{version}", r.checkCompatibility)
	mux.Handle("GET /", r.fake.Handler())
	mux.Handle("POST /", r.fake.Handler()) // lookups
	mux.HandleFunc("/", r.change)
	return mux
}

// register answers POST /subjects/{subject}/versions. A schema that the subject
// has already gets its id again, unchecked and unrecorded.
func (r *Registry) register(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, schema, ok := readSchema(w, req)
	if !ok {
		return
	}
	subject := req.PathValue("subject")
	if r.has(subject, body) {
		r.fake.Handler().ServeHTTP(w, req)
		return
	}
	broken, err := r.incompatible(subject, "", schema)
	switch {
	case err != nil:
		writeError(w, http.StatusUnprocessableEntity, sr.ErrInvalidSchema.Code, "Invalid schema: "+err.Error())
	case len(broken) > 0:
		writeError(w, http.StatusConflict, sr.ErrIncompatibleSchema.Code,
			"Schema being registered is incompatible with an earlier schema for subject \""+subject+"\", details: "+quoteAll(broken))
	default:
		r.record(w, req, body)
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

// change passes on what changes the registry otherwise: levels, modes,
// deletions.
func (r *Registry) change(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		writeError(w, http.StatusBadRequest, http.StatusBadRequest, err.Error())
		return
	}
	r.record(w, req, body)
}

// record lets srfake answer and keeps a request that changed something before
// its answer goes out: what a client was told survives a kill.
func (r *Registry) record(w http.ResponseWriter, req *http.Request, body []byte) {
	entry := request{Method: req.Method, URL: req.URL.RequestURI(), Body: string(body)}
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	r.fake.Handler().ServeHTTP(answer, req)
	if answer.Code < 300 {
		if err := r.journal.add(entry); err != nil {
			r.log.Error("schema registry cannot keep a change", "error", err)
			writeError(w, http.StatusInternalServerError, sr.ErrStoreError.Code, err.Error())
			return
		}
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
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
