package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestValuesComeBackAsTheyWentIn(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	values := map[string]string{
		"every": string(every), "crlf": "a\r\nb\r\n", "newline": "\n", "nul": "\x00",
		"pem": "-----BEGIN KEY-----\n" + strings.Repeat("QUJD\n", 100) + "-----END KEY-----\n",
		"max": string(bytes.Repeat(every, MaxValue/256)), "json": `","value":"x"}` + "\n" + `{"name":"x",`,
	}
	for name, value := range values {
		h.add(name, value)
	}
	for name, value := range values {
		if got := string(h.grant(name)[0].Value.Reveal()); got != value {
			t.Errorf("%s: %d bytes came back of %d", name, len(got), len(value))
		}
	}
	for value, want := range map[string]error{"": ErrEmptyValue, strings.Repeat("x", MaxValue+1): ErrValueTooLarge} {
		v := NewValue([]byte(value))
		if _, err := h.Add(ctx, "x", Change{Value: &v}, false); !errors.Is(err, want) {
			t.Error(err)
		}
	}
}

// seal encrypts text as the payload of the store.
func (h *home) seal(text string) []byte {
	h.t.Helper()
	id, _, err := h.opts.identity(h.dir)
	check(h.t, err)
	return sealTo(h.t, text, id.Recipient())
}

func sealTo(t *testing.T, text string, to age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	check(t, err)
	_, err = w.Write([]byte(text))
	check(t, err, w.Close())
	return out.Bytes()
}

func TestAnUnreadableStoreIsAnErrorAndStaysAsItIs(t *testing.T) {
	t.Parallel()
	h := newHome(t, "a", "b")
	good := h.read(storeFile)
	stranger, err := age.GenerateX25519Identity()
	check(t, err)
	const head, when = `{"version":1,"generation":3,"count":2}` + "\n", `"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:04:05Z"}` + "\n"
	const a, b, extra = `{"name":"a","value":"YQ==",` + when, `{"name":"b","value":"Yg==",` + when, `{"name":"c","value":"Yw==",` + when
	bad := map[string][]byte{
		"empty": {}, "text": []byte("hello\n"), "zeros": make([]byte, len(good)), "trailing byte": append(bytes.Clone(good), 'x'),
		"for another identity": sealTo(t, head+a+b, stranger.Recipient()),
	}
	for name, text := range map[string]string{
		"empty payload": "", "no header": a + b, "no newline": strings.TrimSuffix(head, "\n"), "newer": strings.Replace(head, "1", "2", 1) + a + b,
		"one record less": head + a, "one more": head + a + b + extra, "none": head, "torn record": head + a + b[:40],
		"torn after the count": head + a + b + extra[:40], "whole after the count": head + a + b + strings.TrimSuffix(extra, "\n"),
		"unknown header key": strings.Replace(head, `"count"`, `"more":1,"count"`, 1) + a + b, "trailing header": strings.Replace(head, "}", "} x", 1) + a + b,
		// These show only when all records are read.
		"all: unsorted": head + b + a, "all: twice": head + a + a, "all: unknown key": head + a + strings.Replace(b, `"value"`, `"Value"`, 1),
		"all: no value": head + a + strings.Replace(b, "Yg==", "", 1), "all: bad name": head + a + strings.Replace(b, `"b"`, `"../b"`, 1),
		"all: duplicate key": head + a + strings.Replace(b, `"value"`, `"name":"b","value"`, 1),
	} {
		bad[name] = h.seal(text)
	}
	for i := 0; i < len(good); i += 7 {
		flipped := bytes.Clone(good)
		flipped[i] ^= 1
		bad[fmt.Sprintf("cut at %d", i)], bad[fmt.Sprintf("byte %d flipped", i)] = good[:i], flipped
	}
	v := NewValue([]byte("x"))
	for name, data := range bad {
		h.write(storeFile, data)
		before := h.files()
		_, listed := h.Secrets()
		_, added := h.Add(ctx, "new", Change{Value: &v}, true)
		_, removed := h.Remove(ctx, "a")
		errs := []error{listed, added, removed}
		if !strings.HasPrefix(name, "all: ") {
			_, granted := h.Grant(ctx, requests("a"), nil)
			errs = append(errs, granted)
			_, verified := h.Verify()
			errs = append(errs, verified)
		}
		for i, err := range errs {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrWrongIdentity) {
				t.Errorf("%s: operation %d: %v", name, i, err)
			} else if !strings.Contains(err.Error(), storeFile) || strings.Contains(err.Error(), "YQ==") {
				t.Errorf("%s: operation %d: the error does not name the file, or shows a value: %v", name, i, err)
			}
		}
		h.unchanged(before, name)
	}
	check(t, os.Remove(h.file(storeFile)))
	for _, err := range []error{second(h.Secrets()), second(h.Add(ctx, "new", Change{Value: &v}, true)), second(Init(ctx, h.options(), nil))} {
		if !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
	}
	h.write(storeFile, good)
	h.verified()
}

func second[T any](_ T, err error) error { return err }
