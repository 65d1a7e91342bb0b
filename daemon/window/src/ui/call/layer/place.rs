//! Where the small picture is on its screen, and what hands do with it.
//!
//! Owns: its place and size, and telling a drag from a double click. Does not own: events, or drawing. Invariant:
//! it is within the screen, whole, and has the shape of its picture, whatever came.

/// From the edges at first, in logical pixels.
const MARGIN: f64 = 16.0;
/// As wide as this at first.
const WIDTH: f64 = 320.0;
/// Narrower nobody could take hold of it.
const LEAST: f64 = 96.0;
/// So near to a corner it is made larger or smaller.
const CORNER: f64 = 24.0;
/// Pictures that are flatter or narrower are cut: no camera has them.
const FLATTEST: f64 = 8.0;
/// Two presses within this are a double click (GTK's own default), ms, and within so many pixels.
const DOUBLE_MS: u32 = 400;
const STILL: f64 = 8.0;

/// A place on the screen, in logical pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// How the pointer looks: elsewhere on it, and on corners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Whole,
    Falling,
    Rising,
}

impl Look {
    /// As themes of pointers have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "default",
            Self::Falling => "nwse-resize",
            Self::Rising => "nesw-resize",
        }
    }
}

/// What is held.
#[derive(Clone, Copy, Debug)]
enum Hold {
    /// By a point so far from its corner at the upper left.
    Whole { across: f64, down: f64 },
    /// By a point so far from a corner; the one across from it stays where it is.
    Corner { off: (f64, f64), stays: (f64, f64), right: bool, lower: bool },
}

/// The picture on its screen.
#[derive(Debug)]
pub(super) struct Small {
    screen: (f64, f64),
    /// Its width by its height.
    shape: f64,
    at: (f64, f64),
    width: f64,
    hold: Option<Hold>,
    /// When and where it was pressed last, ms.
    pressed: Option<(u32, f64, f64)>,
}

impl Small {
    /// At the lower right of a screen of this size.
    pub(super) fn new(screen: (u32, u32)) -> Self {
        let (screen, width) = (size(screen), WIDTH);
        let (hold, pressed) = (None, None);
        let mut own = Self { screen, shape: 16.0 / 9.0, at: screen, width, hold, pressed };
        own.fit();
        own.at = (screen.0 - own.width - MARGIN, screen.1 - own.height() - MARGIN);
        own.fit();
        own
    }

    /// At the lower right of a monitor (its place and size), which is a part of a screen of this size.
    pub(super) fn on(part: Place, screen: (u32, u32)) -> Self {
        let side = |side: i32| u32::try_from(side).unwrap_or_default();
        let mut own = Self::new((side(part.width), side(part.height)));
        own.at = (own.at.0 + f64::from(part.x), own.at.1 + f64::from(part.y));
        own.set_screen(screen);
        own
    }

    /// The screen has this size now.
    pub(super) fn set_screen(&mut self, screen: (u32, u32)) {
        self.screen = size(screen);
        self.fit();
    }

    /// The picture has this size. True: that is another shape.
    pub(super) fn set_picture(&mut self, picture: (i32, i32)) -> bool {
        let shape = f64::from(picture.0.max(1)) / f64::from(picture.1.max(1));
        let shape = shape.clamp(1.0 / FLATTEST, FLATTEST);
        let is_other = (shape - self.shape).abs() > f64::EPSILON;
        if is_other {
            // By the corner that is nearest to a corner of the screen: there it was put.
            let (width, height) = (self.width, self.height());
            let is_right = self.at.0 + width / 2.0 > self.screen.0 / 2.0;
            let is_lower = self.at.1 + height / 2.0 > self.screen.1 / 2.0;
            self.shape = shape;
            // As large as before, or a picture that stands would be a stripe.
            self.width = (width * height * shape).sqrt();
            self.fit_size();
            self.at.0 += if is_right { width - self.width } else { 0.0 };
            self.at.1 += if is_lower { height - self.height() } else { 0.0 };
            self.fit();
        }
        is_other
    }

    /// Where it is drawn.
    pub(super) fn place(&self) -> Place {
        let whole = |side: f64| (side.round() as i32).max(1);
        let (x, y) = (self.at.0.round() as i32, self.at.1.round() as i32);
        Place { x, y, width: whole(self.width), height: whole(self.height()) }
    }

    /// It is pressed. True: for the second time in a row.
    pub(super) fn press(&mut self, at_ms: u32, (x, y): (f64, f64)) -> bool {
        let is_near = |(before, left, top): (u32, f64, f64)| {
            at_ms.wrapping_sub(before) < DOUBLE_MS && (x - left).hypot(y - top) < STILL
        };
        let is_second = self.pressed.is_some_and(is_near);
        self.pressed = (!is_second).then_some((at_ms, x, y));
        self.hold = Some(self.hold_at((x, y)));
        is_second
    }

    /// What holds it is there now. True: it has another place.
    pub(super) fn drag(&mut self, (x, y): (f64, f64)) -> bool {
        let before = self.place();
        match self.hold {
            None => return false,
            Some(Hold::Whole { across, down }) => self.at = (x - across, y - down),
            Some(Hold::Corner { off, stays, right, lower }) => {
                let (x, y) = (x - off.0, y - off.1);
                let across = if right { x - stays.0 } else { stays.0 - x };
                let down = if lower { y - stays.1 } else { stays.1 - y };
                self.width = across.max(down * self.shape).max(LEAST);
                let room = (
                    if right { self.screen.0 - stays.0 } else { stays.0 },
                    if lower { self.screen.1 - stays.1 } else { stays.1 },
                );
                self.width = self.width.min(room.0).min(room.1 * self.shape);
                self.fit_size();
                self.at = (
                    if right { stays.0 } else { stays.0 - self.width },
                    if lower { stays.1 } else { stays.1 - self.height() },
                );
            }
        }
        self.fit();
        self.place() != before
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// It is held no more.
    pub(super) fn release(&mut self) {
        self.hold = None;
    }

    /// How a pointer looks at a point: like what it would do there.
    pub(super) fn look(&self, at: (f64, f64)) -> Look {
        match self.corner(at) {
            None => Look::Whole,
            Some((right, lower)) if right == lower => Look::Falling,
            Some(_) => Look::Rising,
        }
    }

    /// Which corner a hand at a point would take: whether right, and whether lower.
    fn corner(&self, (x, y): (f64, f64)) -> Option<(bool, bool)> {
        let near = |at: f64, from: f64, length: f64| {
            let corner = CORNER.min(length / 3.0);
            let (first, second) = (at - from < corner, from + length - at < corner);
            (first || second).then_some(second)
        };
        Some((near(x, self.at.0, self.width)?, near(y, self.at.1, self.height())?))
    }

    fn hold_at(&self, point: (f64, f64)) -> Hold {
        let Some((right, lower)) = self.corner(point) else {
            return Hold::Whole { across: point.0 - self.at.0, down: point.1 - self.at.1 };
        };
        let (far_x, far_y) = (self.at.0 + self.width, self.at.1 + self.height());
        let (corner_x, x) = if right { (far_x, self.at.0) } else { (self.at.0, far_x) };
        let (corner_y, y) = if lower { (far_y, self.at.1) } else { (self.at.1, far_y) };
        let off = (point.0 - corner_x, point.1 - corner_y);
        Hold::Corner { off, stays: (x, y), right, lower }
    }

    fn height(&self) -> f64 {
        self.width / self.shape
    }

    fn fit_size(&mut self) {
        let most = self.screen.0.min(self.screen.1 * self.shape);
        self.width = self.width.max(LEAST).min(most);
    }

    fn fit(&mut self) {
        self.fit_size();
        let within = |at: f64, length: f64, room: f64| at.min(room - length).max(0.0);
        self.at.0 = within(self.at.0, self.width, self.screen.0);
        self.at.1 = within(self.at.1, self.height(), self.screen.1);
    }
}

fn size((width, height): (u32, u32)) -> (f64, f64) {
    (f64::from(width.max(1)), f64::from(height.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Small {
        Small::new((1280, 800))
    }

    #[test]
    fn it_is_at_the_lower_right_at_first() {
        assert_eq!(small().place(), Place { x: 944, y: 604, width: 320, height: 180 });
    }

    #[test]
    fn on_one_of_two_monitors_it_is_at_the_lower_right_of_that_one_and_goes_to_the_other() {
        let left = Place { x: 0, y: 200, width: 1280, height: 800 };
        let mut small = Small::on(left, (3200, 1200));
        assert_eq!(small.place(), Place { x: 944, y: 804, width: 320, height: 180 });
        small.press(0, (1000.0, 900.0));
        small.drag((3000.0, 100.0));
        assert_eq!((small.place().x, small.place().y), (2880, 4));
    }

    #[test]
    fn it_goes_where_it_is_dragged_and_never_off_the_screen() {
        let mut small = small();
        assert!(!small.drag((1.0, 1.0)), "nothing holds it");
        small.press(0, (1000.0, 700.0));
        assert!(small.drag((500.0, 400.0)));
        assert_eq!(small.place(), Place { x: 444, y: 304, width: 320, height: 180 });
        small.drag((-9000.0, -9000.0));
        assert_eq!((small.place().x, small.place().y), (0, 0));
        small.drag((f64::from(i32::MAX), 9000.0));
        assert_eq!((small.place().x, small.place().y), (960, 620));
        small.release();
        assert!(!small.drag((0.0, 0.0)));
    }

    #[test]
    fn a_corner_makes_it_larger_and_the_one_across_stays() {
        let mut small = small();
        small.press(0, (950.0, 610.0));
        assert!(!small.drag((950.0, 610.0)), "a hand that is still changes nothing");
        assert!(small.drag((630.0, 430.0)));
        let place = small.place();
        assert_eq!((place.x + place.width, place.y + place.height), (1264, 784));
        assert_eq!((place.width, place.height), (640, 360));
        small.drag((1263.0, 783.0));
        assert_eq!(small.place().width, 96, "no smaller than can be held");
        small.drag((-9000.0, -9000.0));
        let place = small.place();
        assert_eq!((place.x, place.x + place.width), (0, 1264));
        assert_eq!(place.y + place.height, 784);
    }

    #[test]
    fn two_presses_at_one_place_are_a_double_click_and_no_others_are() {
        let mut small = small();
        let place = (1000.0, 700.0);
        assert!(!small.press(1000, place) && small.press(1300, place));
        assert!(!small.press(1500, place), "the third begins anew");
        assert!(!small.press(2500, place), "too late");
        assert!(!small.press(2600, (1100.0, 700.0)), "elsewhere");
    }

    #[test]
    fn every_picture_keeps_its_shape_and_the_corner_where_it_was_put() {
        let mut small = small();
        assert!(!small.set_picture((1280, 720)));
        assert!(small.set_picture((720, 1280)));
        let place = small.place();
        assert_eq!((place.width, place.height), (180, 320));
        assert_eq!((place.x + place.width, place.y + place.height), (1264, 784));
        assert!(small.set_picture((i32::MAX, 1)) && small.set_picture((0, i32::MAX)));
    }

    #[test]
    fn a_screen_of_any_size_has_it_whole() {
        for screen in [(0, 0), (1, 1), (50, 4000), (u32::MAX, 1), (360, 640)] {
            let mut small = Small::new(screen);
            small.set_picture((640, 480));
            small.press(0, (0.0, 0.0));
            small.drag((f64::MAX, f64::MIN));
            small.set_screen((360, 640));
            let place = small.place();
            assert!(place.x >= 0 && place.x + place.width <= 360, "{screen:?}: {place:?}");
            assert!(place.y >= 0 && place.y + place.height <= 640, "{screen:?}: {place:?}");
        }
    }
}
