package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// renderText shows a result to people: its members line by line, and lists of
// objects as aligned tables. It goes by the JSON form of the result, so that
// text and JSON cannot say different things.
func renderText(value any, now time.Time) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	root, err := readOrdered(dec)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	writeMembers(w, "", root, now)
	err = w.Flush()
	return trimLines(b.String()), err
}

// member is one member of a JSON object, in the order in which it was written.
type member struct {
	key   string
	value any // scalar, []any or []member
}

func readOrdered(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		members := []member{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			value, err := readOrdered(dec)
			if err != nil {
				return nil, err
			}
			members = append(members, member{fmt.Sprint(key), value})
		}
		_, err = dec.Token()
		return members, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			value, err := readOrdered(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

func writeMembers(w *tabwriter.Writer, prefix string, value any, now time.Time) {
	members, ok := value.([]member)
	if !ok {
		return
	}
	for _, m := range members {
		name := prefix + strings.ReplaceAll(m.key, "_", " ")
		switch v := m.value.(type) {
		case []member:
			writeMembers(w, name+" ", v, now)
		case []any:
			writeList(w, name, v, now)
		default:
			fmt.Fprintf(w, "%s:\t%s\n", name, scalar(v, now))
		}
	}
}

// writeList writes objects as a table and anything else on a line each. The
// table's own columns are aligned for themselves.
func writeList(w *tabwriter.Writer, name string, list []any, now time.Time) {
	w.Flush()
	if len(list) == 0 {
		fmt.Fprintf(w, "%s:\tnone\n", name)
		return
	}
	if _, table := list[0].([]member); !table {
		for _, v := range list {
			fmt.Fprintf(w, "%s:\t%s\n", name, scalar(v, now))
		}
		return
	}
	keys := columnsOf(list)
	fmt.Fprintf(w, "%s:\n", name)
	w.Flush()
	fmt.Fprintln(w, strings.ToUpper(strings.ReplaceAll(strings.Join(keys, "\t"), "_", " ")))
	for _, row := range list {
		cells := make([]string, len(keys))
		for i, key := range keys {
			cells[i] = scalar(lookupMember(row, key), now)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
}

func columnsOf(list []any) []string {
	var keys []string
	for _, row := range list {
		members, _ := row.([]member)
		for _, m := range members {
			if !contains(keys, m.key) {
				keys = append(keys, m.key)
			}
		}
	}
	return keys
}

func lookupMember(row any, key string) any {
	members, _ := row.([]member)
	for _, m := range members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func scalar(v any, now time.Time) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case string:
		return sentence(v, now)
	case []any:
		words := make([]string, len(v))
		for i, one := range v {
			words[i] = scalar(one, now)
		}
		return strings.Join(words, ", ")
	case []member:
		words := make([]string, len(v))
		for i, m := range v {
			words[i] = m.key + "=" + scalar(m.value, now)
		}
		return strings.Join(words, " ")
	}
	return fmt.Sprint(v)
}

// sentence shows a time by its distance from now, and any other text without
// what a terminal or a table would act on.
func sentence(s string, now time.Time) string {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return relative(t, now)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func relative(t, now time.Time) string {
	if d := t.Sub(now); d >= time.Second {
		return "in " + coarse(d.Round(time.Second))
	}
	if d := now.Sub(t); d >= time.Second {
		return coarse(d.Round(time.Second)) + " ago"
	}
	return "now"
}

// coarse is a duration in its largest unit that fits at least twice, or once.
func coarse(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}}
	for _, u := range units {
		if d >= 2*u.size {
			return fmt.Sprintf("%d%s", d/u.size, u.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func trimLines(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// errorText is an error for people.
func errorText(command string, err error, fix string) string {
	text := command + ": " + err.Error() + "\n"
	if fix != "" {
		text += "try: " + fix + "\n"
	}
	return text
}
