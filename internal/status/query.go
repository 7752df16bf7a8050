package status

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// How many tasks an answer of /api/status has.
const (
	defaultLimit = 500
	maxLimit     = 5000
)

// maxTaskID is how long a TaskID may be.
const maxTaskID = 128

// query is what the page or /api/status is asked for.
type query struct {
	limit   int
	after   string // tasks after this TaskID; empty: from the first
	group   group  // this group alone, if grouped is true
	grouped bool
	task    string // this one alone; empty: all
	find    string // in lower case: tasks whose name or TaskID has it
}

// filters reports whether the query asks for some of the tasks.
func (q query) filters() bool { return q.grouped || q.find != "" || q.after != "" || q.task != "" }

// parseQuery reads the parameters of a request. Its errors are sentences for whoever
// asked.
func parseQuery(raw string) (query, error) {
	q := query{limit: defaultLimit}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("the query is not of the form name=value&name=value with values escaped as in a URL")
	}
	for name, given := range values {
		if len(given) > 1 {
			return q, fmt.Errorf("%.40q is given twice: give it once", name)
		}
		if err := q.set(name, given[0]); err != nil {
			return q, err
		}
	}
	if q.task != "" && len(values) > 1 {
		return q, errors.New("task names one task and stands alone: leave limit, after, group and find out")
	}
	return q, nil
}

func (q *query) set(name, value string) error {
	switch name {
	case "limit":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxLimit {
			return fmt.Errorf("limit is not a whole number from 0 to %d: give one such as %d, or 0 for the totals alone", maxLimit, defaultLimit)
		}
		q.limit = n
	case "group":
		for g := range groups {
			if g.Class() == value {
				q.group, q.grouped = g, true
				return nil
			}
		}
		return fmt.Errorf("group is none of them: give %s", strings.Join(groupNames(), ", "))
	case "find":
		if len(value) > maxTaskID {
			return fmt.Errorf("find is longer than %d bytes: give a part of a task's name or TaskID", maxTaskID)
		}
		q.find = strings.ToLower(value)
	case "after", "task":
		if value == "" || len(value) > maxTaskID {
			return fmt.Errorf("%s is not a TaskID, which has 1 to %d bytes: give one, or leave it out", name, maxTaskID)
		}
		if name == "task" {
			q.task = value
			return nil
		}
		q.after = value
	default:
		return fmt.Errorf("%.40q is not a parameter: there are limit, after, group, find and task", name)
	}
	return nil
}

func groupNames() (names []string) {
	for g := range groups {
		names = append(names, g.Class())
	}
	return names
}
