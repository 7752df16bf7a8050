package main

import (
	"context"
	"fmt"
	"strings"

	"airudder-exporter/internal/compat"
)

// try tries what the promise needs. There is no plan to look at before it acts, as other
// commands have: it touches nothing but what it makes.
func (c *checker) try(ctx context.Context) {
	compat.Run(ctx, compat.Config{
		Kafka: brokers(c.cfg.Kafka), Layout: layout(c.cfg.Kafka), Assignment: c.cfg.Kafka.Assignment,
		Registry: registry(c.cfg.Registry), Timeout: c.timeout,
	}, func(text string) { c.follow(); c.heading(text) }, c.tried)
	c.follow()
}

// follow shows what was not tried for what a line before says.
func (c *checker) follow() {
	if len(c.follows) > 0 {
		fmt.Fprintf(c.out, "  ?     not tried either: %s\n", strings.Join(c.follows, ", "))
	}
	c.follows = nil
}

// tried shows a verdict.
func (c *checker) tried(v compat.Verdict) {
	if v.Follows {
		c.verdict.untold++
		c.follows = append(c.follows, v.Name)
		return
	}
	c.follow()
	switch v.Outcome {
	case compat.Told:
		c.info("%s", v.Text)
	case compat.Fits:
		c.ok("%s: %s", v.Name, v.Text)
	case compat.Unasked:
		c.info("%s: not tried: %s", v.Name, v.Text)
	case compat.Untried:
		c.verdict.untold++
		fmt.Fprintf(c.out, "  ?     %s: not tried: %s\n", v.Name, v.Text)
		if len(v.Grants) > 0 {
			fmt.Fprintf(c.out, "        without it %s; what to do: %s; or grant the right, for example so:\n", v.Breaks, v.Cure)
		}
		for _, command := range v.Grants {
			fmt.Fprintf(c.out, "          %s\n", command)
		}
	case compat.Fails:
		text := fmt.Sprintf("%s: %s\n        without it %s; what to do: %s", v.Name, v.Text, v.Breaks, v.Cure)
		if v.Err == nil {
			c.fail("%s", text)
		} else {
			c.failOf(v.Err, text)
		}
	}
}
