// SPDX-License-Identifier: Apache-2.0

package step

// Steps as text, a line each.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// word is one flag of an open.
type word struct {
	text string
	flag int
}

// The first ones are the access mode; one of them always stands first.
var words = []word{
	{"r", unix.O_RDONLY}, {"w", unix.O_WRONLY}, {"rw", unix.O_RDWR}, {"path", unix.O_PATH},
	{"create", unix.O_CREAT}, {"excl", unix.O_EXCL}, {"trunc", unix.O_TRUNC}, {"append", unix.O_APPEND},
	{"dir", unix.O_DIRECTORY}, {"nofollow", unix.O_NOFOLLOW},
}

func formatFlags(flags int) string {
	access := words[flags&unix.O_ACCMODE].text
	if flags&unix.O_PATH != 0 {
		access = "path"
	}
	out := []string{access}
	for _, w := range words[4:] {
		if flags&w.flag == w.flag {
			out = append(out, w.text)
		}
	}
	return strings.Join(out, ",")
}

func parseFlags(text string) (int, error) {
	flags := 0
	for i, part := range strings.Split(text, ",") {
		at := slices.IndexFunc(words, func(w word) bool { return w.text == part })
		if at < 0 || (at < 4) != (i == 0) {
			return 0, fmt.Errorf("flags %q: %q", text, part)
		}
		flags |= words[at].flag
	}
	return flags, nil
}

func (p Path) String() string {
	switch {
	case p.Slot == 0:
		return p.Rel
	case !p.Magic:
		return fmt.Sprintf("%d:%s", p.Slot, p.Rel)
	case p.Rel == "":
		return fmt.Sprintf("%d!", p.Slot)
	}
	return fmt.Sprintf("%d!/%s", p.Slot, p.Rel)
}

func parsePath(text string) (Path, error) {
	if len(text) < 2 || text[1] != ':' && text[1] != '!' {
		return Path{Rel: text}, nil
	}
	slot, err := parseSlot(text[:1])
	if err != nil {
		return Path{}, fmt.Errorf("path %q: %w", text, err)
	}
	if text[1] == ':' {
		return Path{Slot: slot, Rel: text[2:]}, nil
	}
	return Path{Slot: slot, Magic: true, Rel: strings.TrimPrefix(text[2:], "/")}, nil
}

func parseSlot(text string) (int, error) {
	slot, err := strconv.Atoi(text)
	if err != nil || slot < 1 || slot > Slots {
		return 0, fmt.Errorf("slot %q", text)
	}
	return slot, nil
}

func (s Step) String() string {
	out := []string{s.Who.String(), s.Do}
	for _, arg := range arguments[s.Do] {
		switch arg {
		case 'f':
			out = append(out, formatFlags(s.Flags))
		case 'p':
			out = append(out, s.Path.String())
		case 't':
			out = append(out, s.To.String())
		case 'x':
			out = append(out, s.Text)
		case 's', 'S':
			if s.Slot > 0 {
				out = append(out, strconv.Itoa(s.Slot))
			}
		}
	}
	if s.Want != "" {
		out = append(out, "=", s.Want)
	}
	return strings.Join(out, " ")
}

// Parse reads a step from a line.
func Parse(line string) (Step, error) {
	fields := strings.Fields(line)
	var s Step
	if n := len(fields); n > 2 && fields[n-2] == "=" {
		s.Want, fields = fields[n-1], fields[:n-2]
	}
	if len(fields) < 2 {
		return Step{}, fmt.Errorf("step %q: who does what?", line)
	}
	who := slices.Index(whoNames[:], fields[0])
	args, ok := arguments[fields[1]]
	if who < 0 || !ok {
		return Step{}, fmt.Errorf("step %q: unknown actor or call", line)
	}
	s.Who, s.Do, fields = Who(who), fields[1], fields[2:]
	if len(fields) != len(args) && len(fields) != len(strings.TrimSuffix(args, "S")) {
		return Step{}, fmt.Errorf("step %q: %d arguments", line, len(fields))
	}
	for i, field := range fields {
		if err := s.take(args[i], field); err != nil {
			return Step{}, fmt.Errorf("step %q: %w", line, err)
		}
	}
	return s, nil
}

func (s *Step) take(arg byte, field string) (err error) {
	switch arg {
	case 'f':
		s.Flags, err = parseFlags(field)
	case 'p':
		s.Path, err = parsePath(field)
	case 't':
		s.To, err = parsePath(field)
	case 'x':
		s.Text = field
	case 's', 'S':
		s.Slot, err = parseSlot(field)
	}
	return err
}
