package contract

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Markdown is the document for people, a section a topic.
func (d Document) Markdown() []byte {
	var b strings.Builder
	b.WriteString("<!-- Made by airudder-exporter contract --markdown. -->\n\n# What airudder-exporter publishes\n\n")
	fmt.Fprintf(&b, "Every finished AIRudder call as a record in Kafka, exactly once. Version %s of the contract.\n\n", Version)
	rows := [][]string{{"topic", "what", "key", "partitions", "kept"}}
	for _, t := range d.topics {
		form := "by what it is about"
		if len(t.messages) == 1 {
			form = code(t.messages[0].key.form)
		}
		rows = append(rows, []string{"[" + code(t.Name) + "](#" + anchor(t.Name) + ")", t.title, form, fmt.Sprint(t.Partitions), t.kept()})
	}
	b.WriteString(table(rows))
	for _, c := range d.chapters() {
		b.WriteString("\n## " + c.title + "\n\n" + list(escapeAll(c.sentences)))
	}
	b.WriteString("\n## Personal data\n\n" + list(escapeAll(d.personal())) + "\n" + d.privacyTable())
	for _, t := range d.topics {
		d.section(&b, t)
	}
	return []byte(b.String())
}

func (d Document) privacyTable() string {
	rows := [][]string{{"field", "mode", "topic"}}
	for _, f := range d.cfg.Privacy.Fields {
		topics := make([]string, len(f.Topics))
		for i, name := range f.Topics {
			topics[i] = code(name)
		}
		rows = append(rows, []string{code(f.Field), f.Mode, cmp.Or(strings.Join(topics, ", "), "nowhere")})
	}
	return table(rows)
}

func (d Document) section(b *strings.Builder, t topic) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n", t.Name, list(escapeAll(t.about)))
	rows := [][]string{{"", ""}}
	if len(t.messages) == 1 {
		m := t.messages[0]
		rows = append(rows,
			[]string{"value", "Avro " + code(m.name) + ", subject " + code(t.Name+"-value")},
			[]string{"key", code(m.key.form) + ": " + escape(m.key.meaning) + " Example: " + code(m.key.example)})
	}
	rows = append(rows, []string{"partitions", fmt.Sprint(t.Partitions)}, []string{"kept", t.kept()})
	var configs []string
	for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
		configs = append(configs, code(name+"="+t.Configs[name]))
	}
	b.WriteString(table(append(rows, []string{"created with", strings.Join(configs, ", ")})))
	for _, m := range t.messages {
		if m.schema.text == "" {
			fmt.Fprintf(b, "\n### `%s`\n\n%s\n\n", m.key.form, m.summary)
			b.WriteString(table(jsonRows(m.json, "", [][]string{{"field", "type", "", "meaning"}})))
			continue
		}
		b.WriteString("\n### Headers of " + m.name + "\n\n" + headerTable(m.headers))
		for i, r := range m.schema.records {
			in := ""
			if i > 0 {
				in = ", in " + m.name
			}
			fmt.Fprintf(b, "\n### %s%s\n\n%s\n\n%s", r.Name, in, escape(r.Doc), d.fieldTable(m.name, r))
		}
	}
}

func headerTable(headers []header) string {
	rows := [][]string{{"header", "value", "meaning"}}
	for _, h := range headers {
		value := code(h.value)
		if h.value == "" {
			value = "such as " + code(h.example)
		}
		rows = append(rows, []string{code(h.name), value, escape(h.meaning)})
	}
	return table(rows)
}

// fieldTable has the fields of a record, with what is shown of those that privacy
// does not keep.
func (d Document) fieldTable(message string, r avroRecord) string {
	head := []string{"field", "type", "AIRudder's name", "personal", "shown", "meaning"}
	rows, hides := [][]string{head}, false
	for _, f := range r.Fields {
		personal := ""
		if f.Personal {
			personal = "yes"
		}
		shown := d.shown(message, f.Name)
		hides = hides || shown != ""
		rows = append(rows, []string{code(f.Name), f.kind, code(f.API), personal, shown, escape(f.Doc)})
	}
	if !hides { // everything is
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 4, 5)
		}
	}
	return table(rows)
}

// shown is what a record shows of a field that can be hidden; empty: its value.
func (d Document) shown(message, field string) string {
	mode := d.cfg.Privacy.mode(field)
	separate := strings.HasSuffix(mode, "private")
	switch {
	case mode == "" || message == DeadLetter && field != "raw":
		return ""
	case field == "additional_fields" && message != CallPrivate && slices.ContainsFunc(d.cfg.Privacy.Fields, isNamed):
		return "some"
	case message == CallPrivate && !separate:
		return "null"
	case message == CallPrivate || mode == "keep":
		return ""
	case strings.HasPrefix(mode, "pseudonym"):
		return "token"
	case mode == "mask":
		return "masked"
	}
	return "null"
}

// isNamed reports whether a field is one of additional_fields.
func isNamed(f PrivateField) bool { return strings.HasPrefix(f.Field, "additional_fields.") }

func jsonRows(fields []field, prefix string, rows [][]string) [][]string {
	for _, f := range fields {
		always := ""
		if f.always {
			always = "always"
		}
		rows = append(rows, []string{code(prefix + f.name), f.kind, always, escape(f.meaning)})
		rows = jsonRows(f.fields, prefix+f.name+".", rows)
	}
	return rows
}

// table writes rows, the first of which is the head.
func table(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

// escape keeps Markdown from reading marks in a text as anything but code.
func escape(s string) string {
	parts := strings.Split(strings.ReplaceAll(s, "|", `\|`), "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], "<", "&lt;")
	}
	return strings.Join(parts, "`")
}

func escapeAll(sentences []string) []string {
	all := make([]string, len(sentences))
	for i, s := range sentences {
		all[i] = escape(s)
	}
	return all
}

// anchor is what a heading is linked by.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return -1
	}, heading)
}
