package envfile

import (
	"bytes"
	"strings"
)

// writeFish uses single quotes, inside which fish knows two escapes: for the
// quote and for the backslash.
func writeFish(d *document, v Var) error {
	if bytes.IndexByte(v.Value, 0) >= 0 {
		return d.refuse(v, hasNUL)
	}
	d.file.WriteString("set -gx " + v.Name + " " + quoteFish(v.Value) + "\n")
	return nil
}

func quoteFish(value []byte) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(string(value)) + "'"
}
