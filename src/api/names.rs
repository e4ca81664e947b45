//! Every label, annotation, finalizer and field manager that this project reads or writes, and the users that
//! it knows.

/// Manager of the `spec` fields that mirror coderd.
pub const MANAGER_CODERD: &str = "coderd";
/// Manager of what the controller itself says: the origin label and `status`.
pub const MANAGER_CONTROLLER: &str = "coder-k8s";
/// Manager of the deletion policy that the aggregated API applies for its callers.
pub const MANAGER_SHIM: &str = "coder-k8s-shim";
/// Manager of the aggregated API's Secret and of the `caBundle` of its `APIService`.
pub const MANAGER_APISERVER: &str = "coder-k8s-apiserver";
/// Manager of what the MCP server writes for its callers: to declare something by it is what they mean.
pub const MANAGER_MCP: &str = "coder-k8s-mcp";
/// The managers whose applies declare nothing. Nobody else may apply under these names: an apply drops
/// what it leaves out. Whatever writes otherwise under one of them is somebody else.
pub const OWN_MANAGERS: [&str; 3] = [MANAGER_CODERD, MANAGER_CONTROLLER, MANAGER_SHIM];

/// Present while deleting the object also deletes its twin in coderd.
pub const FINALIZER: &str = "coder.com/coderd-cleanup";

/// Who made the twin: `kubernetes` or `coderd`. An object that carries it without a binding was
/// restored or copied.
pub const LABEL_ORIGIN: &str = "coder.com/origin";

/// `"true"`: nothing is written to coderd; deletion with `Retain` still works.
pub const ANNOTATION_PAUSED: &str = "coder.com/paused";
/// Any new value: reconcile now and try again what was refused; echoed in
/// `status.lastHandledReconcileAt`.
pub const ANNOTATION_RECONCILE_REQUESTED_AT: &str = "coder.com/reconcile-requested-at";
/// The id of a lost twin: make a new, empty one in its place.
pub const ANNOTATION_RECREATE: &str = "coder.com/recreate";
/// What a suspended deletion names, its number and time: it is meant, and goes on.
pub const ANNOTATION_CONFIRM_DELETIONS: &str = "coder.com/confirm-deletions";
/// The name of a version that was built under `promotion: Manual`: it is promoted, once.
pub const ANNOTATION_PROMOTE_VERSION: &str = "coder.com/promote-version";
/// On the `APIService`: `"false"`: its `caBundle` is left alone.
pub const ANNOTATION_MANAGE_CA_BUNDLE: &str = "coder.com/manage-ca-bundle";

/// The Secret, beside the controller, with the key under which values of variables are digested.
pub const VARIABLES_KEY_SECRET: &str = "coder-k8s-variables-key";

/// The name of the control plane that is given by flags.
pub const STATIC_CONTROL_PLANE: &str = "static";

/// Users by whose name the controllers of Kubernetes itself delete an object because of another one.
/// Others in `kube-system` mean what they delete.
pub const SYSTEM_CONTROLLERS: [&str; 4] = [
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
    "system:serviceaccount:kube-system:ttl-after-finished-controller",
    // All of them, where each has no account of its own.
    "system:kube-controller-manager",
];
