package call

import "context"

type hintedKey struct{}

// Hinted marks a reading for which somebody has told that there is something new: it goes
// before others.
func Hinted(ctx context.Context) context.Context { return context.WithValue(ctx, hintedKey{}, true) }

// IsHinted reports whether a reading is so marked.
func IsHinted(ctx context.Context) bool { return ctx.Value(hintedKey{}) != nil }
