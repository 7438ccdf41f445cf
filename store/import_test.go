package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"agent-secrets/audit"
)

// Many secrets make one generation of the store, and a line of the log each.
func TestImportIsOneWrite(t *testing.T) {
	h := newHome(t, "n07")
	before, err := h.load()
	check(t, err)
	var list []Named
	for i := range 3*eventsPerSync + 1 {
		list = append(list, Named{fmt.Sprintf("n%02d", i), NewValue([]byte(fmt.Sprint("value ", i)))})
	}
	if err := h.Import(ctx, list, false); !errors.Is(err, ErrSecretExists) || !strings.Contains(err.Error(), "n07") {
		t.Fatalf("over a secret that is there: %v", err)
	}
	after, err := h.load()
	check(t, err)
	if after.Generation != before.Generation {
		t.Fatal("a refused import wrote the store")
	}
	check(t, h.Import(ctx, list, true))
	after, err = h.load()
	check(t, err)
	if after.Generation != before.Generation+1 || after.Count != len(list) {
		t.Errorf("generation %d after %d, %d secrets", after.Generation, before.Generation, after.Count)
	}
	for i, n := range list {
		found, err := after.find(n.Name)
		check(t, err)
		if string(found.Value) != fmt.Sprint("value ", i) {
			t.Errorf("%s has the value of another", n.Name)
		}
	}
	seen := map[string]string{}
	_, _, err = h.Events(0, func(e audit.Event) bool {
		if e.Reason == imported && e.Generation == after.Generation && e.OK {
			seen[e.Secret] = e.Event
		}
		return false
	})
	check(t, err)
	if len(seen) != len(list) || seen["n07"] != audit.Update || seen["n08"] != audit.Add {
		t.Errorf("the log tells of %d secrets, of n07 %q and of n08 %q", len(seen), seen["n07"], seen["n08"])
	}
	_, err = h.Verify()
	check(t, err)
}

func TestImportRefusesBeforeItWrites(t *testing.T) {
	h := newHome(t)
	good := Named{"good", NewValue([]byte("x"))}
	for want, bad := range map[error]Named{
		ErrInvalidName: {"../x", good.Value}, ErrEmptyValue: {"empty", Value{}}, ErrValueTooLarge: {"large", NewValue(make([]byte, MaxValue+1))},
	} {
		if err := h.Import(ctx, []Named{good, bad}, true); !errors.Is(err, want) {
			t.Errorf("%s: %v", bad.Name, err)
		}
	}
	if secrets, err := h.Secrets(); err != nil || len(secrets) > 0 {
		t.Errorf("%v, %v", secrets, err)
	}
}
