package hint

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
)

const (
	maxBody = 64 << 10
	maxIDs  = 8   // of one body; more are left out
	maxID   = 128 // bytes of a TaskID

	maxDepth   = 4  // of the objects and arrays around a TaskID
	maxNesting = 64 // of a body at all
)

// names are those of a member that holds a TaskID.
var names = []string{"TaskID", "task_id", "taskId"}

// taskIDs are the TaskIDs in a body, each once: of a form, or of JSON.
func taskIDs(body []byte) []string {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) > 0 && (body[0] == '{' || body[0] == '[') {
		return fromJSON(body)
	}
	return fromForm(body)
}

func fromForm(body []byte) (ids []string) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	for _, name := range names {
		for _, id := range values[name] {
			ids = add(ids, id)
		}
	}
	return ids
}

func fromJSON(body []byte) (ids []string) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if !walk(d, "", 0, func(key, value string) {
		if slices.Contains(names, key) {
			ids = add(ids, value)
		}
	}) {
		return nil // a body that is cut says nothing
	}
	return ids
}

// walk shows visit the members whose values are strings or numbers, down to maxDepth;
// false: the JSON is broken, or far too deep.
func walk(d *json.Decoder, key string, depth int, visit func(key, value string)) bool {
	token, err := d.Token()
	if err != nil || depth > maxNesting {
		return false
	}
	switch t := token.(type) {
	case json.Delim:
		for d.More() {
			member := ""
			if t == '{' {
				name, err := d.Token()
				if err != nil {
					return false
				}
				member, _ = name.(string)
			}
			if !walk(d, member, depth+1, visit) {
				return false
			}
		}
		_, err := d.Token() // the closing one
		return err == nil
	case string:
		if depth <= maxDepth {
			visit(key, t)
		}
	case json.Number:
		if depth <= maxDepth {
			visit(key, t.String())
		}
	}
	return true
}

func add(ids []string, id string) []string {
	if id == "" || len(id) > maxID || len(ids) == maxIDs || slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}
