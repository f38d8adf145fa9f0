//! What the HTTP front measures about its requests.
