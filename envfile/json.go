package envfile

import (
	"encoding/json"
	"unicode/utf8"
)

// writeJSON writes one object, names to values. A NUL has an escape in JSON,
// so only text that is not UTF-8 is refused.
func writeJSON(d *document, vars []Var) error {
	values := make(map[string]string, len(vars))
	for _, v := range vars {
		if !utf8.Valid(v.Value) {
			return d.refuse(v, notUTF8)
		}
		values[v.Name] = string(v.Value)
	}
	encoder := json.NewEncoder(&d.file) // which sorts the keys
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(values)
}
