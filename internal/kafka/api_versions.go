package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
)

// ApiVersions (API 18), the latest version up to 2, sent to any broker. kafka-go asks it
// on each connection; we ask for check alone.

// needed are the requests that a run sends, each with the least version that has what we
// ask for, and with the first Apache Kafka that speaks it.
var needed = []struct {
	api     protocol.ApiKey
	version int16
	since   string
}{
	{protocol.Produce, 3, "0.11"},     // transactions, and batches of magic 2
	{protocol.Fetch, 11, "2.3"},       // see package rawfetch
	{protocol.ListOffsets, 2, "0.11"}, // the last stable offset
	{protocol.Metadata, 4, "0.11"},    // without the creation of topics
	{protocol.FindCoordinator, 1, "0.11"},
	{protocol.InitProducerId, 0, "0.11"},
	{protocol.AddPartitionsToTxn, 0, "0.11"},
	{protocol.EndTxn, 0, "0.11"},
	{protocol.DescribeConfigs, 0, "0.11"},
}

// Lacking are the requests that a run sends and a broker does not offer, in words.
func (c *Client) Lacking(ctx context.Context) (lacking []string, err error) {
	res, err := askAside[*apiversions.Response](ctx, c, new(apiversions.Request))
	if err == nil {
		err = codeError(res.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("ask which requests the brokers know: %w", err)
	}
	offered := map[protocol.ApiKey]int16{}
	for _, a := range res.ApiKeys {
		offered[protocol.ApiKey(a.ApiKey)] = a.MaxVersion
	}
	for _, n := range needed {
		if highest, ok := offered[n.api]; !ok {
			lacking = append(lacking, n.api.String())
		} else if highest < n.version {
			lacking = append(lacking, fmt.Sprintf("%s in version %d, which is in Apache Kafka since %s (offered: %d)", n.api, n.version, n.since, highest))
		}
	}
	return lacking, nil
}
