// SPDX-License-Identifier: Apache-2.0

package main

// What the demo shows. Lines have a kind; the stage marks them on the console, the director finds and colours them.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type kind byte

const (
	plain kind = 'p'
	step  kind = 's' // what the demo does now
	title kind = 't'
	model kind = 'm' // what the agent says and asks for
	event kind = 'e' // what reeve shows
	good  kind = 'g'
	bad   kind = 'b'
)

// Marks of a line on the wire: none of them is in what a kernel or systemd prints.
const lineBegin, lineKind = "\x1d", "\x1f"

var colours = map[kind]string{step: "1", title: "1", model: "36", good: "32", bad: "31"}

// screen writes whole lines, from several goroutines.
type screen struct {
	mu     sync.Mutex
	to     io.Writer
	wire   bool
	colour bool
	began  time.Time
}

func newScreen(f *os.File, wire bool) *screen {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return &screen{to: f, wire: wire, colour: !wire && err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", began: time.Now()}
}

func (s *screen) say(k kind, format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		s.line(k, strings.TrimRight(line, "\r\n"))
	}
}

// step says what is being done. Whoever shows it to people says when.
func (s *screen) step(format string, args ...any) { s.say(step, format, args...) }

func (s *screen) line(k kind, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k == step && !s.wire {
		text = fmt.Sprintf("[%3.0f s] %s", time.Since(s.began).Seconds(), text)
	}
	switch colour := s.tint(k, text); {
	case s.wire:
		// One write a line, and a line of its own: the console has other writers.
		fmt.Fprintf(s.to, "%s%c%s%s\n", lineBegin, k, lineKind, text)
	case colour != "":
		fmt.Fprintf(s.to, "\x1b[%sm%s\x1b[0m\n", colour, text)
	default:
		fmt.Fprintln(s.to, text)
	}
}

// tint is the colour of a line; refusals stand out among events.
func (s *screen) tint(k kind, text string) string {
	if !s.colour {
		return ""
	}
	if k == event {
		for word := range strings.FieldsSeq(strings.ToLower(text)) {
			switch word {
			case "kill", "deny", "ask", "killed", "denied", "refused":
				return "31"
			case "audit":
				return "33"
			}
		}
	}
	return colours[k]
}

// console takes a machine's console apart: marked lines go to the screen, the rest is kept for whoever must find out
// why nothing came.
type console struct {
	to      *screen
	verbose bool
	rest    []byte
	other   []string
}

func (c *console) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, ok := bytes.Cut(c.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		c.rest = rest
		c.take(string(line))
	}
}

func (c *console) take(line string) {
	before, after, ok := strings.Cut(line, lineBegin)
	if before != "" {
		c.other = append(c.other, before)
		if c.verbose {
			c.to.line(plain, before)
		}
	}
	k, text, marked := strings.Cut(after, lineKind)
	if ok && marked && len(k) == 1 {
		c.to.line(kind(k[0]), text)
	}
}

// last gives the end of what was not for the screen.
func (c *console) last(n int) string {
	return strings.Join(c.other[max(0, len(c.other)-n):], "\n")
}
