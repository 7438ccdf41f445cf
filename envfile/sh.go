package envfile

import (
	"bytes"
	"strings"
)

// writeSh holds every byte but NUL: between single quotes a shell changes
// nothing, and only the single quote itself has to stand outside.
func writeSh(d *document, v Var) error {
	if bytes.IndexByte(v.Value, 0) >= 0 {
		return d.refuse(v, hasNUL)
	}
	d.file.WriteString("export " + v.Name + "=" + quoteSh(v.Value) + "\n")
	return nil
}

func quoteSh(value []byte) string {
	return "'" + strings.ReplaceAll(string(value), "'", `'\''`) + "'"
}
