//! The values of one metric, oldest first, with the least and the greatest of each stretch of
//! them, so that how long something has held is found without walking a long series.

use std::collections::{VecDeque, vec_deque};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) seconds: f64,
    pub(super) value: f64,
}

/// How many values a stretch has.
const STRETCH: usize = 64;

#[derive(Default)]
pub(super) struct Points {
    all: VecDeque<Point>,
    /// The least and the greatest value of each stretch. Of the first, values may be gone.
    ranges: VecDeque<(f64, f64)>,
    /// How many values of the first stretch are gone.
    gone: usize,
}

impl Points {
    pub(super) fn push(&mut self, point: Point) {
        if (self.gone + self.all.len()).is_multiple_of(STRETCH) {
            self.ranges.push_back((f64::INFINITY, f64::NEG_INFINITY));
        }
        if let Some((least, greatest)) = self.ranges.back_mut() {
            *least = least.min(point.value);
            *greatest = greatest.max(point.value);
            if point.value.is_nan() {
                // No line has all of these on one side.
                (*least, *greatest) = (f64::NEG_INFINITY, f64::INFINITY);
            }
        }
        self.all.push_back(point);
    }

    /// Drops as many of the oldest values.
    pub(super) fn drop_oldest(&mut self, count: usize) {
        self.all.drain(..count);
        self.gone += count;
        let stretches = (self.gone / STRETCH).min(self.ranges.len());
        self.ranges.drain(..stretches);
        self.gone %= STRETCH;
    }

    pub(super) fn shrink(&mut self) {
        self.all.shrink_to_fit();
        self.ranges.shrink_to_fit();
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn oldest(&self) -> Option<&Point> {
        self.all.front()
    }

    /// How many were measured up to an instant.
    pub(super) fn count_until(&self, now: f64) -> usize {
        // Mostly all: only a question about a moment that is past looks for its place.
        match self.all.back() {
            Some(newest) if newest.seconds <= now => self.all.len(),
            _ => self.all.partition_point(|point| point.seconds <= now),
        }
    }

    /// The oldest so many.
    pub(super) fn first(&self, count: usize) -> vec_deque::Iter<'_, Point> {
        self.all.range(..count)
    }

    /// For how many seconds the values before `end` have all been `beyond` a line, which says
    /// of a value whether it is on one side of it.
    pub(super) fn held(&self, end: usize, beyond: impl Fn(f64) -> bool) -> f64 {
        let mut first = end;
        while first > 0 {
            let place = self.gone + first;
            let range = (place.is_multiple_of(STRETCH) && first >= STRETCH)
                .then(|| self.ranges[place / STRETCH - 1]);
            if range.is_some_and(|(least, greatest)| beyond(least) && beyond(greatest)) {
                first -= STRETCH;
            } else if beyond(self.all[first - 1].value) {
                first -= 1;
            } else {
                break;
            }
        }
        if first == end {
            return 0.0;
        }
        self.all[end - 1].seconds - self.all[first].seconds
    }

    /// Bytes that the values take.
    pub(super) fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<Point>() + self.ranges.capacity() * size_of::<(f64, f64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Points};

    /// How long the values before `end` have been over 0.5, one by one.
    fn walked(points: &Points, end: usize) -> f64 {
        let last = points.all[end - 1].seconds;
        let mut held = 0.0;
        for point in points.first(end).rev().take_while(|p| p.value > 0.5) {
            held = last - point.seconds;
        }
        held
    }

    #[test]
    fn what_has_held_is_found_as_by_walking_however_much_is_gone() {
        // Long stretches on one side and short ones, by a sequence that looks like chance.
        let mut state = 7_u64;
        let mut points = Points::default();
        let mut value = 1.0;
        for number in 0..3000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            if state >> 57 == 0 {
                value = 1.0 - value;
            }
            let seconds = f64::from(number);
            points.push(Point { seconds, value });
            if number % 5 == 0 && number > 1000 {
                points.drop_oldest((state >> 61) as usize);
            }
            for end in [points.len(), points.len() / 2 + 1] {
                let found = points.held(end, |value| value > 0.5);
                assert_eq!(found, walked(&points, end), "{number} {end}");
            }
        }
        assert!(points.ranges.len() <= points.len() / super::STRETCH + 2);
    }

    #[test]
    fn all_may_go_and_others_come() {
        let mut points = Points::default();
        for round in 0..5 {
            for number in 0..100 {
                let seconds = f64::from(round * 100 + number);
                points.push(Point {
                    seconds,
                    value: 1.0,
                });
            }
            assert_eq!(points.held(points.len(), |value| value > 0.5), 99.0);
            points.drop_oldest(points.len());
            assert_eq!(points.held(0, |value| value > 0.5), 0.0);
        }
    }

    #[test]
    fn what_is_no_number_is_on_no_side() {
        let mut points = Points::default();
        for number in 0..128 {
            let value = if number == 70 { f64::NAN } else { 1.0 };
            let seconds = f64::from(number);
            points.push(Point { seconds, value });
        }
        assert_eq!(points.held(128, |value| value > 0.5), 56.0);
        assert_eq!(points.held(128, |value| value <= 1.0), 56.0);
    }
}
