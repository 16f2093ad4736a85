//! Programs, and how they are made.

pub(super) const PLACES: usize = 6;

/// What a waker does, once, when something is done to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Nothing,
    Start(usize, usize),
    Poll(usize),
    End(usize),
    Do(usize),
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Acts {
    pub(super) cloned: Act,
    pub(super) called: Act,
    pub(super) dropped: Act,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Somebody comes, to a place and for something. Who was in the place goes.
    Start(usize, usize, Acts),
    Poll(usize, Acts),
    /// The next one who was called is polled.
    Next(Acts),
    End(usize),
    Do(usize),
}

pub(super) const PLAIN: Acts = Acts { cloned: Act::Nothing, called: Act::Nothing, dropped: Act::Nothing };

/// A generator of numbers: splitmix64.
pub(super) struct Maker(u64);

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }

    /// A rig, and what to do with it.
    pub(super) fn program(seed: u64, rigs: usize) -> (usize, Vec<Op>) {
        let mut maker = Maker(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let which = maker.below(rigs);
        let steps = 3 + maker.below(30);
        (which, (0..steps).map(|_| maker.op()).collect())
    }

    fn op(&mut self) -> Op {
        let place = self.below(PLACES);
        match self.below(16) {
            0..=5 => Op::Start(place, self.below(60), self.acts()),
            6 | 7 => Op::Poll(place, self.acts()),
            8 | 9 => Op::Next(self.acts()),
            10 => Op::End(place),
            _ => Op::Do(self.below(60)),
        }
    }

    fn acts(&mut self) -> Acts {
        Acts { cloned: self.act(), called: self.act(), dropped: self.act() }
    }

    fn act(&mut self) -> Act {
        match self.below(20) {
            0 => Act::Start(self.below(PLACES), self.below(60)),
            1 => Act::Poll(self.below(PLACES)),
            2 => Act::End(self.below(PLACES)),
            3 | 4 => Act::Do(self.below(60)),
            5 => Act::Panic,
            _ => Act::Nothing,
        }
    }
}

pub(super) fn plainer(op: Op) -> Vec<Op> {
    let with = |acts| match op {
        Op::Start(place, what, _) => Op::Start(place, what, acts),
        Op::Poll(place, _) => Op::Poll(place, acts),
        Op::Next(_) => Op::Next(acts),
        other => other,
    };
    let (Op::Start(.., acts) | Op::Poll(_, acts) | Op::Next(acts)) = op else { return Vec::new() };
    let (cloned, called, dropped) = (Act::Nothing, Act::Nothing, Act::Nothing);
    let two = [Acts { cloned, called, ..acts }, Acts { cloned, dropped, ..acts }, Acts { called, dropped, ..acts }];
    let one = [Acts { cloned, ..acts }, Acts { called, ..acts }, Acts { dropped, ..acts }];
    // The plainest last: it is kept if it still goes wrong.
    one.into_iter().chain(two).chain([PLAIN]).map(with).collect()
}
