package fsx

import (
	"fmt"
	"io"
	"os"
)

// ReadExternal returns the whole of a file outside the state directory that the
// user named: a link or a pipe is followed, as any program would.
func ReadExternal(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: %w: more than %d bytes", path, ErrTooLarge, limit)
	}
	return data, err
}
