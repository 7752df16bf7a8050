package airuddersim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Oddity names a lasting way in which an account answers otherwise than the
// documentation says, or leaves it open. Oddities can be combined; most take a
// value. A Fault, in contrast, happens to one response.
type Oddity string

// Oddities of the task list's answers.
const (
	ListCap   Oddity = "list_cap"
	ListTotal Oddity = "list_total"
	ListMore  Oddity = "list_more"
	ListNext  Oddity = "list_next"
	ListDepth Oddity = "list_depth"
	ListID    Oddity = "list_id"
)

// Oddities of what the task list makes of a query.
const (
	ListPageIgnored Oddity = "list_page_ignored"
	ListPageFrom0   Oddity = "list_page_from_0"
	ListPageClamped Oddity = "list_page_clamped"
	ListOffset      Oddity = "list_offset"
	ListCursor      Oddity = "list_cursor"
	ListRange       Oddity = "list_range"
	ListRangeError  Oddity = "list_range_error"
	ListWindow      Oddity = "list_window"
)

// Oddities of a task's detail.
const (
	DetailCap    Oddity = "detail_cap"
	DetailTotal  Oddity = "detail_total"
	CallCount    Oddity = "call_count"
	RowWords     Oddity = "row_words"
	TaskWords    Oddity = "task_words"
	LatePerRow   Oddity = "late_per_row"
	SharedCallID Oddity = "shared_call_id"
	Workflow     Oddity = "workflow"
	NewField     Oddity = "new_field"
	SignedLink   Oddity = "signed_link"
	LateChanges  Oddity = "late_changes"
	Heals        Oddity = "heals"
)

// Oddities of more than one endpoint.
const (
	Zoneless  Oddity = "zoneless"
	End1970   Oddity = "end_1970"
	Code      Oddity = "code"
	BOM       Oddity = "bom"
	RateLimit Oddity = "rate_limit"
)

// OddityRule describes an oddity.
type OddityRule struct {
	Oddity Oddity
	Value  string // what its value is called, in brackets where it may be left out; empty: it takes none
	Means  string

	read func(text string) (setting, error)
}

// OddityRules describe all oddities, the list's first.
func OddityRules() []OddityRule {
	return []OddityRule{
		{ListCap, "N", "at most the newest N tasks, whatever is asked for", readNumber},
		{ListTotal, "[NAME]", "beside the tasks, how many there are", readName("total")},
		{ListMore, "[NAME]", "beside the tasks, whether there are more", readName("has_more")},
		{ListNext, "[NAME]", "beside the tasks, the number of the next page, or null", readName("next_page")},
		{ListDepth, "N", "the array of tasks is N levels below data, 1 to 3", readNumber},
		{ListID, "NAME", "the list's name for TaskID", readName("id")},
		{ListPageIgnored, "", "every page is the first", readNothing},
		{ListPageFrom0, "", "the first page is 0", readNothing},
		{ListPageClamped, "", "a page after the last is the last", readNothing},
		{ListOffset, "", "the query's offset says where to begin, and page is ignored", readNothing},
		{ListCursor, "[NAME]", "the query's cursor says where to begin; the next is beside the tasks", readName("next")},
		{ListRange, "FORMAT", "a query without since and until in this format finds no task: rfc3339, local (at +08:00), unix, unixms", readFormat},
		{ListRangeError, "", "a query that misses list_range is an error", readNothing},
		{ListWindow, "DURATION", "tasks are listed for so long after they were created", readDuration},
		{DetailCap, "N", "at most the first N rows", readNumber},
		{DetailTotal, "[NAME]", "beside the rows, how many there are", readName("total")},
		{CallCount, "[NAME]", "beside the rows, how many attempts were made", readName("call_count")},
		{RowWords, "WORDS", "statuses of rows in other words: finished:answered,cancelled:blacklisted; digits are sent as a number", readWords},
		{TaskWords, "WORDS", "statuses of tasks in other words", readWords},
		{LatePerRow, "DURATION", "a detail's first byte comes so much later for each row", readDuration},
		{SharedCallID, "N", "every Nth row has the CallID of the row before it", readNumber},
		{Workflow, "[WHERE]", "a workflow's fields, in each row or in data: rows, data", readWhere},
		{NewField, "[NAME]", "every row has a field that no page documents", readName("AgentTeam")},
		{SignedLink, "[NAME]", "every row has a link whose signature differs in every answer", readName("RecordingURL")},
		{LateChanges, "DURATION", "of four rows that finish one gets labels and talk so much later, one another label, and one that and, as much later, the first again", readDuration},
		{Heals, "DURATION", "three of eight rows that finish are broken, not UTF-8 or without CallID at first, the eighth of a task is too large; they are sound so much later, CallIDs after the task's end", readDuration},
		{Zoneless, "", "times are written as 2006-01-02 15:04:05, at +08:00", readNothing},
		{End1970, "", "ScheduleEndTime is always 1970-01-01T00:00:00Z", readNothing},
		{Code, "N", "the code of every good answer, 200 otherwise", readNumber},
		{BOM, "", "a byte order mark before every answer", readNothing},
		{RateLimit, "N", "at most N answers in a second of the list and of details together, 429 without Retry-After beyond", readNumber},
	}
}

// setting is an oddity's value, read.
type setting struct {
	text  string
	n     int
	d     time.Duration
	words map[string]string
}

func readNothing(text string) (v setting, err error) {
	if text != "" {
		err = errors.New("it takes no value")
	}
	return v, err
}

func readNumber(text string) (v setting, err error) {
	v.n, err = strconv.Atoi(text)
	if err != nil || v.n < 0 {
		return v, fmt.Errorf("%q is no number", text)
	}
	return v, nil
}

func readDuration(text string) (v setting, err error) {
	v.d, err = time.ParseDuration(text)
	return v, err
}

// readName reads a field's name; empty: its usual one.
func readName(usual string) func(string) (setting, error) {
	return func(text string) (setting, error) { return setting{text: or(text, usual)}, nil }
}

// readWhere reads where a workflow's fields stand.
func readWhere(text string) (setting, error) {
	if text = or(text, "rows"); text != "rows" && text != "data" {
		return setting{}, fmt.Errorf("%q is neither rows nor data", text)
	}
	return setting{text: text}, nil
}

func readFormat(text string) (setting, error) {
	if !slices.Contains([]string{"rfc3339", "local", "unix", "unixms"}, text) {
		return setting{}, fmt.Errorf("%q is none of rfc3339, local, unix, unixms", text)
	}
	return setting{text: text}, nil
}

func readWords(text string) (setting, error) {
	v := setting{words: map[string]string{}}
	for pair := range strings.SplitSeq(text, ",") {
		status, word, ok := strings.Cut(pair, ":")
		if !ok {
			return v, fmt.Errorf("%q is no status:word", pair)
		}
		v.words[status] = word
	}
	return v, nil
}

// oddities are those that an account has now.
type oddities struct {
	texts map[Oddity]string // as they were set
	read  map[Oddity]setting
}

// readOddities checks oddities and reads their values.
func readOddities(texts map[Oddity]string) (oddities, error) {
	out := oddities{texts: maps.Clone(texts), read: map[Oddity]setting{}}
	for _, name := range sortedKeys(texts) {
		i := slices.IndexFunc(OddityRules(), func(r OddityRule) bool { return r.Oddity == name })
		if i < 0 {
			return out, fmt.Errorf("no oddity is called %q", name)
		}
		value, err := OddityRules()[i].read(texts[name])
		if err != nil {
			return out, fmt.Errorf("oddity %s: %w", name, err)
		}
		out.read[name] = value
	}
	return out, nil
}

// ParseOddity reads name or name=value.
func ParseOddity(text string) (name Oddity, value string, err error) {
	before, value, _ := strings.Cut(text, "=")
	name = Oddity(before)
	_, err = readOddities(map[Oddity]string{name: value})
	return name, value, err
}

func (o oddities) has(name Oddity) bool            { _, ok := o.read[name]; return ok }
func (o oddities) text(name Oddity) string         { return o.read[name].text }
func (o oddities) number(name Oddity) int          { return o.read[name].n }
func (o oddities) duration(n Oddity) time.Duration { return o.read[n].d }

// word is a status as an account writes it, as JSON.
func (o oddities) word(of Oddity, status string) []byte {
	word, ok := o.read[of].words[status]
	if !ok {
		return quote(status)
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return number(n)
	}
	return quote(word)
}

// SetOddities gives the account these oddities and no others, from now on.
// What it set wrong changes nothing.
func (s *Sim) SetOddities(texts map[Oddity]string) error {
	read, err := readOddities(texts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd = read
	s.renderAgain()
	return nil
}
