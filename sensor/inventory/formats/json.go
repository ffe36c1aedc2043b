// SPDX-License-Identifier: Apache-2.0

// This file reads JSON, token by token, so that a large file costs what is kept of it.

package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/tidwall/jsonc"
)

type jsonReader struct {
	budget
	d     *json.Decoder
	lines *lineIndex
}

func readJSON(data []byte) (*Node, error) {
	plain := jsonc.ToJSON(data) // as long as before, line by line
	d := json.NewDecoder(bytes.NewReader(plain))
	d.UseNumber()
	r := &jsonReader{d: d, lines: newLineIndex(plain)}
	n, err := r.value(0)
	if err != nil {
		return nil, r.wrong(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{r.line(), "not JSON: more after its end"}
	}
	return n, nil
}

func (r *jsonReader) line() int { return r.lines.of(int(r.d.InputOffset())) }

func (r *jsonReader) wrong(err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &Error{r.lines.of(int(syntax.Offset)), "not JSON"}
	}
	return &Error{r.line(), "not JSON: it ends too early"}
}

func (r *jsonReader) value(depth int) (*Node, error) {
	t, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	return r.valueOf(t, depth)
}

func (r *jsonReader) valueOf(t json.Token, depth int) (*Node, error) {
	n := &Node{Line: r.line()}
	if err := r.take(depth, n.Line); err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		n.Kind, n.Text = Text, t
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case bool:
		n.Kind, n.Text = Bool, "false"
		if t {
			n.Text = "true"
		}
	case json.Delim:
		if t == '[' {
			n.Kind = List
			return n, r.list(n, depth)
		}
		n.Kind = Map
		return n, r.fields(n, depth)
	}
	return n, nil
}

func (r *jsonReader) list(n *Node, depth int) error {
	for r.d.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
	}
	_, err := r.d.Token()
	return err
}

func (r *jsonReader) fields(n *Node, depth int) error {
	for r.d.More() {
		t, err := r.d.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return &Error{r.line(), "not JSON: a key that is no text"}
		}
		f := Field{Key: key, Line: r.line()}
		if f.Value, err = r.value(depth + 1); err != nil {
			return err
		}
		n.Fields = append(n.Fields, f)
	}
	_, err := r.d.Token()
	return err
}
