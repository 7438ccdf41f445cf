package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// manyKeys is the size from which an object's keys are found by hash: below
// it comparing them one by one is faster, above it the time would be squared.
const manyKeys = 32

func (s *scanner) object(t reflect.Type) *Error {
	if err := s.enter(); err != nil {
		return err
	}
	members := s.membersOf(settle(t))
	seen := keySet{first: len(s.keys)}
	for s.peek() != '}' || len(s.keys) > seen.first {
		if err := s.member(&members, &seen); err != nil {
			return err
		}
		if more, err := s.more('}'); err != nil {
			return err
		} else if !more {
			break
		}
	}
	s.keys = s.keys[:seen.first]
	s.leave()
	return nil
}

func (s *scanner) member(members *members, seen *keySet) *Error {
	start := s.pos
	key, err := s.memberKey()
	if err != nil {
		return err
	}
	if seen.has(s.keys, key) {
		return s.fail(start, "duplicate key "+quoteKey(key))
	}
	s.keys = append(s.keys, key)
	t, problem := members.typeOf(key)
	if problem != "" {
		return s.fail(start, problem)
	}
	if s.fit {
		if err := s.tryKey(members.mapKey, start, key); err != nil {
			return err
		}
	}
	s.space()
	if s.peek() != ':' {
		return s.unexpected("':'")
	}
	s.pos++
	s.space()
	s.key = key
	return s.value(t)
}

// memberKey returns the key without quotes and escapes.
func (s *scanner) memberKey() ([]byte, *Error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a key in double quotes")
	}
	start := s.pos
	escaped, err := s.text()
	if err != nil {
		return nil, err
	}
	if !escaped {
		return s.data[start+1 : s.pos-1], nil
	}
	var key string
	if json.Unmarshal(s.data[start:s.pos], &key) != nil {
		return nil, s.fail(start, "invalid key")
	}
	return []byte(key), nil
}

// keySet holds the keys of one object: those on the scanner's stack from
// first on.
type keySet struct {
	first int
	index map[string]struct{}
}

func (set *keySet) has(stack [][]byte, key []byte) bool {
	own := stack[set.first:]
	if len(own) < manyKeys {
		for _, k := range own {
			if bytes.Equal(k, key) {
				return true
			}
		}
		return false
	}
	if set.index == nil {
		set.index = make(map[string]struct{}, 2*manyKeys)
		for _, k := range own {
			set.index[string(k)] = struct{}{}
		}
	}
	_, found := set.index[string(key)]
	set.index[string(key)] = struct{}{}
	return found
}

// members says which keys an object may have and of what type their values
// are.
type members struct {
	closed bool    // only fields are allowed
	fields []field // of a struct
	elem   reflect.Type
	mapKey reflect.Type
}

func (s *scanner) membersOf(t reflect.Type) members {
	switch {
	case t == nil:
		return members{}
	case t.Kind() == reflect.Struct:
		return members{closed: true, fields: s.fieldsOf(t)}
	case t.Kind() == reflect.Map:
		return members{elem: t.Elem(), mapKey: t.Key()}
	case t.Kind() == reflect.Interface:
		return members{elem: t}
	}
	return members{}
}

// typeOf returns the type that the value of key must have, or the problem
// with the key.
func (m *members) typeOf(key []byte) (t reflect.Type, problem string) {
	if !m.closed {
		return m.elem, ""
	}
	if f := find(m.fields, key); f != nil && f.t != nil {
		return f.t, ""
	}
	for _, f := range m.fields {
		if f.t != nil && f.name != string(key) && strings.EqualFold(f.name, string(key)) {
			return nil, "unknown key " + quoteKey(key) + ", the key is " + quoteKey([]byte(f.name))
		}
	}
	return nil, "unknown key " + quoteKey(key)
}
