package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

type settings struct {
	Name     string           `json:"name"`
	Count    int8             `json:"count"`
	Ratio    float64          `json:"ratio"`
	On       bool             `json:"on"`
	TTL      duration         `json:"ttl"`
	At       time.Time        `json:"at"`
	Blob     []byte           `json:"blob"`
	Pair     [2]int           `json:"pair"`
	List     []inner          `json:"list"`
	Inner    inner            `json:"inner"`
	Pointer  *inner           `json:"pointer"`
	Map      map[string]inner `json:"map"`
	ByNumber map[int]string   `json:"by_number"`
	Any      any              `json:"any"`
	Raw      json.RawMessage  `json:"raw"`
	Names    []string         `json:"names"`
	Stringer fmt.Stringer     `json:"stringer"`
	Quoted   int              `json:"quoted,string"`
	Hidden   string           `json:"-"`
	//lint:ignore SA5008 a key that is a dash is part of what is tested
	Dash  string `json:"-,"`
	Plain string
	//lint:ignore U1000 it is there to show that it is never filled
	private string
}

type inner struct {
	Key   string   `json:"key"`
	Deep  []*inner `json:"deep,omitempty"`
	Tries *int     `json:"tries,omitempty"`
}

// duration decodes itself, and its error quotes the value.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

func (d duration) MarshalText() ([]byte, error) {
	return []byte(time.Duration(d).String()), nil
}

// Every refusal names its place. Values of the inputs hold "s3cret", which no
// error may repeat.
func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct{ input, want string }{
		{"", "column 1: empty input"},
		{" \n\t", "column 1: empty input"},
		{"\xef\xbb\xbf{}", "column 1: byte order mark"},
		{"{\xef\xbb\xbf}", `column 2: unexpected character '\ufeff', want a key in double quotes`},
		{"{}\x00", "column 3: trailing data after the value"},
		{"{\x00}", "column 2: NUL byte"},
		{"{\xff}", "column 2: invalid UTF-8"},
		{"{} s3cret", "column 4: trailing data after the value"},
		{"{}\n{}", "line 2, column 1: trailing data after the value"},
		{"{} \n", ""},

		{`{"tll":"s3cret"}`, `column 2: unknown key "tll"`},
		{"{\n  \"name\": \"s3cret\",\n        \"tll\": 1}", `line 3, column 9: unknown key "tll"`},
		{`{"list":[{},{"kez":1}]}`, `column 14: unknown key "kez"`},
		{`{"pointer":{"kez":1}}`, `column 13: unknown key "kez"`},
		{`{"map":{"a":{"kez":1}}}`, `column 14: unknown key "kez"`},
		{`{"inner":{"deep":[{"kez":1}]}}`, `column 20: unknown key "kez"`},
		{`{"NAME":"s3cret"}`, `column 2: unknown key "NAME", the key is "name"`},
		{`{"plain":"s3cret"}`, `column 2: unknown key "plain", the key is "Plain"`},
		{`{"\u212aey":1}`, "column 2: unknown key \"\u212aey\""},
		{`{"inner":{"\u212aey":1}}`, "column 11: unknown key \"\u212aey\", the key is \"key\""},
		{`{"Hidden":"s3cret"}`, `column 2: unknown key "Hidden"`},
		{`{"private":"s3cret"}`, `column 2: unknown key "private"`},
		{`{"quoted":"1"}`, `column 2: unknown key "quoted"`},
		{`{"-":"ok"}`, ""},
		{`{"\u001b[31m\u202e":1}`, `column 2: unknown key "\x1b[31m\u202e"`},
		{`{"` + strings.Repeat("k", 65) + `":1}`, `column 2: unknown key "` + strings.Repeat("k", 64) + `"...`},
		{`{"` + strings.Repeat("k", 63) + `é":1}`, `column 2: unknown key "` + strings.Repeat("k", 63) + `"...`},

		{`{"name":"a","name":"s3cret"}`, `column 13: duplicate key "name"`},
		{`{"name":"a","n\u0061me":"s3cret"}`, `column 13: duplicate key "name"`},
		{`{"map":{"a":{},"\u0061":{}}}`, `column 16: duplicate key "a"`},
		{`{"any":[{"a":1,"b":{"a":1},"a":2}]}`, `column 28: duplicate key "a"`},
		{`{"raw":{"a":1,"a":2}}`, `column 15: duplicate key "a"`},
		{`{"any":{"A":1,"a":2}}`, ""},
		{`{"any":{"a":{"b":1},"b":2,"c":{"a":1}}}`, ""},

		{"{\"name\":\"s3cret\xff\"}", "column 16: invalid UTF-8"},
		{"{\"any\":{\"\xc0\xaf\":1}}", "column 10: invalid UTF-8"},
		{"{\"name\":\"\xed\xa0\x80\"}", "column 10: invalid UTF-8"},
		{"{\"name\":\"é\xff\"}", "column 12: invalid UTF-8"},
		{`{"name":"\ud800"}`, "column 10: unpaired surrogate escape"},
		{`{"name":"a\udc00s3cret"}`, "column 11: unpaired surrogate escape"},
		{`{"name":"\ud800\u0041"}`, "column 10: unpaired surrogate escape"},
		{`{"name":"\ud800\ud800"}`, "column 10: unpaired surrogate escape"},
		{`{"name":"\udc00\udc00"}`, "column 10: unpaired surrogate escape"},
		{`{"raw":{"\udfff":1}}`, "column 10: unpaired surrogate escape"},
		{`{"name":"\uD83D\ude00\u0000"}`, ""},
		{"{\"name\":\"s3cret\n\"}", `line 1, column 16: control character '\n' in a string`},
		{"{\"name\":\"\x00\"}", `column 10: control character '\x00' in a string`},
		{`{"name":"\x"}`, "column 10: invalid escape"},
		{`{"name":"\u00g0"}`, "column 10: invalid escape"},
		{`{"name":"\u00"}`, "column 10: invalid escape"},

		{`{"any":` + nested(31) + `}`, ""},
		{`{"any":` + nested(32) + `}`, "column 39: nested deeper than 32"},
		{`{"raw":` + nested(32) + `}`, "column 39: nested deeper than 32"},

		{`null`, "column 1: null is not allowed"},
		{`{"name":null}`, `column 9: key "name": null is not allowed`},
		{`{"at":null}`, `column 7: key "at": null is not allowed`},
		{`{"ttl":null}`, `column 8: key "ttl": null is not allowed`},
		{`{"inner":null}`, `column 10: key "inner": null is not allowed`},
		{`{"pair":[1,null]}`, `column 12: key "pair": null is not allowed`},
		{`{"names":["a",null]}`, `column 15: key "names": null is not allowed`},
		{`{"map":{"a":null}}`, `column 13: key "a": null is not allowed`},
		{`{"list":null,"pointer":null,"map":null,"any":null,"raw":null,"blob":null,"stringer":null}`, ""},

		{`[]`, "column 1: want an object, got an array"},
		{`"s3cret"`, "column 1: want an object, got a string"},
		{`{"name":5309}`, `column 9: key "name": want a string, got a number`},
		{`{"count":"s3cret"}`, `column 10: key "count": want a number, got a string`},
		{`{"count":5309}`, `column 10: key "count": not a valid int8`},
		{`{"count":1.5}`, `column 10: key "count": not a valid int8`},
		{`{"ratio":5e5309}`, `column 10: key "ratio": not a valid float64`},
		{`{"any":[5e5309]}`, `column 9: key "any": not a valid interface {}`},
		{`{"on":"s3cret"}`, `column 7: key "on": want true or false, got a string`},
		{"{\n\"ttl\":\n\"s3cret\"}", `line 3, column 1: key "ttl": not a valid strictjson.duration`},
		{`{"ttl":5309}`, `column 8: key "ttl": not a valid strictjson.duration`},
		{`{"at":"s3cret"}`, `column 7: key "at": not a valid time.Time`},
		{`{"blob":"s3cret!"}`, `column 9: key "blob": not a valid []uint8`},
		{`{"blob":true}`, `column 9: key "blob": want a string, got true or false`},
		{`{"inner":["s3cret"]}`, `column 10: key "inner": want an object, got an array`},
		{`{"list":{"s3cret":1}}`, `column 9: key "list": want an array, got an object`},
		{`{"list":[{"deep":[{"key":{"a":"s3cret"}}]}]}`, `column 26: key "key": want a string, got an object`},
		{`{"list":[{"tries":1,"key":"b"},"s3cret"]}`, `column 32: key "list": want an object, got a string`},
		{`{"pair":[1]}`, `column 9: key "pair": want 2 elements, got 1`},
		{`{"pair":[1,2,5309]}`, `column 9: key "pair": want 2 elements, got 3`},
		{`{"by_number":{"1":"s3cret","x":"s3cret"}}`, `column 28: key "x" is not a valid int`},
		{`{"stringer":"s3cret"}`, `column 13: key "stringer": not a valid fmt.Stringer`},
		{`{"raw":5e5309,"count":"s3cret"}`, `column 23: key "count": want a number, got a string`},

		{`{`, "column 2: unexpected end of input"},
		{"{\"name\":\n", "column 9: unexpected end of input"},
		{`{"name`, "column 7: unexpected end of input"},
		{`{"name":"s3cret`, "column 16: unexpected end of input"},
		{`{"name":"\`, "column 11: unexpected end of input"},
		{`{"on":tru`, "column 10: unexpected end of input"},
		{`{"on":tRue}`, `column 8: unexpected character 'R', want true`},
		{`{name:1}`, `column 2: unexpected character 'n', want a key in double quotes`},
		{`{"name" "s3cret"}`, `column 9: unexpected character '"', want ':'`},
		{`{"name":"a" "s3cret"}`, `column 13: unexpected character '"', want ',' or '}'`},
		{`{"name":"a",}`, `column 13: unexpected character '}', want a key in double quotes`},
		{`{,}`, `column 2: unexpected character ',', want a key in double quotes`},
		{`{"names":["a",]}`, `column 15: unexpected character ']', want a value`},
		{`{"names":["a"}`, `column 14: unexpected character '}', want ',' or ']'`},
		{`{"count":01}`, `column 11: unexpected character '1', want ',' or '}'`},
		{`{"count":-}`, `column 11: unexpected character '}', want a digit`},
		{`{"count":+1}`, `column 10: unexpected character '+', want a value`},
		{`{"ratio":1.}`, `column 12: unexpected character '}', want a digit`},
		{`{"ratio":1e+}`, `column 13: unexpected character '}', want a digit`},
		{`{"ratio":NaN}`, `column 10: unexpected character 'N', want a value`},
		{`{"ratio":-0.5E-2}`, ""},
	} {
		err := Decode([]byte(test.input), new(settings))
		if got := text(err); got != test.want {
			t.Errorf("%.60q:\n got %s\nwant %s", test.input, got, test.want)
		}
		var placed *Error
		if err != nil && !errors.As(err, &placed) {
			t.Errorf("%.60q: error has type %T", test.input, err)
		}
		keysAside := strings.ReplaceAll(test.input, `"s3cret":`, "")
		if err != nil && strings.Contains(keysAside, "s3cret") && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.60q: error repeats the value: %s", test.input, err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

func TestDecodePlaceIsOneBasedInBytes(t *testing.T) {
	err := Decode([]byte("{\n\"name\":\"é\", \"x\":1}"), new(settings))
	var placed *Error
	if !errors.As(err, &placed) || placed.Line != 2 || placed.Column != 14 {
		t.Errorf("got %+v, want line 2, column 14", err)
	}
}

// What a valid line decodes to is what encoding/json makes of it.
func TestDecodeLikeEncodingJSON(t *testing.T) {
	var strict, plain leaseLine
	if err := Decode([]byte(sampleLine), &strict); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(sampleLine), &plain); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(strict, plain) {
		t.Errorf("got %+v, want %+v", strict, plain)
	}
}

// Past manyKeys keys are hashed: first, middle and last are still found.
func TestDecodeDuplicateAmongManyKeys(t *testing.T) {
	for _, size := range []int{1, manyKeys - 1, manyKeys, manyKeys + 1, 3 * manyKeys} {
		var object strings.Builder
		for i := range size {
			fmt.Fprintf(&object, `"k%d":{"k0":1},`, i)
		}
		var v map[string]any
		if err := Decode([]byte("{"+object.String()+`"end":1}`), &v); err != nil {
			t.Errorf("%d different keys: %v", size, err)
		}
		for _, i := range []int{0, size / 2, size - 1} {
			input := fmt.Sprintf(`{%s"k%d":1}`, object.String(), i)
			want := fmt.Sprintf(`duplicate key "k%d"`, i)
			if err := Decode([]byte(input), &v); !strings.HasSuffix(text(err), want) {
				t.Errorf("%d keys: got %v, want %s", size, err, want)
			}
		}
	}
}

func TestDecodeRefusesTarget(t *testing.T) {
	for _, v := range []any{nil, settings{}, (*settings)(nil)} {
		var invalid *json.InvalidUnmarshalError
		if err := Decode([]byte("{}"), v); !errors.As(err, &invalid) {
			t.Errorf("%T: got %v", v, err)
		}
	}
}

func TestDecodeLeavesTargetAloneWhenTheInputIsAtFault(t *testing.T) {
	v := settings{Name: "before"}
	if Decode([]byte(`{"name":"after","tll":1}`), &v) == nil || v.Name != "before" {
		t.Errorf("name is %q", v.Name)
	}
}

type (
	outer struct {
		left
		*Right
		Tagged `json:"tagged"`
		Own    string `json:"own"`
	}
	left struct {
		Own  int `json:"own"`
		Both int `json:"both"`
		Left int `json:"left"`
	}
	Right struct {
		Both  int `json:"both"`
		Right int `json:"right"`
		*Right2
	}
	Right2 struct{ *Right }
	Tagged struct {
		In int `json:"in"`
	}
)

// A key of an embedded struct is accepted exactly where encoding/json stores
// it.
func TestDecodeEmbedded(t *testing.T) {
	for input, want := range map[string]string{
		`{"own":"x","left":1,"right":2,"tagged":{"in":3}}`: "",
		`{"both":1}`:   `column 2: unknown key "both"`,
		`{"in":1}`:     `column 2: unknown key "in"`,
		`{"own":1}`:    `column 8: key "own": want a string, got a number`,
		`{"Right":{}}`: `column 2: unknown key "Right", the key is "right"`,
	} {
		if got := text(Decode([]byte(input), new(outer))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", input, got, want)
		}
	}
}

// encoding/json folds the case of keys: here one flipped letter is enough.
func TestDecodeFlippedCaseFails(t *testing.T) {
	documents := map[string]any{
		sampleLine: new(leaseLine),
		`{"name":"a","count":1,"inner":{"key":"b","deep":[{"key":"c","tries":1}]},"list":[{"key":"d"}],"Plain":"e"}`: new(settings),
	}
	flipped := 0
	for document, v := range documents {
		if err := Decode([]byte(document), v); err != nil {
			t.Fatal(err)
		}
		for _, at := range keyLetters(document) {
			changed := []byte(document)
			changed[at] ^= 0x20
			if err := Decode(changed, v); !strings.Contains(text(err), "unknown key") {
				t.Errorf("flipped byte %d: got %v from %s", at, err, changed)
			}
			flipped++
		}
	}
	if flipped < 100 {
		t.Errorf("only %d letters flipped", flipped)
	}
}

// keyLetters returns the offsets of all letters in keys of a document whose
// strings hold no escapes.
func keyLetters(document string) (offsets []int) {
	parts := strings.Split(document, `"`)
	offset := 0
	for i, part := range parts {
		if i%2 == 1 && strings.HasPrefix(parts[i+1], ":") {
			for j, c := range []byte(part) {
				if 'a' <= c|0x20 && c|0x20 <= 'z' {
					offsets = append(offsets, offset+j)
				}
			}
		}
		offset += len(part) + 1
	}
	return offsets
}
