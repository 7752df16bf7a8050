// Package env reads a configuration struct from environment variables. It finds
// all mistakes, the rules of the caller among them, and reports them at once, one
// line each, in the order of the struct's fields. No line shows a secret.
//
// The struct's tags say what a variable is:
//
//	env     its name, and "required" or "default=…"
//	doc     its meaning
//	group   a heading above it in the documentation, also for a struct's fields
//	setting what the package that uses it calls it; see Settings
//	blank   a blank value counts: it is not the default
//	secret  never shown, and read from the file that <name>_FILE names, if that is set
//
// A secret whose field is a Secret is read again from its file at each use, so that it can
// be replaced there while the program runs; a string is read once.
//
// A secret's file has at most 64 KiB and is read within five seconds; it may be a
// pipe. A byte-order mark and the newline at its end are no part of the secret; other
// blanks around it are, and there is a warning.
//
// A variable that is empty or blank counts as one that is not set,
// unless its field is tagged blank.
package env
