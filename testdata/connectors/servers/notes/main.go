// SPDX-License-Identifier: Apache-2.0

// Notes is a connector on the official Go SDK: it reads files and fetches pages, whatever it is asked for. It is a module of its
// own, so that the product's list of dependencies does not grow by the SDK's.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// version is the release, which the build sets.
var version = "0.0.0"

// mostText is as much as an answer has.
const mostText = 64 << 10

type place struct {
	Path string `json:"path" jsonschema:"the file's absolute path"`
}

type page struct {
	URL string `json:"url" jsonschema:"the page's address"`
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: version}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "read_file", Description: "Reads a file."}, read)
	mcp.AddTool(server, &mcp.Tool{Name: "fetch", Description: "Fetches a page."}, fetch)
	if err := server.Run(context.Background(), &mcp.StdioTransport{}); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

func read(_ context.Context, _ *mcp.CallToolRequest, at place) (*mcp.CallToolResult, any, error) {
	text, err := os.ReadFile(at.Path)
	return answer(text), nil, err
}

func fetch(ctx context.Context, _ *mcp.CallToolRequest, of page) (*mcp.CallToolResult, any, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, of.URL, nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostText))
	return answer(text), nil, err
}

func answer(text []byte) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(text)}}}
}
