package envfile

import "bytes"

// maxDockerLine is the longest line, with its newline, that docker's --env-file
// reads; on a longer one it fails.
const maxDockerLine = 64 << 10

// writeDocker writes for docker run --env-file, which knows no quotes and no
// escapes: what stands between the equals sign and the line end is the value.
func writeDocker(d *document, v Var) error {
	if refusal := checkDocker(v); refusal != "" {
		return d.refuse(v, refusal)
	}
	d.file.WriteString(v.Name + "=" + string(v.Value) + "\n")
	return nil
}

func checkDocker(v Var) (refusal string) {
	switch text := checkText(v.Value); {
	case text != "":
		return text
	case bytes.IndexByte(v.Value, '\n') >= 0:
		return "has a newline, which ends the value in a docker env file"
	case bytes.HasSuffix(v.Value, []byte{'\r'}):
		return "ends in a carriage return, which docker drops"
	case len(v.Name)+len("=")+len(v.Value)+len("\n") > maxDockerLine:
		return "makes a line of over 64 KiB"
	}
	return ""
}
