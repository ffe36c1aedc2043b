// SPDX-License-Identifier: Apache-2.0

package messages

// The server as an agent meets it: over HTTP, with requests of the shapes that Claude Code sends.

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const script = `
[vars]
who = "world"

[[turn]]
note = "first"
text = "I look."
[[turn.tool]]
name  = "Bash"
input = { command = "echo {{who}}" }
[[turn.tool]]
name  = "Read"
input = { file_path = "/etc/hosts" }

[[turn]]
note = "second"
[[turn.tool]]
name  = "Bash"
input = { command = "false" }

[[turn]]
text = "Done."
`

const tools = `[{"name":"Bash"},{"name":"Read"},{"name":"Edit"}]`

func start(t *testing.T) (url string, srv *Server, record *bytes.Buffer) {
	t.Helper()
	s, err := Parse("script.toml", script, nil)
	if err != nil {
		t.Fatal(err)
	}
	record = &bytes.Buffer{}
	srv = New(s, record)
	server := httptest.NewServer(srv)
	t.Cleanup(server.Close)
	return server.URL, srv, record
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ask sends the main conversation with the given messages and returns the answer.
func ask(t *testing.T, url, conversation string) reply {
	t.Helper()
	var r reply
	answer := post(t, url+"/v1/messages?beta=true", fmt.Sprintf(`{"model":"m","max_tokens":100,"tools":%s,"messages":[%s]}`, tools, conversation))
	if err := json.Unmarshal([]byte(answer), &r); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	return r
}

func toolResult(turn, call int, content string) string {
	return fmt.Sprintf(`{"role":"user","content":[{"type":"tool_result","tool_use_id":%q,"is_error":true,"content":%s}]}`, toolID(turn, call), content)
}

const prompt = `{"role":"user","content":"please"}`

func TestToolResultsAdvanceTheScript(t *testing.T) {
	url, srv, record := start(t)
	first := ask(t, url, prompt)
	if first.StopReason != "tool_use" || len(first.Content) != 3 || *first.Content[0].Text != "I look." {
		t.Fatalf("first answer %+v", first)
	}
	if input := first.Content[1].Input.(map[string]any); input["command"] != "echo world" {
		t.Errorf("the variable is not put in: %v", input)
	}
	// The same request again, as after a lost connection, has the same answer.
	if again := ask(t, url, prompt); again.Content[1].ID != first.Content[1].ID {
		t.Errorf("a repeated request has another answer: %+v", again)
	}
	after := prompt + "," + toolResult(0, 0, `"world"`) + "," + toolResult(0, 1, `[{"type":"text","text":"EACCES"}]`)
	if second := ask(t, url, after); second.Content[0].ID != toolID(1, 0) {
		t.Errorf("second answer %+v", second)
	}
	if srv.Done() {
		t.Error("done before the last turn")
	}
	last := ask(t, url, prompt+","+toolResult(1, 0, `"denied"`))
	if last.StopReason != "end_turn" || *last.Content[0].Text != "Done." || !srv.Done() {
		t.Errorf("last answer %+v", last)
	}
	checkRecord(t, record)
}

// checkRecord expects each result once, with its tool, its text and its turn.
func checkRecord(t *testing.T, record io.Reader) {
	t.Helper()
	var got []string
	for lines := json.NewDecoder(record); lines.More(); {
		var r Record
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		for _, result := range r.Results {
			got = append(got, fmt.Sprintf("%s %d %s %v", result.Tool, result.Turn, result.Content, result.Error))
		}
	}
	if want := []string{"Bash 0 world true", "Read 0 EACCES true", "Bash 1 denied true"}; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestRequestsOnTheSideMoveNothing(t *testing.T) {
	url, srv, record := start(t)
	for name, tc := range map[string]struct{ path, body, want string }{
		"quota-probe":     {"/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":"quota"}]}`, `"stop_reason":"end_turn"`},
		"title-as-object": {"/v1/messages", `{"tools":[],"messages":[],"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"title":{"type":"string"}}}}}}`, `{\"title\":\"Working on it\"}`},
		"other-tools":     {"/v1/messages", `{"tools":[{"name":"web_search"}],"messages":[]}`, "Working on it"},
		"token-count":     {"/v1/messages/count_tokens", `{"messages":[]}`, `"input_tokens":4`},
		"telemetry":       {"/api/event_logging/batch", `{}`, "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := post(t, url+tc.path, tc.body); !strings.Contains(got, tc.want) {
				t.Errorf("answer %s, want %s in it", got, tc.want)
			}
		})
	}
	if strings.Contains(record.String(), `"kind":"turn"`) || srv.Done() {
		t.Errorf("the script moved: %s", record)
	}
	if answer := post(t, url+"/v1/messages", "{"); !strings.Contains(answer, "invalid_request_error") {
		t.Errorf("a broken request gives %s", answer)
	}
}

func TestStreamHasTheEventsOfTheAPI(t *testing.T) {
	url, _, _ := start(t)
	answer := post(t, url+"/v1/messages", fmt.Sprintf(`{"model":"m","stream":true,"tools":%s,"messages":[%s]}`, tools, prompt))
	var names, partial []string
	var stop any
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			names = append(names, name)
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var event struct {
			Type  string
			Delta map[string]any
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		if event.Type != names[len(names)-1] {
			t.Errorf("event %s carries type %s", names[len(names)-1], event.Type)
		}
		if text, ok := event.Delta["partial_json"].(string); ok {
			partial = append(partial, text)
		}
		if reason, ok := event.Delta["stop_reason"]; ok {
			stop = reason
		}
	}
	block := []string{"content_block_start", "content_block_delta", "content_block_stop"}
	want := slices.Concat([]string{"message_start"}, block, block, block, []string{"message_delta", "message_stop"})
	if !slices.Equal(names, want) {
		t.Errorf("events %q, want %q", names, want)
	}
	if stop != "tool_use" || !slices.Contains(partial, `{"command":"echo world"}`) {
		t.Errorf("stop reason %v, inputs %q", stop, partial)
	}
}

// respond sends the conversation in the words of the Responses API and returns the items of the answer.
func respond(t *testing.T, url, conversation string) []map[string]any {
	t.Helper()
	answer := post(t, url+"/v1/responses", fmt.Sprintf(`{"model":"m","stream":true,"tools":[{"type":"function","name":"Bash"}],"input":[%s]}`, conversation))
	_, last, ok := strings.Cut(answer, "event: response.completed\ndata: ")
	if !ok {
		t.Fatalf("the stream does not end: %s", answer)
	}
	var completed struct{ Response response }
	if err := json.Unmarshal([]byte(last), &completed); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(answer, "event: response.output_item.done\n"); n != len(completed.Response.Output) {
		t.Errorf("%d items were streamed of %d", n, len(completed.Response.Output))
	}
	return completed.Response.Output
}

func TestResponsesFollowTheSameScript(t *testing.T) {
	url, srv, record := start(t)
	const ask = `{"type":"message","role":"user","content":[{"type":"input_text","text":"please"}]}`
	first := respond(t, url, ask)
	if len(first) != 3 || first[1]["name"] != "Bash" || first[1]["arguments"] != `{"command":"echo world"}` {
		t.Fatalf("first answer %+v", first)
	}
	result := func(turn, call int, output string) string {
		return fmt.Sprintf(`,{"type":"function_call_output","call_id":%q,"output":%s}`, toolID(turn, call), output)
	}
	well, patch, badly := `"Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\nworld"`,
		`[{"type":"input_text","text":"Wall time: 0 seconds\nOutput:\nExit code: 0\nOutput:\nSuccess."}]`,
		`"Process exited with code 1\nOutput:\nProcess exited with code 0"`
	if second := respond(t, url, ask+result(0, 0, well)+result(0, 1, patch)); second[0]["call_id"] != toolID(1, 0) {
		t.Errorf("second answer %+v", second)
	}
	if last := respond(t, url, ask+result(1, 0, badly)); len(last) != 1 || last[0]["type"] != "message" || !srv.Done() {
		t.Errorf("last answer %+v", last)
	}
	var failed []bool
	for lines := json.NewDecoder(record); lines.More(); {
		var r Record
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		for _, result := range r.Results {
			failed = append(failed, result.Error)
		}
	}
	if want := []bool{false, false, true}; !slices.Equal(failed, want) {
		t.Errorf("failed: %v, want %v", failed, want)
	}
}
