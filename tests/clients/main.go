// Clients of aggregation.coder.com/v1alpha1, as its users have them: each does its verbs, checks what it
// is told, and ends with status 1 and a sentence at the first thing that is not as it should be.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	old        = schema.GroupVersion{Group: "aggregation.coder.com", Version: "v1alpha1"}
	stored     = schema.GroupVersion{Group: "coder.com", Version: "v1alpha1"}
	workspaces = old.WithResource("coderworkspaces")
	templates  = old.WithResource("codertemplates")
)

// How long a program may take altogether.
const patience = 8 * time.Minute

// What a program is given.
type stage struct {
	config    *rest.Config
	namespace string
	breaks    bool
}

func main() {
	programs := map[string]func(context.Context, stage) error{
		"dynamic":  useDynamic,
		"informer": useInformer,
		"lease":    standForElection,
	}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fail(fmt.Errorf("say dynamic, informer or lease"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "who asks whom")
	namespace := flags.String("namespace", "", "an empty namespace to work in")
	breaks := flags.Bool("breaks", false, "say \"break\", wait for a line, change, say \"mend\" and go on (informer)")
	flags.Parse(os.Args[2:])
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		fail(err)
	}
	config.QPS = -1
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := programs[os.Args[1]](ctx, stage{config, *namespace, *breaks}); err != nil {
		fail(err)
	}
	fmt.Println("done")
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A workspace of the given version that nobody makes in Coder.
func workspace(version schema.GroupVersion, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": version.String(),
		"kind":       "CoderWorkspace",
		"metadata":   map[string]any{"name": "coder.owner." + name, "labels": map[string]any{"made": "here"}},
		"spec":       map[string]any{"organization": "coder", "templateName": "dev", "running": false},
	}}
}

// Whether everything that names a group names the old one.
func checkOld(object *unstructured.Unstructured) error {
	if found := object.GetAPIVersion(); found != old.String() {
		return fmt.Errorf("%s has the version %s", object.GetName(), found)
	}
	for _, fields := range object.GetManagedFields() {
		if fields.APIVersion != old.String() {
			return fmt.Errorf("%s has managed fields of %s", object.GetName(), fields.APIVersion)
		}
	}
	return nil
}

func step(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func expect(holds bool, format string, values ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, values...)
}
