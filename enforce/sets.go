// SPDX-License-Identifier: Apache-2.0

// This file reads [sets]: lists of globs that rules share, written in the policy or fed from a file beside it.

package enforce

import (
	"os"
	"path/filepath"
	"strings"
)

// maxSetFile is far beyond what the table could hold of it.
const maxSetFile = 4 << 20

func setSets(d *decoder, doc *document, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		d.problem("sets", `[sets]`, "is %s, not a table", kindOf(v))
		return
	}
	for _, name := range sortedKeys(table) {
		key := "sets." + name
		before := len(*d.ps)
		set := Set{Place: Place{d.src.name, d.lines.of(key)}, Name: name}
		if t, ok := table[name].(map[string]any); ok {
			set.Globs = d.setFile(key, t)
		} else {
			set.Globs = d.list(key, table[name])
		}
		set.unread = len(*d.ps) > before
		doc.sets = append(doc.sets, set)
	}
}

// setFile reads name = { file = "list" }: a glob a line, # begins a comment, paths are relative to the policy's folder.
func (d *decoder) setFile(key string, table map[string]any) []string {
	name, _ := table["file"].(string)
	if name == "" || len(table) != 1 {
		d.problem(key, `name = ["..."] or name = { file = "list.txt" }`, "is neither a list nor a file")
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(d.src.dir, name)
	}
	if st, err := os.Stat(name); err == nil && (!st.Mode().IsRegular() || st.Size() > maxSetFile) {
		d.problem(key, "", "%s is no regular file of at most %d bytes", name, maxSetFile)
		return nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		d.problem(key, "", "reading %s: %v", name, cause(err))
		return nil
	}
	var globs []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			globs = append(globs, line)
		}
	}
	return globs
}
