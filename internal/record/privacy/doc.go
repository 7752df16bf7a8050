// Package privacy says what becomes of personal data: which fields hold it, what a
// deployment does with each, and how a value is masked or replaced by a token. It is
// pure, and imports nothing of ours.
//
//	field.go     the fields, their kinds and what the presets do with them
//	mode.go      the modes, and which of two shows more
//	choice.go    Choice: the settings as one mode a field
//	stricter.go  its written form, its digest, and whether another shows less
//	token.go     keys, tokens and masks
package privacy
