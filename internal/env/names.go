package env

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// names lists every variable that the struct has.
func (r *Reader) names() (names []string) {
	for _, f := range r.fields {
		names = append(names, f.name)
		if f.secret {
			names = append(names, f.file())
		}
	}
	return names
}

// checkNames looks for misspelt names among the variables that are set.
func (r *Reader) checkNames() {
	names := r.names()
	for _, entry := range r.env.Set {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(names, name) {
			continue
		}
		near, distance := nearest(name, names)
		shown := oneWord(name)
		switch {
		case r.env.Gone[name] != "":
			if r.isSet(name) {
				r.Add(shown, "is no longer a variable of this program: "+r.env.Gone[name])
			}
		case r.env.own(name) != "":
			if !kubernetesService.MatchString(name[len(r.env.own(name)):]) {
				r.Add(shown, "is not a variable of this program"+didYouMean(near, distance))
			}
		case distance <= 2 && slices.ContainsFunc(r.env.Shared, func(p string) bool { return strings.HasPrefix(name, p) }):
			r.Warn(shown, "is not a variable of this program"+didYouMean(near, distance))
		}
	}
}

// oneWord is a name as a line can begin with it, whatever is in it.
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
	return fmt.Sprintf(": did you mean %s?", near)
}

// kubernetesService matches what Kubernetes sets in every container for each
// Service, after a prefix that the Service's name begins with:
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
var kubernetesService = regexp.MustCompile(
	`^(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

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

// editDistance counts the bytes to insert, delete or replace to turn a into b
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
