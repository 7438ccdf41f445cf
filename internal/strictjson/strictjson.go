// Package strictjson decodes one JSON value and refuses whatever encoding/json
// would let pass or repair without a word: keys that nobody reads, keys given
// twice or in another case, text after the value, broken Unicode, null where a
// value belongs. Its errors name the key and the place and never hold a value
// of the input, since that may be a secret.
package strictjson

import (
	"encoding/json"
	"reflect"
)

// maxDepth is how many objects and arrays may lie inside one another.
const maxDepth = 32

// Decode reads exactly one JSON value from data into v, a pointer to a struct
// or to any other type that encoding/json can decode.
//
// An input that is refused gives an *Error. When the JSON itself is at fault
// *v is untouched; when only a value does not fit its Go type, *v may be
// filled in part. A v that is nil or no pointer gives a
// *json.InvalidUnmarshalError.
//
// Types with UnmarshalJSON or UnmarshalText decode themselves: their input is
// checked for syntax, Unicode, duplicate keys and depth, not for unknown keys,
// and their own error text is dropped, as it may quote the value. null is
// accepted only for pointers, maps, slices and interfaces, also as an element
// of an array or a map. A JSON array must have the length of its Go array.
//
// Embedded structs follow encoding/json, but where two fields of equal depth
// have one name neither is accepted. Fields tagged "-" or with the option
// "string" are never accepted. Keys of a map are compared as text: "1" and
// "01" are two keys, even for a map[int]T. An interface is decoded as if it
// were nil: keys are not matched against a struct it may point to.
func Decode(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &json.InvalidUnmarshalError{Type: reflect.TypeOf(v)}
	}
	t := target.Type().Elem()
	check := scanner{data: data}
	if err := check.document(t); err != nil {
		return err
	}
	if json.Unmarshal(data, v) == nil {
		return nil
	}
	// The text of that error is not used: it can quote the input.
	return misfit(data, t)
}
