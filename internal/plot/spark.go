package plot

import (
	"fmt"
	"math"
	"slices"
)

// The measures of a spark, whose bars are a unit apart.
const (
	sparkBar    = 3
	sparkHeight = 14
)

// Spark is a row of bars without axis or words, to stand beside a number that has these:
// the highest is as high as the row. It is nothing where all are 0.
func Spark(values []float64) string {
	if len(values) == 0 || slices.Max(values) <= 0 {
		return ""
	}
	most := slices.Max(values)
	var d []byte
	for i, v := range values {
		if v > 0 {
			d = fmt.Appendf(d, "M%d %dv-%dh%dV%dz", i*sparkBar, sparkHeight, max(1, int(math.Round(v/most*sparkHeight))), sparkBar-1, sparkHeight)
		}
	}
	return fmt.Sprintf(`<svg class="spark" viewBox="0 0 %d %d" aria-hidden="true"><path d="%s"/></svg>`, len(values)*sparkBar, sparkHeight, d)
}
