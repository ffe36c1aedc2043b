// SPDX-License-Identifier: Apache-2.0

// This file is how the terminal is written to: colour only there, nothing that a session chose may command it.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// defaultWidth holds where the output is no terminal.
const defaultWidth = 120

func terminalOf(f *os.File) (bool, int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return false, defaultWidth
	}
	return true, max(int(size.Col), 60)
}

// paint colours, or does not.
type paint struct{ on bool }

func (p paint) as(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(s string) string  { return p.as("1", s) }
func (p paint) dim(s string) string   { return p.as("2", s) }
func (p paint) red(s string) string   { return p.as("31", s) }
func (p paint) green(s string) string { return p.as("32", s) }
func (p paint) amber(s string) string { return p.as("33", s) }
func (p paint) blue(s string) string  { return p.as("36", s) }

// action colours a word by what an action does.
func (p paint) action(action, word string) string {
	switch action {
	case "kill", "deny":
		return p.red(word)
	case "ask", "audit":
		return p.amber(word)
	}
	return p.dim(word)
}

// severity colours by how severe something is.
func (p paint) severity(severity, text string) string {
	switch severity {
	case "critical", "high":
		return p.red(text)
	case "medium", "low":
		return p.amber(text)
	}
	return p.bold(text)
}

// safe makes text harmless to a terminal: control characters become visible, and lines stay one.
func safe(s string) string {
	if strings.IndexFunc(s, hostile) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "�") {
		switch {
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteByte(' ')
		case hostile(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hostile are controls, and the marks that change the direction of writing.
func hostile(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// cut shortens text to so many characters, in the middle of a word if need be.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width || width < 2 {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// pad fills text with spaces to a width. Colour counts nothing, so pad before painting.
func pad(s string, width int) string {
	if n := utf8.RuneCountInString(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

// columns writes rows under a heading, each column as wide as it needs; the last one is cut at the terminal's edge.
func columns(e *env, heading []string, rows [][]string) {
	widths := make([]int, len(heading))
	for _, row := range append([][]string{heading}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	write := func(row []string, as func(string) string) {
		var b strings.Builder
		for i, cell := range row {
			if i < len(row)-1 {
				cell = pad(cell, widths[i]) + "  "
			}
			b.WriteString(cell)
		}
		fmt.Fprintln(e.stdout, as(strings.TrimRight(cut(b.String(), e.width), " ")))
	}
	write(heading, e.paint.dim)
	for _, row := range rows {
		write(row, func(s string) string { return s })
	}
}

// answer writes an object, and is exit status 1 where it says no.
func (e *env) answer(v any, yes bool) error {
	if err := writeJSON(e.stdout, v); err != nil || yes {
		return err
	}
	return &exit{code: exitNo}
}

// writeJSON writes one object on one line.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
