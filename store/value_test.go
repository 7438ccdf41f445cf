package store

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestAValueNeverPrintsNorMarshals(t *testing.T) {
	const secret = "s3cr3t-value"
	v := NewValue([]byte(secret))
	forms := []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), base64.StdEncoding.EncodeToString([]byte(secret))}
	for _, verb := range []string{"%d", "%b", "%o", "%x", "%#x", "% x", "%c", "%U", "%q", "%v", "%#v"} {
		forms = append(forms, strings.Trim(fmt.Sprintf(verb, []byte(secret)), "[]"))
	}
	type hidden struct{ value Value }
	var printed []string
	for _, holder := range []any{
		v, &v, []Value{v}, map[string]Value{"k": v}, Grant{Value: v}, &Grant{Value: v}, []Grant{{Value: v}}, Change{Value: &v},
		hidden{v}, &hidden{v}, []hidden{{v}}, struct{ any }{v}, fmt.Errorf("it is %v", v),
	} {
		for _, verb := range "vsqxXdboceEfFgGtpUTO" {
			for _, flag := range []string{"", "+", "#", "-40", "05", " "} {
				printed = append(printed, fmt.Sprintf("%"+flag+string(verb), holder))
			}
		}
		text, _ := json.Marshal(holder)
		printed = append(printed, string(text), fmt.Sprint(holder), fmt.Sprintln(holder))
	}
	for _, p := range printed {
		for _, form := range forms {
			if strings.Contains(p, form) {
				t.Fatalf("%s is in %s", form, p)
			}
		}
	}
	if text, err := json.Marshal(v); string(text) != `"[redacted]"` || err != nil {
		t.Error(string(text), err)
	}
	if fmt.Sprint(v) != redacted || fmt.Sprintf("%#v", v) != redacted || string(v.Reveal()) != secret || v.Len() != len(secret) {
		t.Error("it is not redacted, or not a value")
	}
	if (Value{}).Len() != 0 || (Value{}).Reveal() != nil {
		t.Error("the zero value is not empty")
	}
}
