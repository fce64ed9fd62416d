//! What is shared while somebody uses it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// A place for one value, kept while somebody waits for it to be made or holds it.
struct Place<V>(Mutex<Weak<V>>);

/// Values by what they were made of. It holds weak references: the last user of a value frees it.
///
/// Every method may be called from any thread.
pub struct Registry<K, V> {
    places: Mutex<Vec<(K, Arc<Place<V>>)>>,
}

impl<K: PartialEq, V> Registry<K, V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            places: Mutex::new(Vec::new()),
        }
    }

    /// The value of this key, which `make` makes where nobody has one. Who asks for the same one
    /// meanwhile waits for it; who asks for another one does not.
    ///
    /// # Errors
    /// Those of `make`; who waited tries anew.
    pub fn get_or_make<E>(&self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let place = self.place(key);
        let mut value = lock(&place.0);
        if let Some(value) = value.upgrade() {
            return Ok(value);
        }
        let made = Arc::new(make()?);
        *value = Arc::downgrade(&made);
        Ok(made)
    }

    fn place(&self, key: K) -> Arc<Place<V>> {
        let mut places = lock(&self.places);
        // Nobody else can take a place up while these are locked. One whose value is being made,
        // or waited for, has a second holder.
        places.retain(|(other, place)| {
            *other == key || Arc::strong_count(place) > 1 || lock(&place.0).strong_count() > 0
        });
        if let Some((_, place)) = places.iter().find(|(other, _)| *other == key) {
            return place.clone();
        }
        let place = Arc::new(Place(Mutex::new(Weak::new())));
        places.push((key, place.clone()));
        place
    }

    /// How many values there are, and places for those that are being made.
    pub fn len(&self) -> usize {
        let places = lock(&self.places);
        let is_used = |place: &Arc<Place<V>>| {
            Arc::strong_count(place) > 1 || lock(&place.0).strong_count() > 0
        };
        places.iter().filter(|(_, place)| is_used(place)).count()
    }

    /// Whether nobody uses anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: PartialEq, V> Default for Registry<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
