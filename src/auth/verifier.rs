//! Tries passwords. Deriving a key is slow on purpose, so right answers are remembered for a while, wrong ones are counted,
//! and few keys are derived at a time.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::lockout::Lockout;
use super::password::PasswordHash;
use crate::clock::Clock;

/// Keys that are derived at the same time: guessing must not take every processor. Of one name never more than one, so that wrong
/// guesses are counted before the next is tried.
const DERIVING_MAX: usize = 2;
/// Who waits for that, at most: guessing must not take every thread either.
const WAITING_MAX: usize = 32;
/// Who waits of one name, or from one address: others must find room.
const WAITING_ALIKE_MAX: usize = 24;
/// Right answers that are remembered.
const REMEMBERED_MAX: usize = 1_000;
/// How long a right answer is remembered after its last use.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// Why a password was not taken. The texts are CouchDB's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such name, or another password. Which of the two is not told, by words or by time.
    #[error("Name or password is incorrect.")]
    Wrong,
    /// Too many wrong guesses.
    #[error("Account is temporarily locked due to multiple authentication failures")]
    Locked,
    /// Too many sign in at the same time.
    #[error("Too many sign in at the same time; try again.")]
    Busy,
}

/// Tells credentials apart without keeping them.
type Mark = [u8; 32];

/// The keys that are being derived, and who waits.
#[derive(Debug, Default)]
struct Deriving {
    /// Whose keys.
    names: HashSet<String>,
    /// The names and addresses of those who wait.
    waiting: Vec<(String, IpAddr)>,
    /// Whether no more keys are derived: the process ends.
    has_ended: bool,
}

impl Deriving {
    fn has_place(&self, name: &str) -> bool {
        self.names.len() < DERIVING_MAX && !self.names.contains(name)
    }

    fn may_wait(&self, name: &str, from: IpAddr) -> bool {
        let of_name = self.waiting.iter().filter(|(other, _)| other == name).count();
        let of_address = self.waiting.iter().filter(|(_, other)| *other == from).count();
        self.waiting.len() < WAITING_MAX && of_name.max(of_address) < WAITING_ALIKE_MAX
    }
}

/// The right to derive a key of a name, until it is dropped.
struct Turn<'a> {
    verifier: &'a Verifier,
    name: &'a str,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.verifier.deriving).names.remove(self.name);
        self.verifier.derived.notify_all();
    }
}

/// Tries passwords; shared by all requests.
#[derive(Debug)]
pub struct Verifier {
    clock: Arc<dyn Clock>,
    /// Of this process: what is remembered is of no use to anybody else.
    key: [u8; 16],
    /// What passwords are usually derived with.
    iterations: AtomicU32,
    known: Mutex<HashMap<Mark, Duration>>,
    lockout: Mutex<Lockout>,
    deriving: Mutex<Deriving>,
    derived: Condvar,
}

impl Verifier {
    /// `iterations` is what passwords are usually derived with here.
    pub fn new(clock: Arc<dyn Clock>, iterations: u32) -> Self {
        let key = clock.unique_id().to_be_bytes();
        Self {
            clock,
            key,
            iterations: AtomicU32::new(iterations.max(1)),
            known: Mutex::default(),
            lockout: Mutex::default(),
            deriving: Mutex::default(),
            derived: Condvar::new(),
        }
    }

    /// The rounds that new passwords are derived with.
    pub fn iterations(&self) -> u32 {
        self.iterations.load(Ordering::Relaxed)
    }

    /// Sets the rounds that new passwords are derived with, 1 or more.
    pub fn set_iterations(&self, iterations: u32) {
        self.iterations.store(iterations.max(1), Ordering::Relaxed);
    }

    /// Stands in for the hash of a name that does not exist, so that finding that out takes as long.
    fn decoy(&self) -> PasswordHash {
        let (key, rounds) = ("00".repeat(32), self.iterations());
        let decoy = PasswordHash::parse_line(&format!("-pbkdf2:sha256-{key},decoy,{rounds}"));
        decoy.unwrap_or_else(|| PasswordHash::derive("", "decoy".to_owned(), 1))
    }

    /// Tries a password against the hash of `name`; `None` when nobody has the name. Blocks while a key is derived. A wrong password
    /// takes at least as long as a hash of the usual rounds, whatever the name's hash is.
    pub fn check(
        &self,
        name: &str,
        hash: Option<&PasswordHash>,
        password: &str,
        from: IpAddr,
    ) -> Result<(), Refused> {
        self.check_lock(name, from)?;
        let decoy = self.decoy();
        let tried = hash.unwrap_or(&decoy);
        let mark = self.mark(name, tried, password);
        if hash.is_some() && self.remembers(&mark) {
            return Ok(());
        }
        let _turn = self.take_turn(name, from)?;
        // What was found out while this one waited: the same password by another connection, wrong guesses by others.
        if hash.is_some() && self.remembers(&mark) {
            return Ok(());
        }
        self.check_lock(name, from)?;
        if tried.matches(password) && hash.is_some() {
            lock(&self.lockout).forgive(name, from);
            self.remember(mark);
            return Ok(());
        }
        tried.make_up(password, self.iterations());
        lock(&self.lockout).note(name, from, self.clock.monotonic());
        Err(Refused::Wrong)
    }

    /// Derives the hash of a new password of `name`, in a turn of its own as every key.
    ///
    /// # Errors
    /// [`Refused::Busy`].
    pub fn derive(
        &self,
        name: &str,
        password: &str,
        salt: String,
        from: IpAddr,
    ) -> Result<PasswordHash, Refused> {
        let _turn = self.take_turn(name, from)?;
        Ok(PasswordHash::derive(password, salt, self.iterations()))
    }

    fn check_lock(&self, name: &str, from: IpAddr) -> Result<(), Refused> {
        let is_locked = lock(&self.lockout).is_locked(name, from, self.clock.monotonic());
        if is_locked { Err(Refused::Locked) } else { Ok(()) }
    }

    /// Waits until a key of this name may be derived.
    fn take_turn<'a>(&'a self, name: &'a str, from: IpAddr) -> Result<Turn<'a>, Refused> {
        let mut deriving = lock(&self.deriving);
        if !deriving.has_place(name) {
            if !deriving.may_wait(name, from) {
                return Err(Refused::Busy);
            }
            deriving.waiting.push((name.to_owned(), from));
            while !deriving.has_place(name) && !deriving.has_ended {
                deriving = self.derived.wait(deriving).unwrap_or_else(PoisonError::into_inner);
            }
            let place =
                deriving.waiting.iter().position(|(other, at)| other == name && *at == from);
            place.map(|place| deriving.waiting.swap_remove(place));
        }
        if deriving.has_ended {
            return Err(Refused::Busy);
        }
        deriving.names.insert(name.to_owned());
        Ok(Turn { verifier: self, name })
    }

    /// Derives no more keys: who waits is refused, who comes too.
    pub fn end(&self) {
        lock(&self.deriving).has_ended = true;
        self.derived.notify_all();
    }

    fn mark(&self, name: &str, hash: &PasswordHash, password: &str) -> Mark {
        // HMAC takes keys of every length.
        Hmac::<Sha256>::new_from_slice(&self.key).map_or([0; 32], |mac| {
            let mac = mac.chain_update(hash.line()).chain_update([0]).chain_update(name);
            mac.chain_update([0]).chain_update(password).finalize().into_bytes().into()
        })
    }

    fn remembers(&self, mark: &Mark) -> bool {
        let (mut known, now) = (lock(&self.known), self.clock.monotonic());
        match known.get_mut(mark) {
            Some(used) if now.saturating_sub(*used) < REMEMBERED => {
                *used = now;
                true
            }
            _ => false,
        }
    }

    fn remember(&self, mark: Mark) {
        let (mut known, now) = (lock(&self.known), self.clock.monotonic());
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, used| now.saturating_sub(*used) < REMEMBERED);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(mark, now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_right_password_is_remembered_but_not_for_another_hash() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let verifier = Verifier::new(clock.clone(), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 1);
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
        let changed = PasswordHash::derive("other", "a".to_owned(), 1);
        assert_eq!(verifier.check("ann", Some(&changed), "pass", HOME), Err(Refused::Wrong));
    }

    #[test]
    fn guessing_locks_even_the_right_password_out_for_a_while() {
        let clock = Arc::new(ManualClock::starting_at(0));
        let verifier = Verifier::new(clock.clone(), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 1);
        for _ in 0..5 {
            assert_eq!(verifier.check("ann", Some(&hash), "guess", HOME), Err(Refused::Wrong));
        }
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Err(Refused::Locked));
        clock.advance(Duration::from_secs(5 * 60));
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
    }

    const PARALLEL: usize = 20;

    fn together(
        verifier: &Verifier,
        hash: Option<&PasswordHash>,
        name: &str,
    ) -> Vec<Result<(), Refused>> {
        std::thread::scope(|scope| {
            let guess = |number: usize| {
                scope.spawn(move || verifier.check(name, hash, &format!("guess{number}"), HOME))
            };
            let guesses: Vec<_> = (0..PARALLEL).map(guess).collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
        })
    }

    #[test]
    fn of_many_guesses_at_once_five_are_tried() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 2_000);
        for (name, hash) in [("ann", Some(&hash)), ("nobody", None)] {
            let outcomes = together(&verifier, hash, name);
            let wrong = outcomes.iter().filter(|outcome| **outcome == Err(Refused::Wrong)).count();
            let locked =
                outcomes.iter().filter(|outcome| **outcome == Err(Refused::Locked)).count();
            assert_eq!((wrong, locked), (5, PARALLEL - 5), "{name}");
        }
    }

    #[test]
    fn the_same_credentials_at_the_same_time_are_all_taken() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        let hash = PasswordHash::derive("pass", "a".to_owned(), 20_000);
        std::thread::scope(|scope| {
            let check = || verifier.check("ann", Some(&hash), "pass", HOME);
            let good: Vec<_> = (0..PARALLEL).map(|_| scope.spawn(check)).collect();
            for good in good {
                assert_eq!(good.join().unwrap(), Ok(()));
            }
        });
    }

    #[test]
    fn a_flood_at_one_name_or_from_one_address_leaves_room_for_others() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        let other = IpAddr::from([10, 0, 0, 1]);
        let mut deriving = lock(&verifier.deriving);
        deriving.names.extend(["ann".to_owned(), "bob".to_owned()]);
        deriving.waiting.extend((0..WAITING_ALIKE_MAX).map(|_| ("ann".to_owned(), HOME)));
        assert!(!deriving.may_wait("ann", other) && !deriving.may_wait("eve", HOME));
        assert!(deriving.may_wait("eve", other));
        drop(deriving);
        assert_eq!(verifier.check("eve", None, "guess", HOME), Err(Refused::Busy));
        let hash = PasswordHash::derive("pass", "a".to_owned(), 1);
        verifier.remember(verifier.mark("ann", &hash, "pass"));
        assert_eq!(verifier.check("ann", Some(&hash), "pass", HOME), Ok(()));
    }

    #[test]
    fn who_waits_when_the_process_ends_waits_no_longer() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        lock(&verifier.deriving).names.insert("ann".to_owned());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| verifier.check("ann", None, "guess", HOME));
            verifier.end();
            assert_eq!(waiting.join().unwrap(), Err(Refused::Busy));
        });
        let derived = verifier.derive("ann", "stone", "salt".to_owned(), HOME);
        assert_eq!(derived, Err(Refused::Busy));
        assert_eq!(verifier.check("bob", None, "guess", HOME), Err(Refused::Busy));
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_like_a_wrong_password() {
        let verifier = Verifier::new(Arc::new(ManualClock::starting_at(0)), 1);
        assert_eq!(verifier.check("nobody", None, "", HOME), Err(Refused::Wrong));
    }
}
