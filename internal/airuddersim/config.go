package airuddersim

import "time"

// ListShape is how the task list wraps its entries.
type ListShape string

// The shapes that a list can take.
const (
	ListArray   ListShape = "array"   // data is the array of tasks
	ListNested  ListShape = "nested"  // data is an object with the array under Config.ListName
	ListIDs     ListShape = "ids"     // data is an array of objects with nothing but a TaskID
	ListStrings ListShape = "strings" // data is an array of TaskIDs as plain strings
	ListNull    ListShape = "null"    // data is null
)

// ListShapes are all shapes, in the order of their description.
func ListShapes() []ListShape {
	return []ListShape{ListArray, ListNested, ListIDs, ListStrings, ListNull}
}

// Config is what a simulation is made of. The zero value is a server without
// campaigns, to which a test adds its tasks by hand.
type Config struct {
	Seed  uint64
	Start time.Time // what the clock shows first; zero: the wall clock's now, in whole seconds

	// Campaigns that play by themselves.
	Tasks       int           // at once; 0: none
	RowsPerTask int           // roughly; 0: as many as keep a campaign dialling for some three minutes, at least 20
	Rate        float64       // calls that finish in a second of the simulation's clock, roughly, over all tasks; 0: 5
	Renew       bool          // a campaign that ended is followed by a new one
	WarmUp      time.Duration // played before New returns, ending at Start: calls are in progress at once
	Overtake    float64       // share of failed attempts that show as finished until their redial
	Lead        time.Duration // how long a task stays created, and pending; 0: 3 s
	Pause       time.Duration // how long a paused task stays so; 0: 10 s
	RedialWait  time.Duration // between a failed attempt and the next; 0: 20 s
	Window      time.Duration // from ScheduleStartTime to ScheduleEndTime; 0: 2 h
	DriftAfter  time.Duration // after this long the fields drift (see Sim.SetDrift); 0: never

	// Ended is told of each call that is shown as finished from now on, with the simulation
	// locked; nil: nobody is.
	Ended func(taskID, callID string)

	// Access.
	AppKey     string           // the key that is right; empty: any
	AppSecret  string           // the secret that is right; empty: any
	AuthScheme string           // before the token in Authorization; empty: Token
	TokenTTL   time.Duration    // a token's life; 0: 24 h
	Clock      func() time.Time // measures tokens and Retry-After dates; nil: time.Now

	// The task list.
	ListShape          ListShape     // empty: ListArray
	ListName           string        // for ListNested; empty: list
	ListPageSize       int           // entries a page; 0: no paging, and page is ignored
	ListIgnoresFilters bool          // answers every query, any page too, with the same tasks
	ListLag            time.Duration // by how much the list lags the detail
	ListWithoutID      bool          // two entries more, one without a TaskID and one with an empty one

	// Responses.
	Oddities   map[Oddity]string // those that the account has from the start, with their values; New panics at one that is wrong
	Cache      bool              // keep earlier answers of each task, which Stale needs
	Gzip       bool              // compress what accepts it
	FaultRates map[FaultKind]float64
}

// withDefaults fills in what the zero values stand for.
func (c Config) withDefaults() Config {
	c.Rate = or(c.Rate, 5)
	c.RowsPerTask = or(c.RowsPerTask, max(20, int(c.Rate*180/float64(max(c.Tasks, 1)))))
	c.Lead = or(c.Lead, 3*time.Second)
	c.Pause = or(c.Pause, 10*time.Second)
	c.RedialWait = or(c.RedialWait, 20*time.Second)
	c.Window = or(c.Window, 2*time.Hour)
	c.AuthScheme = or(c.AuthScheme, "Token")
	c.TokenTTL = or(c.TokenTTL, 24*time.Hour)
	c.ListShape = or(c.ListShape, ListArray)
	c.ListName = or(c.ListName, "list")
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Start.IsZero() {
		c.Start = time.Now().Truncate(time.Second)
	}
	c.Start = c.Start.UTC().Round(0)
	return c
}

// or is v, or fallback when v is the zero value.
func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
