package inspect

import (
	"slices"
	"strings"
)

// proposal is a setting that follows from what was seen.
type proposal struct {
	field, value string
	why          string
	open         bool // it needs a decision before it can be used
}

func (i *inspection) propose(field, value, why string) {
	i.add(proposal{field: field, value: value, why: why})
}

// wonder proposes what a person has to decide.
func (i *inspection) wonder(field, value, why string) {
	i.add(proposal{field, value, why, true})
}

// add takes a proposal, unless it was made before.
func (i *inspection) add(p proposal) {
	same := func(other proposal) bool { return other.field == p.field && other.value == p.value }
	if !slices.ContainsFunc(i.proposals, same) {
		i.proposals = append(i.proposals, p)
	}
}

// settings prints the proposals, to paste.
func (i *inspection) settings() {
	switch {
	case len(i.proposals) > 0:
	case i.notes > 0:
		i.section("No setting follows from what was seen. What is for you to act on has a ! above.")
		return
	default:
		i.section("The settings as they are fit what was seen: nothing to change.")
		return
	}
	i.section("Settings that follow, to paste. A line with # before its name is for you to decide.")
	for _, p := range i.proposals {
		i.printf("\n  # %s\n", p.why)
		mark := ""
		if p.open {
			mark = "# "
		}
		i.printf("  %s%s=%s\n", mark, i.setting(p.field), quoted(p.value))
	}
}

// quoted is a value as a shell, an env file and Compose take it.
func quoted(value string) string {
	if !strings.ContainsAny(value, " \t\"'&;?<>|()$*{}#") {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
