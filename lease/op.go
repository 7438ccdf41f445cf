package lease

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"agent-secrets/internal/strictjson"
)

// Kind is what an operation does.
type Kind string

const (
	KindHeader    Kind = "header"     // first line: the version of the format
	KindGrant     Kind = "grant"      // a lease begins
	KindEnd       Kind = "end"        // a lease ends
	KindRevokeAll Kind = "revoke_all" // every lease granted before it ends
	KindWipe      Kind = "wipe"       // the env file of a path is gone
)

// Version is the version of the ledger's format.
const Version = 1

// MaxLine is the longest line of a ledger, in bytes.
const MaxLine = 4096

// Op is one operation, one line of the ledger.
type Op struct {
	Op        Kind      `json:"op"`
	Version   int       `json:"version,omitempty"` // of a header
	Seq       uint64    `json:"seq"`               // of the audit line that stands for it
	Time      time.Time `json:"ts"`                // UTC
	LeaseID   string    `json:"lease_id,omitempty"`
	Secret    string    `json:"secret,omitempty"`
	ClientID  string    `json:"client_id,omitempty"`
	Via       string    `json:"via,omitempty"`
	Path      string    `json:"path,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Reason    string    `json:"reason,omitempty"` // why a lease ended
}

const (
	sumMember = `,"sum":"`
	sumLength = 16
	tailBytes = len(sumMember) + sumLength + len(`"}`)
)

// Encode writes op as a line of the ledger, with its newline.
func (op Op) Encode() ([]byte, error) {
	object, err := json.Marshal(op)
	if err != nil {
		return nil, err
	}
	line := fmt.Appendf(object[:len(object)-1:len(object)-1], `%s%s"}`+"\n", sumMember, sum(object))
	if len(line) > MaxLine {
		return nil, fmt.Errorf("ledger line of %d bytes: at most %d", len(line), MaxLine)
	}
	return line, nil
}

// Decode reads a line of the ledger, without its newline. The error says what
// is wrong with it.
func Decode(line []byte) (Op, error) {
	var op Op
	object, err := checkSum(line)
	if err != nil {
		return op, err
	}
	if err := strictjson.Decode(object, &op); err != nil {
		return op, err
	}
	return op, op.check()
}

func checkSum(line []byte) ([]byte, error) {
	cut := len(line) - tailBytes
	if cut < 2 || !bytes.HasPrefix(line[cut:], []byte(sumMember)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return nil, fmt.Errorf("no checksum at its end")
	}
	object := append(bytes.Clone(line[:cut]), '}')
	if written := line[cut+len(sumMember):][:sumLength]; string(written) != sum(object) {
		return nil, fmt.Errorf("its checksum does not match: it was changed")
	}
	return object, nil
}

func sum(object []byte) string {
	h := sha256.Sum256(object)
	return hex.EncodeToString(h[:])[:sumLength]
}

// check refuses what no version of this program writes.
func (op Op) check() error {
	switch op.Op {
	case KindHeader:
		if op.Version != Version {
			return fmt.Errorf("format version %d is not known to this program, which writes %d", op.Version, Version)
		}
	case KindGrant:
		if !validID(op.LeaseID) || !ValidName(op.Secret) || !ValidClientID(op.ClientID) || op.ExpiresAt.IsZero() {
			return fmt.Errorf("the grant is not complete")
		}
	case KindEnd:
		if !validID(op.LeaseID) || op.Reason == "" {
			return fmt.Errorf("the end is not complete")
		}
	case KindWipe:
		if op.Path == "" {
			return fmt.Errorf("the wipe is not complete")
		}
	case KindRevokeAll:
	default:
		return fmt.Errorf("operation %q is not known to this program", op.Op)
	}
	return nil
}
