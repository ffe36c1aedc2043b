// SPDX-License-Identifier: Apache-2.0

package api

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	pb "github.com/reeve-sensor/reeve/plugins/api/plugin"
)

func TestEventComesAsItWent(t *testing.T) {
	e := Event{ID: "1", Time: time.UnixMicro(1234567).UTC(), Kind: "access", Severity: "high", Session: "s", Agent: "a", User: "u", Action: "deny",
		Applied: true, Op: "file.read", Object: "/x", Rule: "r", Reason: "why", Message: "m", OCSF: []byte("{}")}
	if got := eventOf(e.Wire()); !reflect.DeepEqual(got, e) {
		t.Errorf("got  %+v\nwant %+v", got, e)
	}
	e.Object = "/odd/\xff\xfe"
	if got := e.Wire().Object; !utf8.ValidString(got) || !strings.HasPrefix(got, "/odd/") {
		t.Errorf("%q", got)
	}
}

func TestValuesComeAsTheyWent(t *testing.T) {
	r := &pb.ConfigureRequest{Host: "ws1", Settings: map[string]*pb.Value{}}
	for key, v := range map[string]any{"t": "x", "n": int64(3), "f": true, "l": []string{"a"}} {
		r.Settings[key] = ValueOf(v)
	}
	v := valuesOf(r)
	if v.Text("t", "") != "x" || v.Number("n", 0) != 3 || !v.Flag("f", false) || v.List("l")[0] != "a" || v.Host.Name != "ws1" {
		t.Errorf("%+v", v)
	}
	if v.Text("none", "d") != "d" || v.Number("none", 7) != 7 || !v.Flag("none", true) || v.List("none") != nil || ValueOf(1.5) != nil {
		t.Error("what is not set has its default, and what is no setting is none")
	}
}

// TestGuideShowsTheExample: the code of the guide is the code that is run.
func TestGuideShowsTheExample(t *testing.T) {
	guide, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(guide)
	if code == nil || !strings.Contains(squeeze(string(example)), squeeze(string(code[1]))) {
		t.Error("plugins/README.md and example_test.go differ")
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }
