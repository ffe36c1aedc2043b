// SPDX-License-Identifier: Apache-2.0

package messages

// The scenario in the words of Google's generateContent, which Gemini CLI speaks: the call is in the path, behind the model.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// generateRequest is what the server reads of a request.
type generateRequest struct {
	Contents []struct {
		Parts []struct {
			FunctionResponse *struct {
				ID       string         `json:"id"`
				Response map[string]any `json:"response"`
			} `json:"functionResponse"`
		} `json:"parts"`
	} `json:"contents"`
	Tools []struct {
		FunctionDeclarations []offered `json:"functionDeclarations"`
	} `json:"tools"`
	GenerationConfig struct {
		ResponseMimeType   string  `json:"responseMimeType"`
		ResponseSchema     *schema `json:"responseSchema"`
		ResponseJSONSchema *schema `json:"responseJsonSchema"`
	} `json:"generationConfig"`
}

func readGenerate(r *http.Request) (*request, error) {
	model, call, ok := strings.Cut(r.PathValue("call"), ":")
	if !ok {
		return nil, fmt.Errorf("%s: no call", r.URL.Path)
	}
	var req generateRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		return nil, err
	}
	translated := req.translate()
	translated.Model, translated.Stream = model, call == "streamGenerateContent"
	return translated, nil
}

// translate makes the Messages API's request.
func (r *generateRequest) translate() *request {
	translated := &request{}
	for _, t := range r.Tools {
		translated.Tools = append(translated.Tools, t.FunctionDeclarations...)
	}
	for _, c := range r.Contents {
		for _, p := range c.Parts {
			if f := p.FunctionResponse; f != nil {
				text, failed := f.Response["output"], f.Response["error"]
				if text == nil {
					text = failed
				}
				translated.Messages = append(translated.Messages, resulted(f.ID, fmt.Sprint(text), failed != nil))
			}
		}
	}
	for _, s := range []*schema{r.GenerationConfig.ResponseSchema, r.GenerationConfig.ResponseJSONSchema} {
		if s != nil {
			translated.OutputFormat = &format{Schema: *s}
		}
	}
	return translated
}

func writeGenerate(w http.ResponseWriter, req *request, turn int, t Turn) {
	parts := []any{}
	if t.Text != "" {
		parts = append(parts, map[string]any{"text": t.Text})
	}
	for i, tool := range t.Tools {
		parts = append(parts, map[string]any{"functionCall": map[string]any{"id": toolID(turn, i), "name": tool.Name, "args": tool.Input}})
	}
	answer := map[string]any{
		"responseId": fmt.Sprintf("script_%d", turn), "modelVersion": req.Model,
		"candidates":    []any{map[string]any{"index": 0, "finishReason": "STOP", "content": map[string]any{"role": "model", "parts": parts}}},
		"usageMetadata": map[string]any{"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110},
		"totalTokens":   100, // where tokens were to be counted
	}
	if req.Stream {
		sendData(w)(answer)
		return
	}
	writeJSON(w, answer)
}
