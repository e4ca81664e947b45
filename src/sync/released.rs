//! Why a terminating object is let go whatever its deletion policy says.

/// Why objects are let go whatever their deletion policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Released {
    /// The CRD is being removed, which takes nothing away in coderd.
    KindIsGoing,
    /// The control plane that the object belongs to is gone for good.
    ControlPlaneIsGone {
        /// Its name.
        name: String,
        /// How many other objects belong to it.
        others: usize,
    },
}
