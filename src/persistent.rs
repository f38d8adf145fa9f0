//! Persistent maps for what is small and versioned: module tables, tokens,
//! settings, names as code is made. The only door of `im` (its maintained fork `imbl`).

/// A map whose clones cost O(1) and never see each other's changes.
pub(crate) type Map<K, V> = im::HashMap<K, V>;

/// As [`Map`], of keys that no outside text chooses.
pub(crate) type FixedMap<K, V> =
    im::hashmap::GenericHashMap<K, V, foldhash::fast::FixedState, im::shared_ptr::DefaultSharedPtr>;

/// A sorted map whose clones cost O(1) and never see each other's changes.
pub(crate) type SortedMap<K, V> = im::OrdMap<K, V>;
