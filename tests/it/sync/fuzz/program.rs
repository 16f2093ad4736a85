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
    /// A panic, with which that one goes.
    Fall(usize),
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

/// A generator of numbers, splitmix64; and what there is to do in a program. Where that is little, it comes together more often.
pub(super) struct Maker(u64, Vec<usize>);

impl Maker {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }

    fn what(&mut self) -> usize {
        let which = self.below(self.1.len());
        self.1[which]
    }

    /// A rig, and what to do with it.
    pub(super) fn program(seed: u64, rigs: usize) -> (usize, Vec<Op>) {
        let mut maker = Maker(seed.wrapping_mul(0xD134_2543_DE82_EF95), (0..60).collect());
        let which = maker.below(rigs);
        if maker.below(2) == 0 {
            maker.1 = (0..2 + maker.below(6)).map(|_| maker.below(60)).collect();
        }
        let steps = 3 + maker.below(30);
        (which, (0..steps).map(|_| maker.op()).collect())
    }

    fn op(&mut self) -> Op {
        let place = self.below(PLACES);
        match self.below(16) {
            0..=5 => Op::Start(place, self.what(), self.acts()),
            6 | 7 => Op::Poll(place, self.acts()),
            8 | 9 => Op::Next(self.acts()),
            10 => Op::End(place),
            _ => Op::Do(self.what()),
        }
    }

    fn acts(&mut self) -> Acts {
        Acts { cloned: self.act(), called: self.act(), dropped: self.act() }
    }

    fn act(&mut self) -> Act {
        match self.below(20) {
            0 => Act::Start(self.below(PLACES), self.what()),
            1 => Act::Poll(self.below(PLACES)),
            2 => Act::End(self.below(PLACES)),
            3 | 4 => Act::Do(self.what()),
            5 => Act::Panic,
            6 => Act::Fall(self.below(PLACES)),
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
