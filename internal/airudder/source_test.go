package airudder_test

import (
	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/exporter"
)

var (
	_ exporter.Source        = (*airudder.Client)(nil)
	_ exporter.UpstreamError = (*airudder.Error)(nil)
)
