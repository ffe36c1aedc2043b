// SPDX-License-Identifier: Apache-2.0

// From text to an attack. The first mistake ends it, with its line.

package attacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/reeve-sensor/reeve/enforce"
)

// Parse reads one file. A mistake is a *Problem.
func Parse(name string, text []byte) (Attack, error) {
	r := reader{attack: Attack{Name: strings.TrimSuffix(name, ".txtar")}, file: name}
	archive := txtar.Parse(text)
	err := r.lines(string(archive.Comment), r.note)
	for _, f := range archive.Files {
		if err != nil {
			return Attack{}, err
		}
		r.line++ // that of the section's name
		err = r.section(f.Name, string(f.Data))
	}
	if err != nil {
		return Attack{}, err
	}
	return r.attack, r.whole()
}

// reader is where the reading is.
type reader struct {
	attack Attack
	file   string
	line   int
	begun  bool // an agent's step was read
}

func (r *reader) problem(hint, format string, args ...any) error {
	return &Problem{File: r.file, Line: r.line, Text: fmt.Sprintf(format, args...), Hint: hint}
}

func (r *reader) lines(text string, read func(string) error) error {
	for line := range strings.Lines(text) {
		r.line++
		line = strings.TrimSuffix(line, "\n")
		if err := read(line); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) section(name, text string) error {
	switch name {
	case "policy.toml":
		r.attack.Policy = text
		return r.lines(text, func(string) error { return nil })
	case "tree":
		return r.lines(text, r.entry)
	case "commands":
		return r.lines(text, r.command)
	case "skills":
		return r.lines(text, r.skill)
	case "steps":
		return r.lines(text, r.step)
	}
	return r.problem("sections are policy.toml, tree, commands, skills and steps", "unknown section %q", name)
}

var notePattern = regexp.MustCompile(`^(row|open|only|agent|original)(?: on ([^:]*))?(?:: ?| )(.*)$`)

// note reads a line of the comment.
func (r *reader) note(line string) error {
	m := notePattern.FindStringSubmatch(line)
	if m == nil {
		r.attack.What += line + "\n"
		return nil
	}
	n := Note{On: strings.Fields(m[2]), Why: m[3]}
	switch m[1] {
	case "row":
		r.attack.Row = m[3]
	case "agent":
		r.attack.Agent = m[3]
	case "original":
		r.attack.Original = m[3]
	case "open":
		r.attack.Open = n
	case "only":
		r.attack.Only = n
	}
	return nil
}

func (r *reader) entry(line string) error {
	words, err := r.split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	e := Entry{Path: strings.TrimSuffix(words[0], "/"), Folder: strings.HasSuffix(words[0], "/")}
	if len(words) > 1 {
		if e.Owner, err = strconv.Atoi(words[1]); err != nil || len(words) > 2 {
			return r.problem("a path, then the number of its owner", "entry %q", line)
		}
	}
	r.attack.Tree = append(r.attack.Tree, e)
	return nil
}

func (r *reader) command(line string) error {
	words, err := r.split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	if len(words) < 3 || !slices.Contains(states, words[1]) {
		return r.problem("NAME or ?, one of "+strings.Join(states, ", ")+", then program and arguments", "command %q", line)
	}
	r.attack.Known = append(r.attack.Known, Known{words[0], words[1], words[2], words[3:]})
	return nil
}

func (r *reader) skill(line string) error {
	words, err := r.split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	if len(words) != 3 || words[1] == "pinned" || !slices.Contains(states, words[1]) {
		return r.problem("NAME or ?, one of asked, approved, revoked, then its folder", "skill %q", line)
	}
	r.attack.Skills = append(r.attack.Skills, KnownSkill{words[0], words[1], words[2]})
	return nil
}

func (r *reader) step(line string) error {
	words, err := r.split(line)
	if err != nil || len(words) == 0 {
		return err
	}
	switch who := Who(words[0]); who {
	case Host, Before, Both, Agent, Control:
		return r.act(words)
	}
	switch words[0] {
	case "event":
		return r.event(words[1:])
	case "count":
		return r.count(words[1:])
	case Lost, Gets:
		return r.arrivals(words)
	}
	return r.problem("host, before, both, agent, control, lost, gets, event or count", "unknown actor %q", words[0])
}

func (r *reader) act(words []string) error {
	s := Step{Line: r.line, Who: Who(words[0])}
	words = words[1:]
	if n := len(words); n > 2 && words[n-2] == "->" {
		if err := r.expect(&s, words[n-1]); err != nil {
			return err
		}
		words = words[:n-2]
	}
	if s.Who == Before && r.begun {
		return r.problem("move it up", "before the session, but after a step of the agent's")
	}
	r.begun = r.begun || s.Who == Agent || s.Who == Both
	if len(words) == 0 {
		return r.problem(hintActs(), "no act")
	}
	s.Do, s.Text = words[0], strings.Join(words, " ")
	shape, ok := acts[s.Do]
	if !ok {
		return r.problem(hintActs(), "unknown act %q", s.Do)
	}
	if err := r.arguments(&s, shape, words[1:]); err != nil {
		return err
	}
	r.attack.Steps = append(r.attack.Steps, s)
	return nil
}

func hintActs() string {
	return "acts are " + strings.Join(slices.Sorted(maps.Keys(acts)), ", ")
}

func (r *reader) expect(s *Step, name string) error {
	e, ok := errnos[name]
	if !ok {
		return r.problem("as the kernel's headers have it: EACCES, EPERM", "unknown errno %q", name)
	}
	if s.Who != Agent {
		return r.problem("the agent alone is refused", "%s expects %s", s.Who, name)
	}
	s.Errno = e
	return nil
}

// arguments puts words into the fields that a shape names.
func (r *reader) arguments(s *Step, shape string, words []string) error {
	fields := strings.Fields(shape)
	for _, field := range fields {
		if len(words) == 0 {
			if strings.HasPrefix(field, "[") || (field == "words" && len(fields) > 1) {
				continue
			}
			return r.problem(s.Do+" "+shape, "%s lacks its %s", s.Do, field)
		}
		if field == "words" {
			n := len(words) - strings.Count(shape, " at") // what follows the words takes one each
			if last := words[len(words)-1]; strings.HasSuffix(shape, "[flags]") && isFlags(last) {
				n--
			}
			s.Words, words = words[:n], words[n:]
			continue
		}
		if err := r.argument(s, strings.Trim(field, "[]"), words[0]); err != nil {
			return err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		return r.problem(s.Do+" "+shape, "%s does not take %q", s.Do, words[0])
	}
	return nil
}

func isFlags(word string) bool {
	_, err := parseFlags(word)
	return err == nil
}

func parseFlags(word string) (int, error) {
	sum := 0
	for name := range strings.SplitSeq(word, "|") {
		bits, ok := flags[name]
		if !ok {
			return 0, fmt.Errorf("unknown flag %q", name)
		}
		sum |= bits
	}
	return sum, nil
}

func (r *reader) argument(s *Step, field, word string) error {
	switch field {
	case "name":
		s.Name = word
	case "path":
		s.Path = word
	case "to":
		s.To = word
	case "at":
		s.At = word
	case "flags":
		bits, err := parseFlags(word)
		if err != nil {
			return r.problem("flags are "+strings.Join(slices.Sorted(maps.Keys(flags)), ", "), "%v", err)
		}
		s.Flags = bits
	}
	return nil
}

// What servers see.
const (
	Lost = "lost"
	Gets = "gets"
)

// arrivals reads which texts come to a server, one a step.
func (r *reader) arrivals(words []string) error {
	if len(words) == 1 {
		return r.problem(words[0]+" TEXT", "%s lacks its text", words[0])
	}
	for _, text := range words[1:] {
		s := Step{Line: r.line, Who: Server, Text: words[0] + " " + text, Do: words[0], Path: text}
		r.attack.Steps = append(r.attack.Steps, s)
	}
	return nil
}

func (r *reader) event(words []string) error {
	if len(words) != 3 {
		return r.problem("event OP ACTION OBJECT", "an event of %d words", len(words))
	}
	op, ok := enforce.ParseOp(words[0])
	if !ok {
		return r.problem("as in policies: file.read, proc.trace", "unknown operation %q", words[0])
	}
	action, ok := enforce.ParseAction(words[1])
	if !ok {
		return r.problem("as in policies: deny, kill, ask", "unknown action %q", words[1])
	}
	r.attack.Events = append(r.attack.Events, Event{op, action, words[2]})
	return nil
}

func (r *reader) count(words []string) error {
	for _, word := range words {
		c, ok := counters[word]
		if !ok {
			return r.problem("counters are "+strings.Join(slices.Sorted(maps.Keys(counters)), ", "), "unknown counter %q", word)
		}
		r.attack.Counts = append(r.attack.Counts, c)
	}
	return nil
}

var repeatPattern = regexp.MustCompile(`\{(\d+)\*([^}]*)\}`)

// split gives the words of a line.
func (r *reader) split(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimSpace(line); rest != "" && rest[0] != '#'; rest = strings.TrimSpace(rest) {
		word := rest
		if end := strings.IndexAny(rest, " \t"); end >= 0 {
			word = rest[:end]
		}
		if rest[0] == '"' {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, r.problem("quotes as in Go", "%s is not closed", rest)
			}
			rest = rest[len(quoted):]
			if word, err = strconv.Unquote(quoted); err != nil {
				return nil, r.problem("quotes as in Go", "%s: %v", quoted, err)
			}
		} else {
			rest = rest[len(word):]
		}
		words = append(words, repeatPattern.ReplaceAllStringFunc(word, repeated))
	}
	return words, nil
}

func repeated(match string) string {
	m := repeatPattern.FindStringSubmatch(match)
	n, _ := strconv.Atoi(m[1]) // the pattern takes digits only
	return strings.Repeat(m[2], n)
}

// whole refuses what would prove nothing.
func (r *reader) whole() error {
	a := &r.attack
	refused, controlled := map[string]Step{}, map[string]bool{}
	for _, s := range a.Steps {
		switch {
		case s.Do == Lost: // of the control it must come
			refused[s.Text], controlled[s.Text] = s, true
		case s.Who == Control:
			controlled[s.Text] = true
		case s.Errno != 0:
			refused[s.Text] = s
		}
	}
	switch {
	case a.Row == "":
		return r.problem("row F2", "no row of THREATS.md")
	case len(refused) == 0:
		return r.problem("agent ACT -> EACCES", "nothing is refused")
	case len(controlled) == 0:
		return r.problem("the refused steps once more, with control in place of agent", "no control")
	case len(a.Events) == 0 && len(a.Counts) == 0:
		return r.problem("event OP ACTION OBJECT, or count COUNTER", "nothing says that it is seen")
	}
	for text, s := range refused {
		if !controlled[text] {
			r.line = s.Line
			return r.problem("control "+text, "a refused step that the control does not do")
		}
	}
	return nil
}
