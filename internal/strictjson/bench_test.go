package strictjson

import (
	"encoding/json"
	"testing"
	"time"
)

// leaseLine stands for a line of the ledger: the input that is decoded most.
type leaseLine struct {
	Version    int       `json:"v"`
	Sequence   int64     `json:"seq"`
	Kind       string    `json:"kind"`
	ID         string    `json:"id"`
	Secret     string    `json:"secret"`
	Client     string    `json:"client"`
	Via        string    `json:"via,omitempty"`
	Granted    time.Time `json:"granted"`
	Expires    time.Time `json:"expires"`
	TTLSeconds int64     `json:"ttl_seconds"`
	PID        int       `json:"pid,omitempty"`
	Started    int64     `json:"started,omitempty"`
	Path       string    `json:"path,omitempty"`
	Variable   string    `json:"env_var,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Revoked    bool      `json:"revoked,omitempty"`
	Delivered  *bool     `json:"delivered,omitempty"`
	Tags       []string  `json:"tags,omitempty"`
	Previous   []byte    `json:"prev"`
	Note       string    `json:"note,omitempty"`
}

const sampleLine = `{"v":1,"seq":41,"kind":"grant","id":"01JD7Z3V9QK4T8W2N6XBMHRCFE","secret":"github_token",` +
	`"client":"ci@runner","via":"exec","granted":"2025-01-02T03:04:05Z","expires":"2025-01-02T04:04:05Z",` +
	`"ttl_seconds":3600,"pid":4242,"started":1735787045,"delivered":true,"tags":["ci"],` +
	`"prev":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="}` + "\n"

func BenchmarkDecodeLine(b *testing.B) {
	line := []byte(sampleLine)
	decoders := map[string]func([]byte, any) error{"strict": Decode, "plain": json.Unmarshal}
	for name, decode := range decoders {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var l leaseLine
				if err := decode(line, &l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
