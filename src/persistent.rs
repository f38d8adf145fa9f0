//! Persistent maps for what is small and versioned: module tables, tokens,
//! settings. The only door of `im` (its maintained fork `imbl`).

/// A map whose clones cost O(1) and never see each other's changes.
pub(crate) type Map<K, V> = im::HashMap<K, V>;

/// A sorted map whose clones cost O(1) and never see each other's changes.
pub(crate) type SortedMap<K, V> = im::OrdMap<K, V>;
