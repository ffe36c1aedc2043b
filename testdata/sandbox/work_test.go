// SPDX-License-Identifier: Apache-2.0

package sandbox

// What either agent is told to do in its sandbox, and what must come of it.

import (
	"strings"

	"github.com/reeve-sensor/reeve/testdata/messages"
)

// step is one tool call.
type step struct {
	note  string
	tool  messages.Tool
	wants []string // all are in what comes back
	fails bool
}

// shell makes a tool call of a command line, in an agent's own words.
type shell func(command string) messages.Tool

// The first steps show where commands run: in a mount namespace of their own, without ways to more rights, and where nothing but
// the project may be written. It is the sandbox that says "Read-only file system"; Reeve would say "Permission denied".
func confined(run shell) []step {
	return []step{
		{"namespaces of its own", run(`grep NoNewPrivs /proc/self/status; echo "ns $(readlink /proc/self/ns/mnt)"`), []string{"NoNewPrivs:\t1", "ns mnt:"}, false},
		{"nothing is written outside of the project", run("touch ~/outside"), []string{"Read-only file system"}, true},
	}
}

// ordinary is the work that nobody may hinder, least of all the agent: Codex itself refuses `rm -f`. The agents' own tools have written greet.py before.
func ordinary(run shell) []step {
	return []step{
		{"looking around", run("ls -la && cat greet.py && wc -l greet.py && find . -name '*.py' && stat greet.py > /dev/null && pwd"), []string{"greet.py", "hello, world"}, false},
		{"making files and folders", run(`mkdir -p src/deep/er && for i in 1 2 3 4 5 6 7 8; do echo "line $i" > src/deep/er/$i.txt; done && printf 'one\ntwo\n' > src/list && ln -s list src/link && ln src/list src/hard && ls -R src`), []string{"8.txt", "hard"}, false},
		{"editing in place", run(`sed -i 's/two/three/' src/list && echo four >> src/list && truncate -s 4 src/deep/er/8.txt && chmod 755 src/deep/er/7.txt && touch -d 2020-02-02 src/deep/er/6.txt && cat src/list`), []string{"one", "three", "four"}, false},
		{"scripts", run(`printf '#!/bin/sh\necho "sum $(($1 + $2))"\n' > sum.sh && chmod +x sum.sh && ./sum.sh 2 3 && sh sum.sh 4 5 && python3 greet.py && python3 -c 'import json, tempfile; f = tempfile.NamedTemporaryFile(); f.write(b"x"); f.flush(); print(json.dumps({"ok": 1}))'`), []string{"sum 5", "sum 9", "hello, world", `{"ok": 1}`}, false},
		{"pipes, temporary files, the background", run(`t=$(mktemp -d) && (sleep 0.2; echo late > $t/x) & wait; find src -type f | sort | xargs cat | tee all.txt | wc -l; diff all.txt all.txt && grep -rn 'line 5' src && cat <<< here`), []string{"line 5", "here"}, false},
		{"the first commit", run(`git init -q -b main repo && cp -a src sum.sh greet.py repo/ && (cd repo && git add -A && ` + git + `commit -qm 'Begin' && git status --short && git log --oneline)`), []string{"Begin"}, false},
		{"moving and deleting", run("mv src lib && mkdir old && mv lib/deep old/ && mv old/deep/er old/er && rmdir old/deep && mv -f lib/hard lib/list && rm -r old/er/1.txt lib/link && mv old/er lib/ && rmdir old && rm lib/er/2.txt && find lib | sort"), []string{"lib/er/3.txt", "lib/list"}, false},
		{"branches", run(`(cd repo && git checkout -q -b move && git mv src code && git rm -q greet.py && ` + git + `commit -qm 'Move' && git checkout -q main && ls src && git checkout -q move && ls code && git checkout -q main && ` + git + `merge -q move && git log --oneline)`), []string{"deep", "Move"}, false},
		{"archives and copies", run("tar czf lib.tgz lib && rm -r lib && tar xzf lib.tgz && cp -a lib copy && diff -r lib copy && rm -r copy lib.tgz && ls lib/er"), []string{"8.txt"}, false},
	}
}

const git = "git -c user.name=Alice -c user.email=alice@example.org "

// planted is the one act that policy forbids, beside one that it excepts: the control of everything above.
func planted(run shell) []step {
	return []step{
		{"what policy excepts", run("cat ~/.ssh/known_hosts"), []string{"example.org ssh-ed25519"}, false},
		{"a private key", run("cat ~/.ssh/id_ed25519"), []string{"Permission denied"}, true},
	}
}

// scenario makes the steps what the scripted model says.
func scenario(steps []step) *messages.Scenario {
	s := &messages.Scenario{About: "ordinary work in an agent's own sandbox"}
	for _, one := range steps {
		s.Turns = append(s.Turns, messages.Turn{Note: one.note, Text: "Next: " + one.note + ".", Tools: []messages.Tool{one.tool}})
	}
	s.Turns = append(s.Turns, messages.Turn{Text: "Done."})
	return s
}

// wrong says what is not as the step wants it, or "".
func (s step) wrong(r messages.Result) string {
	if r.Error != s.fails {
		return map[bool]string{true: "fails", false: "succeeds"}[r.Error]
	}
	for _, want := range s.wants {
		if !strings.Contains(r.Content, want) {
			return "lacks " + want
		}
	}
	return ""
}
