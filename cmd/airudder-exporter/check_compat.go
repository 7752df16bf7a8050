package main

import (
	"context"
	"fmt"

	"airudder-exporter/internal/compat"
)

// try tries what the promise needs. There is no plan to look at before it acts, as other
// commands have: it touches nothing but what it makes.
func (c *checker) try(ctx context.Context) {
	compat.Run(ctx, compat.Config{
		Kafka: brokers(c.cfg.Kafka), Layout: layout(c.cfg.Kafka), Assignment: c.cfg.Kafka.Assignment,
		Registry: registry(c.cfg.Registry), Timeout: c.timeout,
	}, c.heading, c.tried)
}

// tried shows a verdict.
func (c *checker) tried(v compat.Verdict) {
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
