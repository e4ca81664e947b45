//! The whole program between a real kube-apiserver and a real coderd, used as people use it.

mod coder;
mod lifecycle;
mod ownership;
mod scene;
mod template;
mod workspace;
