package store

import (
	"context"
	"fmt"
	"strings"

	"agent-secrets/audit"
)

// Named is a value under the name of its secret.
type Named struct {
	Name  string
	Value Value
}

// Import puts many secrets into the store in one write: all of them or none.
// With replace it changes those that are there, as Update does; else they are
// an [ErrSecretExists]. The log has a line for each secret.
func (s *Store) Import(ctx context.Context, list []Named, replace bool) error {
	for _, n := range list {
		if err := (Change{Value: &n.Value}).check(n.Name); err != nil {
			return fmt.Errorf("secret %q: %w", n.Name, err)
		}
	}
	return s.changeWith(ctx, func(t *tx, records []record) ([]record, []audit.Event, error) {
		at := make(map[string]int, len(records))
		for i, r := range records {
			at[r.Name] = i
		}
		if there := thereAlready(at, list); len(there) > 0 && !replace {
			return nil, nil, fmt.Errorf("%w: %s", ErrSecretExists, strings.Join(there, ", "))
		}
		events := make([]audit.Event, len(list))
		for i, n := range list {
			events[i] = audit.Event{Event: audit.Update, Secret: n.Name, Reason: imported}
			if _, there := at[n.Name]; !there {
				events[i].Event = audit.Add
				at[n.Name] = len(records)
				records = append(records, record{Name: n.Name, CreatedAt: t.now})
			}
			Change{Value: &n.Value}.apply(&records[at[n.Name]], t.now)
		}
		return records, events, nil
	})
}

// imported is the reason in the log's lines.
const imported = "imported"

func thereAlready(at map[string]int, list []Named) (names []string) {
	for _, n := range list {
		if _, there := at[n.Name]; there {
			names = append(names, n.Name)
		}
	}
	return names
}
