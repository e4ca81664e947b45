package main

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
)

// Every verb of the dynamic and of the metadata client, with the errors that programs tell apart.
func useDynamic(ctx context.Context, stage stage) error {
	client, err := dynamic.NewForConfig(stage.config)
	if err != nil {
		return err
	}
	objects := client.Resource(workspaces).Namespace(stage.namespace)
	for _, part := range []func() error{
		func() error { return step("discovery", mapped(stage)) },
		func() error { return step("writes", writes(ctx, objects)) },
		func() error { return step("patches", patches(ctx, objects)) },
		func() error { return step("errors", refusals(ctx, objects)) },
		func() error { return step("lists", lists(ctx, objects)) },
		func() error { return step("watch", watches(ctx, objects)) },
		func() error { return step("metadata", metadataOnly(ctx, stage)) },
		func() error { return step("deletion", deletions(ctx, objects)) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// A RESTMapper, as controllers have one, finds the kinds.
func mapped(stage stage) error {
	client, err := discovery.NewDiscoveryClientForConfig(stage.config)
	if err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(client)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for kind, resource := range map[string]schema.GroupVersionResource{
		"CoderWorkspace": workspaces, "CoderTemplate": templates,
	} {
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: old.Group, Kind: kind}, old.Version)
		if err != nil {
			return err
		}
		if err := expect(mapping.Resource == resource && mapping.Scope.Name() == "namespace",
			"%s is mapped to %v", kind, mapping); err != nil {
			return err
		}
	}
	return nil
}

func writes(ctx context.Context, objects dynamic.ResourceInterface) error {
	made, err := objects.Create(ctx, workspace(old, "one"), metav1.CreateOptions{FieldManager: "maker"})
	if err != nil {
		return step("create", err)
	}
	if err := checkOld(made); err != nil {
		return step("create", err)
	}
	got, err := objects.Get(ctx, made.GetName(), metav1.GetOptions{})
	if err != nil {
		return step("get", err)
	}
	if err := expect(got.GetUID() == made.GetUID() && len(got.GetManagedFields()) == 1 &&
		got.GetManagedFields()[0].Manager == "maker", "get: %v instead of %v", got, made); err != nil {
		return err
	}
	unstructured.SetNestedField(got.Object, true, "spec", "running")
	updated, err := objects.Update(ctx, got, metav1.UpdateOptions{})
	if err != nil {
		return step("update", err)
	}
	running, _, _ := unstructured.NestedBool(updated.Object, "spec", "running")
	if err := expect(running && updated.GetGeneration() == 2 && len(updated.GetManagedFields()) == 2,
		"update: %v", updated); err != nil {
		return err
	}
	unstructured.SetNestedField(updated.Object, "somebody", "status", "ownerName")
	unstructured.SetNestedField(updated.Object, false, "spec", "running")
	status, err := objects.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err != nil {
		return step("update status", err)
	}
	running, _, _ = unstructured.NestedBool(status.Object, "spec", "running")
	owner, _, _ := unstructured.NestedString(status.Object, "status", "ownerName")
	return expect(running && owner == "somebody" && status.GetGeneration() == 2, "update status: %v", status)
}

func patches(ctx context.Context, objects dynamic.ResourceInterface) error {
	name := "coder.owner.one"
	for kind, body := range map[types.PatchType]string{
		types.MergePatchType: `{"apiVersion":"aggregation.coder.com/v1alpha1","metadata":{"labels":{"merge":"1"}}}`,
		types.JSONPatchType: `[{"op":"test","path":"/apiVersion","value":"aggregation.coder.com/v1alpha1"},` +
			`{"op":"add","path":"/metadata/labels/json","value":"1"}]`,
	} {
		patched, err := objects.Patch(ctx, name, kind, []byte(body), metav1.PatchOptions{})
		if err != nil {
			return step(string(kind), err)
		}
		if err := checkOld(patched); err != nil {
			return step(string(kind), err)
		}
	}
	_, err := objects.Patch(ctx, name, types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
	if err := expect(errors.IsUnsupportedMediaType(err), "strategic merge patch: %v", err); err != nil {
		return err
	}
	applied, err := objects.Apply(ctx, "coder.owner.two", workspace(old, "two"), metav1.ApplyOptions{FieldManager: "applier"})
	if err != nil {
		return step("apply", err)
	}
	if err := checkOld(applied); err != nil {
		return step("apply", err)
	}
	other := workspace(old, "two")
	other.SetLabels(map[string]string{"made": "elsewhere"})
	_, err = objects.Apply(ctx, "coder.owner.two", other, metav1.ApplyOptions{FieldManager: "rival"})
	if err := expect(errors.IsConflict(err), "rival apply: %v", err); err != nil {
		return err
	}
	forced, err := objects.Apply(ctx, "coder.owner.two", other, metav1.ApplyOptions{FieldManager: "rival", Force: true})
	if err != nil {
		return step("forced apply", err)
	}
	return expect(forced.GetLabels()["made"] == "elsewhere", "forced apply: %v", forced)
}

// The errors that programs tell apart.
func refusals(ctx context.Context, objects dynamic.ResourceInterface) error {
	_, err := objects.Create(ctx, workspace(old, "one"), metav1.CreateOptions{})
	if err := expect(errors.IsAlreadyExists(err), "create again: %v", err); err != nil {
		return err
	}
	_, err = objects.Get(ctx, "coder.owner.none", metav1.GetOptions{})
	status, _ := err.(errors.APIStatus)
	if err := expect(errors.IsNotFound(err) && status.Status().Details.Group == old.Group, "get missing: %v", err); err != nil {
		return err
	}
	stale := workspace(old, "one")
	stale.SetResourceVersion("1")
	_, err = objects.Update(ctx, stale, metav1.UpdateOptions{})
	if err := expect(errors.IsConflict(err), "update of a stale object: %v", err); err != nil {
		return err
	}
	wrong := workspace(old, "wrong")
	unstructured.SetNestedField(wrong.Object, "many", "spec", "ttlMillis")
	_, err = objects.Create(ctx, wrong, metav1.CreateOptions{})
	return expect(errors.IsInvalid(err), "create of something invalid: %v", err)
}

func lists(ctx context.Context, objects dynamic.ResourceInterface) error {
	for number := range 5 {
		if _, err := objects.Create(ctx, workspace(old, fmt.Sprintf("page-%d", number)), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	options := metav1.ListOptions{LabelSelector: "made=here", Limit: 2}
	seen := map[string]bool{}
	for {
		page, err := objects.List(ctx, options)
		if err != nil {
			return err
		}
		if err := expect(page.GetAPIVersion() == old.String() && page.GetKind() == "CoderWorkspaceList" &&
			len(page.Items) <= 2, "page: %v", page); err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := checkOld(&item); err != nil {
				return err
			}
			seen[item.GetName()] = true
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	return expect(len(seen) == 6, "six have the label, not %v", seen)
}

func watches(ctx context.Context, objects dynamic.ResourceInterface) error {
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	watcher, err := objects.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion(), AllowWatchBookmarks: true})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	if _, err := objects.Create(ctx, workspace(old, "seen"), metav1.CreateOptions{}); err != nil {
		return err
	}
	body := []byte(`{"spec":{"running":true}}`)
	if _, err := objects.Patch(ctx, "coder.owner.seen", types.MergePatchType, body, metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := objects.Delete(ctx, "coder.owner.seen", metav1.DeleteOptions{}); err != nil {
		return err
	}
	for _, wanted := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
		event, err := next(ctx, watcher)
		if err != nil {
			return step(string(wanted), err)
		}
		object, _ := event.Object.(*unstructured.Unstructured)
		if err := expect(event.Type == wanted && object.GetName() == "coder.owner.seen",
			"%s instead of %s: %v", event.Type, wanted, event.Object); err != nil {
			return err
		}
		if err := checkOld(object); err != nil {
			return err
		}
	}
	return nil
}

// The next event that is no bookmark.
func next(ctx context.Context, watcher watch.Interface) (watch.Event, error) {
	for {
		select {
		case <-ctx.Done():
			return watch.Event{}, ctx.Err()
		case event, open := <-watcher.ResultChan():
			if !open {
				return event, fmt.Errorf("the watch ended")
			}
			if event.Type != watch.Bookmark {
				return event, nil
			}
		}
	}
}

// As the garbage collector and the namespace controller see objects: protobuf is what they like best.
func metadataOnly(ctx context.Context, stage stage) error {
	client, err := metadata.NewForConfig(stage.config)
	if err != nil {
		return err
	}
	objects := client.Resource(workspaces).Namespace(stage.namespace)
	list, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return step("list", err)
	}
	if err := expect(len(list.Items) == 7, "list: %v", list); err != nil {
		return err
	}
	one, err := objects.Get(ctx, "coder.owner.one", metav1.GetOptions{})
	if err != nil {
		return step("get", err)
	}
	for _, fields := range one.ManagedFields {
		if err := expect(fields.APIVersion == old.String(), "managed fields of %s", fields.APIVersion); err != nil {
			return err
		}
	}
	patch := []byte(`{"metadata":{"annotations":{"metadata":"only"}}}`)
	patched, err := objects.Patch(ctx, "coder.owner.one", types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return step("patch", err)
	}
	if err := expect(patched.Annotations["metadata"] == "only", "patch: %v", patched); err != nil {
		return err
	}
	_, err = objects.Patch(ctx, "coder.owner.one", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if err := expect(errors.IsUnsupportedMediaType(err), "the collector falls back on 415 only: %v", err); err != nil {
		return err
	}
	_, err = objects.Get(ctx, "coder.owner.none", metav1.GetOptions{})
	return expect(errors.IsNotFound(err), "get missing: %v", err)
}

func deletions(ctx context.Context, objects dynamic.ResourceInterface) error {
	one, err := objects.Get(ctx, "coder.owner.one", metav1.GetOptions{})
	if err != nil {
		return err
	}
	wrong := types.UID("00000000-0000-0000-0000-000000000000")
	err = objects.Delete(ctx, one.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrong}})
	if err := expect(errors.IsConflict(err), "delete of another object: %v", err); err != nil {
		return err
	}
	uid, background := one.GetUID(), metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background}
	if err := objects.Delete(ctx, one.GetName(), options); err != nil {
		return step("delete", err)
	}
	if _, err := objects.Get(ctx, one.GetName(), metav1.GetOptions{}); !errors.IsNotFound(err) {
		return fmt.Errorf("it is there after its deletion: %v", err)
	}
	err = objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "made=here"})
	if err != nil {
		return step("delete collection", err)
	}
	left, err := objects.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	return expect(len(left.Items) == 1 && left.Items[0].GetName() == "coder.owner.two", "left are %v", left.Items)
}
