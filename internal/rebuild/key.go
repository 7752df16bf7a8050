package rebuild

import (
	"context"
	"fmt"
	"slices"

	"airudder-exporter/internal/record"
)

// newestEvents is how many of a partition's newest events tell what the key is.
const newestEvents = 20

// eventKey is what the newest events have as their key; empty where there are none.
// Each fits more than one key where a field is empty, all of them together fewer.
func (r *Rebuild) eventKey(ctx context.Context) (record.EventKey, error) {
	keys := record.EventKeys
	for _, event := range r.newest {
		fits, err := r.decoder.EventKeys(ctx, event)
		if err != nil {
			return "", err
		}
		keys = slices.DeleteFunc(slices.Clone(keys), func(k record.EventKey) bool { return !slices.Contains(fits, k) })
	}
	switch {
	case len(r.newest) == 0:
		return "", nil
	case len(keys) == 0:
		return "", fmt.Errorf("%w: the newest events have keys of more than one kind: set %s to what is meant from now on",
			errRefused, r.setting("EventKey"))
	}
	return keys[0], nil
}
