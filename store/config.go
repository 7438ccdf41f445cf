package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"agent-secrets/internal/fsx"
	"agent-secrets/internal/strictjson"
	"agent-secrets/lease"
)

// Config is config.json. A setting that is left out has its default.
type Config struct {
	DefaultLeaseTTL Duration  `json:"default_lease_ttl"`
	MaxLeaseTTL     Duration  `json:"max_lease_ttl"`
	RotationTimeout Duration  `json:"rotation_timeout"`
	LockTimeout     Duration  `json:"lock_timeout"`
	Heartbeat       Heartbeat `json:"heartbeat"`
	// Accepted and ignored: they are in files written for the daemon.
	Directory  string `json:"directory,omitempty"`
	SocketPath string `json:"socket_path,omitempty"`
}

// Heartbeat says which endpoint watch asks, and what follows when it is dead.
type Heartbeat struct {
	Enabled    bool       `json:"enabled"`
	URL        string     `json:"url"`
	Interval   Duration   `json:"interval"`
	Timeout    Duration   `json:"timeout"`
	Failures   int        `json:"failures"` // in a row
	FailAction FailAction `json:"fail_action"`
}

// FailAction is what a dead heartbeat sets off.
type FailAction struct {
	RevokeAll bool `json:"revoke_all"`
	Freeze    bool `json:"freeze"`
	RotateAll bool `json:"rotate_all"`
	WipeStore bool `json:"wipe_store"`
}

// Duration is a [time.Duration] that is written like "1h30m" or "7d".
type Duration time.Duration

// Duration returns d in nanoseconds, as package time has it.
func (d Duration) Duration() time.Duration { return time.Duration(d) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := lease.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(lease.FormatDuration(time.Duration(d))), nil
}

// DefaultConfig returns the settings that init writes.
func DefaultConfig() Config {
	return Config{
		DefaultLeaseTTL: Duration(time.Hour),
		MaxLeaseTTL:     Duration(24 * time.Hour),
		RotationTimeout: Duration(30 * time.Second),
		LockTimeout:     Duration(5 * time.Second),
		Heartbeat: Heartbeat{
			URL:        "https://example.com/heartbeat",
			Interval:   Duration(time.Minute),
			Timeout:    Duration(10 * time.Second),
			Failures:   3,
			FailAction: FailAction{RevokeAll: true, Freeze: true},
		},
	}
}

const maxConfig = 64 << 10

func readConfig(dir *fsx.Dir) (Config, error) {
	data, _, err := dir.Read(configFile, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%w: %v", ErrNotInitialized, err)
	}
	if errors.Is(err, fsx.ErrTooLarge) {
		return Config{}, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	if err != nil {
		return Config{}, err
	}
	c, err := parseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w: %v", dir.Path(configFile), ErrInvalidConfig, err)
	}
	return c, nil
}

func parseConfig(data []byte) (Config, error) {
	c := DefaultConfig()
	if err := strictjson.Decode(data, &c); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

func (c Config) check() error {
	if c.DefaultLeaseTTL > c.MaxLeaseTTL {
		return errors.New("default_lease_ttl is above max_lease_ttl")
	}
	if c.Heartbeat.Failures < 1 {
		return errors.New("heartbeat.failures must be at least 1")
	}
	if !c.Heartbeat.Enabled {
		return nil
	}
	u, err := url.Parse(c.Heartbeat.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("heartbeat.url is not an http or https URL")
	}
	return nil
}

func (c Config) encode() ([]byte, error) {
	data, err := json.MarshalIndent(c, "", "  ")
	return append(data, '\n'), err
}
