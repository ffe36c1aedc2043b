// SPDX-License-Identifier: Apache-2.0

package sockdiag

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEndOfAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"an error": {[]byte{0xfe, 0xff, 0xff, 0xff}, unix.ENOENT}, "none": {[]byte{0, 0, 0, 0}, nil}, "nothing": {nil, nil},
	} {
		if err := outcome(tc.data); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAttribute(t *testing.T) {
	two := []byte{5, 0, 1, 0, 'a', 0, 0, 0, 8, 0, 2, 0, 1, 2, 3, 4}
	for name, tc := range map[string]struct {
		attributes []byte
		kind       uint16
		want       []byte
	}{
		"the first":        {two, 1, []byte("a")},
		"behind padding":   {two, 2, []byte{1, 2, 3, 4}},
		"there is none":    {two, 3, nil},
		"cut":              {two[:12], 2, nil},
		"smaller than one": {[]byte{3, 0, 2, 0, 1, 2, 3, 4}, 2, nil},
		"nothing":          {nil, 2, nil},
	} {
		if got := Attribute(tc.attributes, tc.kind); !bytes.Equal(got, tc.want) {
			t.Errorf("%s: %x", name, got)
		}
	}
}

// The kernel takes a list's request, and ends its answer.
func TestListIsAnswered(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	question := append([]byte{unix.AF_INET, unix.IPPROTO_TCP, 0, 0, 0xff, 0xff, 0xff, 0xff}, make([]byte, 48)...)
	if err := s.Ask(List(question), func([]byte) {}); err != nil {
		t.Error(err)
	}
	question[0] = 0xfe
	if err := s.Ask(List(question), func([]byte) {}); err == nil {
		t.Error("a family that there is not is answered")
	}
}
