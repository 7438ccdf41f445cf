package envfile

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// places maps paths, such as secrets[2].env_var, to the byte where the value
// begins.
type places map[string]int

func (p places) has(path string) bool {
	_, ok := p[path]
	return ok
}

// nearest returns where path begins, or the innermost part of it that exists.
func (p places) nearest(path string) int {
	for !p.has(path) && path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return p[path]
}

func findPlaces(data []byte) places {
	found := make(places)
	walkPlaces(data, func(path string, offset int) bool {
		if !found.has(path) {
			found[path] = offset
		}
		return true
	})
	return found
}

// pathAt returns the path of the value that holds the byte at offset, as far
// as the text before it is sound. It does not look at what comes after: keys
// and depth are bounded only up to where the decoder stopped.
func pathAt(data []byte, offset int) string {
	var last string
	walkPlaces(data, func(path string, start int) bool {
		if start <= offset {
			last = path
		}
		return start < offset
	})
	return last
}

// walkPlaces visits values in the order of the text until visit returns false.
// A key and a closing bracket count as a place in what holds them.
func walkPlaces(data []byte, visit func(path string, offset int) bool) {
	w := placeWalk{decoder: json.NewDecoder(bytes.NewReader(data))}
	for {
		offset := int(w.decoder.InputOffset())
		offset += len(data[offset:]) - len(bytes.TrimLeft(data[offset:], " \t\r\n,:"))
		token, err := w.decoder.Token()
		if err != nil || !visit(w.step(token), offset) {
			return
		}
	}
}

type placeWalk struct {
	decoder *json.Decoder
	open    []container
}

// container is an object or array that is being read.
type container struct {
	path     string
	isObject bool
	count    int    // of the elements so far
	key      string // of the member whose value comes next
	hasKey   bool
}

// step takes in a token and returns the path that it belongs to.
func (w *placeWalk) step(token json.Token) string {
	if token == json.Delim('}') || token == json.Delim(']') {
		path := w.top().path
		w.open = w.open[:len(w.open)-1]
		return path
	}
	if top := w.top(); top != nil && top.isObject && !top.hasKey {
		top.key, top.hasKey = token.(string), true
		return top.path
	}
	path := w.next()
	if delim, ok := token.(json.Delim); ok {
		w.open = append(w.open, container{path: path, isObject: delim == '{'})
	}
	return path
}

func (w *placeWalk) top() *container {
	if len(w.open) == 0 {
		return nil
	}
	return &w.open[len(w.open)-1]
}

// next returns the path of the value that begins here.
func (w *placeWalk) next() string {
	top := w.top()
	switch {
	case top == nil:
		return ""
	case !top.isObject:
		top.count++
		return top.path + "[" + strconv.Itoa(top.count-1) + "]"
	}
	top.hasKey = false
	return strings.TrimPrefix(top.path+"."+top.key, ".")
}

// position turns an offset into a line and a column in bytes, both from 1.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	return 1 + bytes.Count(before, []byte{'\n'}), offset - bytes.LastIndexByte(before, '\n')
}

// offsetOf is the inverse of position.
func offsetOf(data []byte, line, column int) int {
	start := 0
	for range line - 1 {
		start += bytes.IndexByte(data[start:], '\n') + 1
	}
	return start + column - 1
}
