//! From birth to death: imported, adopted, renamed, restored, lost and deleted, on either side.

mod adopt;
mod crds;
mod deletion;
mod import;
mod lost;
mod mass_deletion;
mod names;
mod older;
mod pause;
mod rename;
mod restore;
mod retain;
mod waking;
