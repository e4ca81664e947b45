// A server on the Go SDK with the one tool get_workspace, to measure ours beside. It sends the caller's
// token on without looking at it, and has no limits.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type input struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type summary struct {
	Name         string `json:"name"`
	Namespace    string `json:"namespace"`
	Running      bool   `json:"running"`
	AutoShutdown string `json:"autoShutdown"`
}

type output struct {
	Workspace summary `json:"workspace"`
}

type object struct {
	Metadata struct{ Name, Namespace string }
	Spec     struct{ Running bool }
	Status   struct{ AutoShutdown string }
}

func main() {
	address, kube, authority := os.Args[1], os.Args[2], os.Args[3]
	pem, err := os.ReadFile(authority)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		MaxIdleConnsPerHost: 512,
	}}
	get := func(ctx context.Context, request *mcp.CallToolRequest, in input) (*mcp.CallToolResult, output, error) {
		url := fmt.Sprintf("%s/apis/coder.com/v1alpha1/namespaces/%s/coderworkspaces/%s", kube, in.Namespace, in.Name)
		ask, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, output{}, err
		}
		ask.Header.Set("Authorization", request.Extra.Header.Get("Authorization"))
		answer, err := client.Do(ask)
		if err != nil {
			return nil, output{}, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, output{}, fmt.Errorf("kube-apiserver answered %s", answer.Status)
		}
		var seen object
		if err := json.NewDecoder(answer.Body).Decode(&seen); err != nil {
			return nil, output{}, err
		}
		return nil, output{summary{seen.Metadata.Name, seen.Metadata.Namespace, seen.Spec.Running, seen.Status.AutoShutdown}}, nil
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "reference", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "get_workspace", Description: "Get a CoderWorkspace resource by namespace and name."}, get)
	handler := mcp.NewStreamableHTTPHandler(
		func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true},
	)
	http.Handle("/mcp", handler)
	panic(http.ListenAndServe(address, nil))
}
