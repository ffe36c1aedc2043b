// SPDX-License-Identifier: Apache-2.0

package messages

// The same script in every dialect: what an agent asks in one is answered in it, and its results move the script.

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// spoken is one dialect as its agent speaks it.
type spoken struct {
	path   string
	ask    string                                   // a request; %s is the conversation
	first  string                                   // what the conversation begins with
	result func(turn, call int, text string) string // a tool's result, behind what was said before
	side   string                                   // a request that wants an object and offers no tool of the script
}

var dialectsSpoken = map[string]spoken{
	"chat": {
		path: "/v1/chat/completions", first: `{"role":"user","content":"please"}`,
		ask: `{"model":"m","tools":[{"type":"function","function":{"name":"Bash"}}],"messages":[%s]}`,
		result: func(turn, call int, text string) string {
			return fmt.Sprintf(`,{"role":"tool","tool_call_id":%q,"content":%q}`, toolID(turn, call), text)
		},
		side: `{"messages":[],"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","properties":{"title":{"type":"string"}}}}}}`,
	},
	"generate": {
		path: "/v1beta/models/m:generateContent", first: `{"role":"user","parts":[{"text":"please"}]}`,
		ask: `{"tools":[{"functionDeclarations":[{"name":"Bash"}]}],"contents":[%s]}`,
		result: func(turn, call int, text string) string {
			return fmt.Sprintf(`,{"role":"user","parts":[{"functionResponse":{"id":%q,"response":{"error":%q}}}]}`, toolID(turn, call), text)
		},
		side: `{"contents":[],"generationConfig":{"responseSchema":{"type":"OBJECT","properties":{"title":{"type":"STRING"}}}}}`,
	},
}

func TestEveryDialectFollowsTheScript(t *testing.T) {
	for name, d := range dialectsSpoken {
		t.Run(name, func(t *testing.T) {
			url, srv, record := start(t)
			ask := func(conversation string) string { return post(t, url+d.path, fmt.Sprintf(d.ask, conversation)) }
			first := ask(d.first)
			for _, want := range []string{"I look.", `"Bash"`, "echo world", toolID(0, 0), toolID(0, 1)} {
				if !strings.Contains(first, want) {
					t.Errorf("first answer lacks %s: %s", want, first)
				}
			}
			if second := ask(d.first + d.result(0, 0, "world") + d.result(0, 1, "EACCES")); !strings.Contains(second, toolID(1, 0)) || srv.Done() {
				t.Errorf("second answer %s", second)
			}
			if last := ask(d.first + d.result(1, 0, "denied")); !strings.Contains(last, "Done.") || !srv.Done() {
				t.Errorf("last answer %s", last)
			}
			if side := post(t, url+d.path, d.side); !strings.Contains(side, `{\"title\":\"Working on it\"}`) {
				t.Errorf("on the side %s", side)
			}
			for _, want := range []string{`"content":"EACCES"`, `"content":"denied"`, `"tool":"Read"`} {
				if !strings.Contains(record.String(), want) {
					t.Errorf("the record lacks %s: %s", want, record)
				}
			}
		})
	}
}

// TestStreamsAreWhole: what a client puts together of a stream is what it would have had at once.
func TestStreamsAreWhole(t *testing.T) {
	url, _, _ := start(t)
	chat := post(t, url+"/v1/chat/completions", fmt.Sprintf(
		`{"model":"m","stream":true,"tools":[{"type":"function","function":{"name":"Bash"}}],"messages":[%s]}`, dialectsSpoken["chat"].first))
	generated := post(t, url+"/v1beta/models/m:streamGenerateContent?alt=sse", fmt.Sprintf(dialectsSpoken["generate"].ask, dialectsSpoken["generate"].first))
	if !strings.HasSuffix(chat, "data: [DONE]\n\n") || !strings.Contains(chat, `"finish_reason":"tool_calls"`) {
		t.Errorf("the chat does not end: %s", chat)
	}
	for _, stream := range []string{strings.TrimSuffix(chat, "data: [DONE]\n\n"), generated} {
		for line := range strings.SplitSeq(strings.TrimSpace(stream), "\n\n") {
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok || !json.Valid([]byte(data)) {
				t.Errorf("not an event: %q", line)
			}
		}
		if !strings.Contains(stream, toolID(0, 1)) {
			t.Errorf("a call is missing: %s", stream)
		}
	}
	if !strings.Contains(chat, `"index":1,"id":"`+toolID(0, 1)) {
		t.Errorf("the calls of a stream say no place: %s", chat)
	}
}

// TestEveryAgentHasAWord: the scenario of all agents can be said to each.
func TestEveryAgentHasAWord(t *testing.T) {
	s, err := Load("scenarios/agents.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range Agents {
		a := &Agents[i]
		spoken, err := s.For(a)
		if err != nil {
			t.Fatal(err)
		}
		for j, turn := range spoken.Turns {
			for k, tool := range turn.Tools {
				if ours := s.Turns[j].Tools[k]; tool.Name == "" || len(tool.Input) == 0 {
					t.Errorf("%s: %s is said as %+v", a.Name, ours.Name, tool)
				}
			}
		}
	}
	if _, err := (&Scenario{Turns: []Turn{{Tools: []Tool{{Name: "fly"}}}}}).For(&Agents[0]); err == nil {
		t.Error("a tool that nobody has is said")
	}
}
