package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// What an informer has told, by the name of the object.
type heard struct {
	lock    sync.Mutex
	added   map[string]int
	changed map[string]string
	deleted map[string]int
	wrong   error
}

func (heard *heard) note(object any, note func(*unstructured.Unstructured)) {
	heard.lock.Lock()
	defer heard.lock.Unlock()
	if unknown, is := object.(cache.DeletedFinalStateUnknown); is {
		object = unknown.Obj
	}
	seen := object.(*unstructured.Unstructured)
	if err := checkOld(seen); err != nil && heard.wrong == nil {
		heard.wrong = err
	}
	note(seen)
}

func (heard *heard) handler() cache.ResourceEventHandlerFuncs {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			heard.note(object, func(seen *unstructured.Unstructured) { heard.added[seen.GetName()]++ })
		},
		UpdateFunc: func(_, object any) {
			heard.note(object, func(seen *unstructured.Unstructured) { heard.changed[seen.GetName()] = seen.GetLabels()["round"] })
		},
		DeleteFunc: func(object any) {
			heard.note(object, func(seen *unstructured.Unstructured) { heard.deleted[seen.GetName()]++ })
		},
	}
}

// Objects are changed in the stored group, seen in the old one: nothing is lost, also not while the
// server of the old group is away.
func useInformer(ctx context.Context, stage stage) error {
	client, err := dynamic.NewForConfig(stage.config)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, stage.namespace, nil)
	informer := factory.ForResource(workspaces).Informer()
	heard := &heard{added: map[string]int{}, changed: map[string]string{}, deleted: map[string]int{}}
	if _, err := informer.AddEventHandler(heard.handler()); err != nil {
		return err
	}
	informing, stop := context.WithCancel(ctx)
	defer func() { stop(); factory.Shutdown() }()
	factory.Start(informing.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return fmt.Errorf("the informer never synced")
	}
	objects := client.Resource(stored.WithResource("coderworkspaces")).Namespace(stage.namespace)
	if err := round(ctx, objects, heard, informer.GetStore(), "first", func() error { return nil }); err != nil {
		return err
	}
	if !stage.breaks {
		return nil
	}
	lines := bufio.NewScanner(os.Stdin)
	fmt.Println("break")
	if !lines.Scan() {
		return fmt.Errorf("nobody said that the server is gone")
	}
	mend := func() error { fmt.Println("mend"); return nil }
	if err := round(ctx, objects, heard, informer.GetStore(), "second", mend); err != nil {
		return err
	}
	return round(ctx, objects, heard, informer.GetStore(), "third", func() error { return nil })
}

// Makes, changes and deletes, lets the other side go on, and waits until all of it was heard.
func round(ctx context.Context, objects dynamic.ResourceInterface, heard *heard, store cache.Store, name string, after func() error) error {
	const count = 6
	for number := range count {
		object := workspace(stored, fmt.Sprintf("%s-%d", name, number))
		if _, err := objects.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	// Those of earlier rounds too: a change of what is known already.
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{"round":%q}}}`, name)
	for _, object := range list.Items {
		if _, err := objects.Patch(ctx, object.GetName(), types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	gone := list.Items[0].GetName()
	if err := objects.Delete(ctx, gone, metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err := after(); err != nil {
		return err
	}
	return settled(ctx, objects, heard, store, name, gone)
}

// Waits until everything was heard exactly once, and the store is what the stored group has.
func settled(ctx context.Context, objects dynamic.ResourceInterface, heard *heard, store cache.Store, round, gone string) error {
	// As long as it takes: whoever waits for this program knows when to give up.
	var problem error
	wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		list, err := objects.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		problem = compare(list.Items, heard, store, round, gone)
		return problem == nil, nil
	})
	return step("round "+round, problem)
}

func compare(items []unstructured.Unstructured, heard *heard, store cache.Store, round, gone string) error {
	heard.lock.Lock()
	defer heard.lock.Unlock()
	if heard.wrong != nil {
		return heard.wrong
	}
	if err := expect(heard.deleted[gone] == 1, "%s was heard to be deleted %d times", gone, heard.deleted[gone]); err != nil {
		return err
	}
	for name, times := range heard.added {
		if err := expect(times == 1, "%s was heard to be made %d times", name, times); err != nil {
			return err
		}
	}
	if err := expect(len(store.List()) == len(items), "%d are stored, %d known", len(items), len(store.List())); err != nil {
		return err
	}
	for _, item := range items {
		known, is, _ := store.GetByKey(item.GetNamespace() + "/" + item.GetName())
		if !is {
			return fmt.Errorf("%s is not known", item.GetName())
		}
		version := known.(*unstructured.Unstructured).GetResourceVersion()
		if err := expect(version == item.GetResourceVersion() && heard.added[item.GetName()] == 1 &&
			known.(*unstructured.Unstructured).GetLabels()["round"] == round,
			"%s is known at %s, not %s", item.GetName(), version, item.GetResourceVersion()); err != nil {
			return err
		}
	}
	return nil
}
