package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/contract"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/record/privacy"
)

func (p program) contractCommand() *cobra.Command {
	var markdown bool
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Print what consumers may build on, as AsyncAPI 3 or as Markdown.",
		Long: `Prints what this configuration publishes, as one AsyncAPI 3 document: topics, keys,
headers, schemas, what is promised and what is not, and what becomes of personal data.

It asks neither AIRudder nor Kafka nor the registry, and needs none of their addresses
and credentials. It reads the other variables as run does.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := p.configure(cmd.Context(), "AIRUDDER_APP_", "KAFKA_BROKERS", "KAFKA_TLS_", "KAFKA_SASL_", "SCHEMA_REGISTRY_", "HTTP_")
			if err != nil {
				return err
			}
			document, err := contract.New(published(cfg))
			if err != nil {
				return err
			}
			text := document.Markdown()
			if !markdown {
				if text, err = document.YAML(); err != nil {
					return err
				}
			}
			_, err = p.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "for people, a section a topic")
	return cmd
}

// published is what a configuration publishes.
func published(cfg Config) contract.Config {
	specs := map[string]contract.Topic{}
	for _, s := range topicSpecs(cfg.Kafka) {
		specs[s.Name] = contract.Topic{Name: s.Name, Partitions: s.Partitions, Configs: s.Configs}
	}
	topics := map[string]contract.Topic{}
	for content, name := range recordTopics(cfg.Kafka).ByContent() {
		if name != "" {
			topics[content] = specs[name]
		}
	}
	key, _ := record.ParseEventKey(cfg.Kafka.EventKey) // a wrong one is refused with the configuration
	c := choice(cfg)
	return contract.Config{
		Topics: topics, EventKey: string(key), EventKeySet: cfg.Kafka.EventKey != "", Compression: cfg.Kafka.Compression,
		Source: pins(cfg).Source, Account: cfg.Upstream.Account, Zone: cfg.Upstream.Zone.String(),
		Privacy:  contract.Privacy{Preset: string(c.Preset()), Header: c.Header(), Key: c.KeyName(), Fields: privateFields(c, cfg.Kafka.Topics)},
		AfterEnd: cfg.Polling.AfterEnd, Retention: cfg.Polling.LedgerRetention, Transaction: cfg.Kafka.TransactionTimeout,
	}
}

// privateFields are what becomes of each field that can hold personal data, and the
// topics that show something of it.
func privateFields(c privacy.Choice, topics Topics) (all []contract.PrivateField) {
	for _, f := range privacy.Fields() {
		mode := c.Mode(f.Name)
		all = append(all, contract.PrivateField{Field: f.Name, Mode: mode.String(), Topics: topicsOf(f, mode, topics)})
	}
	for _, name := range c.KeptNames() {
		all = append(all, contract.PrivateField{
			Field: privacy.AdditionalFields + "." + strconv.Quote(name), Mode: privacy.Keep.String(), Topics: []string{topics.CallCompleted},
		})
	}
	return all
}
