// Drives the official Go client: a command in JSON on each line of input, an answer on each of output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type bearer struct{ token string }

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(request)
}

type command struct {
	Op        string         `json:"op"`
	Tool      string         `json:"tool"`
	Name      string         `json:"name"`
	URI       string         `json:"uri"`
	Arguments map[string]any `json:"arguments"`
}

func told(result *mcp.CallToolResult) map[string]any {
	text := ""
	if len(result.Content) > 0 {
		if content, ok := result.Content[0].(*mcp.TextContent); ok {
			text = content.Text
		}
	}
	return map[string]any{"isError": result.IsError, "text": text, "structured": result.StructuredContent}
}

func run(session *mcp.ClientSession, notes *atomic.Int64, c command) (map[string]any, error) {
	ctx := context.Background()
	switch c.Op {
	case "version":
		return map[string]any{"version": session.InitializeResult().ProtocolVersion}, nil
	case "tools":
		list, err := session.ListTools(ctx, nil)
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		return map[string]any{"tools": names}, nil
	case "call":
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: c.Tool, Arguments: c.Arguments})
		if err != nil {
			return nil, err
		}
		return told(result), nil
	case "read":
		read, err := session.ReadResource(ctx, &mcp.ReadResourceParams{URI: c.URI})
		if err != nil {
			return nil, err
		}
		return map[string]any{"text": read.Contents[0].Text}, nil
	case "prompt":
		arguments := map[string]string{}
		for name, value := range c.Arguments {
			arguments[name] = fmt.Sprint(value)
		}
		prompt, err := session.GetPrompt(ctx, &mcp.GetPromptParams{Name: c.Name, Arguments: arguments})
		if err != nil {
			return nil, err
		}
		return map[string]any{"text": prompt.Messages[0].Content.(*mcp.TextContent).Text}, nil
	case "progress":
		params := &mcp.CallToolParams{Name: c.Tool, Arguments: c.Arguments}
		params.SetProgressToken("p")
		before := notes.Load()
		result, err := session.CallTool(ctx, params)
		if err != nil {
			return nil, err
		}
		answer := told(result)
		answer["progress"] = notes.Load() - before
		return answer, nil
	case "cancel":
		ctx, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: c.Tool, Arguments: c.Arguments})
		return map[string]any{"cancelled": err != nil}, nil
	case "listen":
		return map[string]any{"unsupported": true}, nil
	}
	return nil, fmt.Errorf("no such op: %s", c.Op)
}

func main() {
	var notes atomic.Int64
	client := mcp.NewClient(&mcp.Implementation{Name: "driver", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(context.Context, *mcp.ProgressNotificationClientRequest) { notes.Add(1) },
	})
	transport := &mcp.StreamableClientTransport{
		Endpoint:   os.Args[1],
		HTTPClient: &http.Client{Transport: bearer{os.Args[2]}},
	}
	session, err := client.Connect(context.Background(), transport, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			out.Encode(map[string]any{"raised": err.Error()})
			continue
		}
		answer, err := run(session, &notes, c)
		if err != nil {
			answer = map[string]any{"raised": err.Error()}
		}
		out.Encode(answer)
	}
}
