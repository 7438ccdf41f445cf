package lease

import (
	"io"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// NewID makes a lease id: a ULID of now, in milliseconds, and 80 bits of rand.
func NewID(now time.Time, rand io.Reader) (string, error) {
	id, err := ulid.New(ulid.Timestamp(now), rand)
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

func validID(s string) bool {
	id, err := ulid.ParseStrict(s)
	return err == nil && id.String() == s
}

// hasPrefix ignores case, as the ULID alphabet does.
func hasPrefix(id, prefix string) bool {
	return len(prefix) <= len(id) && strings.EqualFold(id[:len(prefix)], prefix)
}
