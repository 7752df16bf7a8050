package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// names lists every variable that the exporter reads.
func (l *loader) names() []string {
	var names []string
	for _, f := range l.fields {
		names = append(names, f.name)
		if f.secret {
			names = append(names, f.file())
		}
	}
	return names
}

// checkNames looks for misspelt variables among those that are set. The prefix
// AIRUDDER_ is ours, so an unknown one is an error; the other prefixes are
// shared with the rest of the world, so only a near miss is worth a warning.
func (l *loader) checkNames(environ []string) {
	names := l.names()
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(names, name) {
			continue
		}
		near, distance := nearest(name, names)
		name = oneWord(name)
		switch {
		case strings.HasPrefix(name, "AIRUDDER_") && !kubernetesService.MatchString(name):
			l.add(name, "is no setting of the exporter"+didYouMean(near, distance))
		case sharedPrefix.MatchString(name) && distance <= 2:
			l.warnings = append(l.warnings, fmt.Sprintf("%s: is no setting of the exporter%s", name, didYouMean(near, distance)))
		}
	}
}

// oneWord is a name as a line may begin with it, whatever is in it.
func oneWord(name string) string {
	const longest = 100
	name = strings.Trim(strconv.Quote(name[:min(len(name), longest)]), `"`)
	return strings.ReplaceAll(name, ":", `\x3a`)
}

func didYouMean(near string, distance int) string {
	const likely = 4
	if distance > likely {
		return ""
	}
	return ": did you mean " + near + "?"
}

var (
	sharedPrefix = regexp.MustCompile(`^(KAFKA|SCHEMA_REGISTRY|LEDGER|HTTP|LOG)_`)

	// kubernetesService matches what Kubernetes sets in every container for a
	// Service whose name begins with "airudder":
	// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
	kubernetesService = regexp.MustCompile(`^AIRUDDER_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)
)

// nearest returns the known name with the smallest edit distance to a name.
func nearest(name string, names []string) (near string, distance int) {
	distance = len(name) + 1
	for _, n := range names {
		if d := editDistance(name, n); d < distance {
			near, distance = n, d
		}
	}
	return near, distance
}

// editDistance counts the bytes to insert, delete or replace to make b of a
// (Levenshtein), in one row of the usual table.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
