// SPDX-License-Identifier: Apache-2.0

// This file gives TOML trees their meaning: the tables of keys that files, roles and rules may have. Decoding by our own
// tables instead of the library's tags tells every unknown key and every wrong type at once, with its line.

package enforce

import (
	"fmt"
	"maps"
	"slices"
)

// document is one decoded file.
type document struct {
	source     source
	base       string
	baseLine   int
	homes      []string
	roles      []Role
	rules      []Rule
	connectors []Connector
	skills     []Skill
	sets       []Set
}

// decoder reads one table of the tree.
type decoder struct {
	src   *source
	what  string // rule "id", for problems
	lines keyLines
	ps    *Problems
}

func (d *decoder) problem(key, hint, format string, args ...any) {
	*d.ps = append(*d.ps, &Problem{Place: Place{d.src.name, d.lines.of(key)}, Rule: d.what, Key: key,
		Reason: fmt.Sprintf(format, args...), Hint: hint})
}

// field is one key of a table and what it does to a T.
type field[T any] struct {
	key string
	set func(d *decoder, t *T, v any)
}

// decodeTable applies each field to its value and tells of keys that no field knows.
func decodeTable[T any](d *decoder, fields []field[T], tree map[string]any, t *T) {
	for _, key := range sortedKeys(tree) {
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.key == key })
		if i < 0 {
			names := make([]string, len(fields))
			for i := range fields {
				names[i] = fields[i].key
			}
			d.problem(key, didYouMean(key, names), "unknown key")
			continue
		}
		fields[i].set(&decoder{d.src, d.what, d.lines, d.ps}, t, tree[key])
	}
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// text, flag, list: a field of that type, from the place in T where the value goes.
func textField[T any](key string, at func(*T) *string) field[T] {
	return field[T]{key, func(d *decoder, t *T, v any) {
		s, ok := v.(string)
		if !ok {
			d.problem(key, fmt.Sprintf("%s = \"...\"", key), "is %s, not a text", kindOf(v))
		}
		*at(t) = s
	}}
}

func listField[T any](key string, at func(*T) *[]string) field[T] {
	return field[T]{key, func(d *decoder, t *T, v any) { *at(t) = d.list(key, v) }}
}

func (d *decoder) list(key string, v any) []string {
	items, ok := v.([]any)
	if !ok {
		d.problem(key, fmt.Sprintf("%s = [\"...\"]", key), "is %s, not a list of texts", kindOf(v))
		return nil
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			d.problem(fmt.Sprintf("%s[%d]", key, i), "", "is %s, not a text", kindOf(item))
			continue
		}
		out = append(out, s)
	}
	return out
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case int64, float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return "a date"
}

var ruleFields = []field[Rule]{
	textField("id", func(r *Rule) *string { return &r.ID }),
	{"on", setOps},
	listField("match", func(r *Rule) *[]string { return &r.Match }),
	listField("except", func(r *Rule) *[]string { return &r.Except }),
	{"action", func(d *decoder, r *Rule, v any) { r.Action = d.action("action", v) }},
	textField("principal", func(r *Rule) *string { return &r.Principal }),
	{"when", setWhen},
	textField("taint", func(r *Rule) *string { return &r.Taint }),
	listField("roles", func(r *Rule) *[]string { return &r.Roles }),
	textField("reason", func(r *Rule) *string { return &r.Reason }),
	listField("respond", func(r *Rule) *[]string { return &r.Respond }),
	{"enabled", setEnabled},
	textField("severity", func(r *Rule) *string { return &r.Severity }),
	listField("tags", func(r *Rule) *[]string { return &r.Tags }),
}

func setOps(d *decoder, r *Rule, v any) {
	for i, name := range d.list("on", v) {
		op, ok := ParseOp(name)
		if !ok {
			var names []string
			for _, o := range Ops() {
				names = append(names, o.String())
			}
			d.problem(fmt.Sprintf("on[%d]", i), didYouMean(name, names), "unknown operation %q", name)
			continue
		}
		if !slices.Contains(r.On, op) {
			r.On = append(r.On, op)
		}
	}
}

func (d *decoder) action(key string, v any) Action {
	name, _ := v.(string)
	a, ok := ParseAction(name)
	if !ok {
		d.problem(key, didYouMean(name, actionNames[:]), "unknown action %q", fmt.Sprint(v))
		return Deny
	}
	return a
}

func setWhen(d *decoder, r *Rule, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		d.problem("when", `when = { taint = ["..."] }`, "is %s, not a table", kindOf(v))
		return
	}
	sub := &decoder{d.src, d.what, d.lines.under("when"), d.ps}
	decodeTable(sub, []field[Rule]{listField("taint", func(r *Rule) *[]string { return &r.When })}, table, r)
	if len(r.When) == 0 {
		d.problem("when", `when = { taint = ["..."] }`, "names no taint")
	}
}

func setEnabled(d *decoder, r *Rule, v any) {
	on, ok := v.(bool)
	if !ok {
		d.problem("enabled", "enabled = false", "is %s, not true or false", kindOf(v))
	}
	r.Disabled = ok && !on
}

var roleFields = []field[Role]{
	textField("name", func(r *Role) *string { return &r.Name }),
	listField("users", func(r *Role) *[]string { return &r.Users }),
	listField("groups", func(r *Role) *[]string { return &r.Groups }),
	listField("extends", func(r *Role) *[]string { return &r.Extends }),
	{"mode", setMode},
	{"defaults", setDefaults},
}

func setMode(d *decoder, r *Role, v any) {
	name, _ := v.(string)
	i := slices.Index(modeNames[:], name)
	if i <= 0 {
		d.problem("mode", didYouMean(name, modeNames[1:]), "unknown mode %q", fmt.Sprint(v))
		return
	}
	r.Mode = Mode(i)
}

func setDefaults(d *decoder, r *Role, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		d.problem("defaults", `defaults = { net = "deny" }`, "is %s, not a table", kindOf(v))
		return
	}
	r.Defaults = map[Class]Action{}
	for _, key := range sortedKeys(table) {
		if _, known := classDefaults[Class(key)]; !known {
			var names []string
			for c := range classDefaults {
				names = append(names, string(c))
			}
			slices.Sort(names)
			d.problem("defaults."+key, didYouMean(key, names), "unknown class")
			continue
		}
		r.Defaults[Class(key)] = d.action("defaults."+key, table[key])
	}
}

var connectorFields = []field[Connector]{
	textField("name", func(c *Connector) *string { return &c.Name }),
	listField("command", func(c *Connector) *[]string { return &c.Command }),
	textField("sha256", func(c *Connector) *string { return &c.SHA256 }),
	textField("url", func(c *Connector) *string { return &c.URL }),
	textField("publisher", func(c *Connector) *string { return &c.Publisher }),
}

var skillFields = []field[Skill]{
	textField("name", func(s *Skill) *string { return &s.Name }),
	textField("sha256", func(s *Skill) *string { return &s.SHA256 }),
	textField("publisher", func(s *Skill) *string { return &s.Publisher }),
}

var documentFields = []field[document]{
	{"version", setVersion},
	{"base", setBase},
	listField("homes", func(d *document) *[]string { return &d.homes }),
	{"role", func(d *decoder, doc *document, v any) {
		doc.roles = decodeEach(d, "role", "name", roleFields, v, func(r *Role, p Place, k keyLines) { r.Place, r.keys = p, k })
	}},
	{"rule", func(d *decoder, doc *document, v any) {
		doc.rules = decodeEach(d, "rule", "id", ruleFields, v, func(r *Rule, p Place, k keyLines) {
			r.Place, r.keys, r.Action = p, k, actionUnset
		})
	}},
	{"connector", func(d *decoder, doc *document, v any) {
		doc.connectors = decodeEach(d, "connector", "name", connectorFields, v, func(c *Connector, p Place, _ keyLines) { c.Place = p })
	}},
	{"skill", func(d *decoder, doc *document, v any) {
		doc.skills = decodeEach(d, "skill", "name", skillFields, v, func(s *Skill, p Place, _ keyLines) { s.Place = p })
	}},
	{"sets", setSets},
}

func decodeDocument(s source, tree map[string]any, lines keyLines) (*document, Problems) {
	var ps Problems
	doc := &document{source: s}
	decodeTable(&decoder{&s, "", lines, &ps}, documentFields, tree, doc)
	return doc, ps
}

// decodeEach reads an array of tables. name is the key by which problems call an element.
func decodeEach[T any](d *decoder, kind, name string, fields []field[T], v any, put func(*T, Place, keyLines)) []T {
	var tables []map[string]any
	switch v := v.(type) {
	case []map[string]any:
		tables = v
	case []any: // [[rule]] written as rule = [{...}]
		for _, item := range v {
			table, _ := item.(map[string]any)
			tables = append(tables, table)
		}
	default:
		d.problem(kind, fmt.Sprintf("write [[%s]] with two brackets", kind), "is %s, not a list of tables", kindOf(v))
		return nil
	}
	out := make([]T, len(tables))
	places := d.lines.elements(kind, len(tables))
	for i, table := range tables {
		lines := places[i]
		what := kind
		if s, ok := table[name].(string); ok && s != "" {
			what = fmt.Sprintf("%s %q", kind, s)
		}
		sub := &decoder{d.src, what, lines, d.ps}
		put(&out[i], Place{d.src.name, lines.of("")}, lines)
		decodeTable(sub, fields, table, &out[i])
		if s, _ := table[name].(string); s == "" {
			sub.problem("", fmt.Sprintf("%s = \"...\"", name), "has no %s", name)
		}
	}
	return out
}

func setVersion(d *decoder, _ *document, v any) {
	if v != int64(1) {
		d.problem("version", "version = 1", "version %#v is not known to this build", v)
	}
}

func setBase(d *decoder, doc *document, v any) {
	name, _ := v.(string)
	doc.baseLine = d.lines.of("base")
	if known := append(Presets(), "none"); !slices.Contains(known, name) {
		d.problem("base", didYouMean(name, known), "unknown preset %q", fmt.Sprint(v))
		return
	}
	doc.base = name
}
