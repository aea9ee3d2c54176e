//! FF1 against NIST's samples, against the crate `fpe`, and as a permutation.

use aes::{Aes128, Aes192, Aes256};
use fpe::ff1::{FF1, FlexibleNumeralString};

use super::{Ff1, Ff1Error, Walk};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The number that numerals write, and back.
fn number(numerals: &[u16], radix: u32) -> u128 {
    numerals.iter().fold(0, |number, numeral| number * u128::from(radix) + u128::from(*numeral))
}

fn numerals(mut number: u128, radix: u32, length: u32) -> Vec<u16> {
    let mut numerals = vec![0; length as usize];
    for numeral in numerals.iter_mut().rev() {
        *numeral = u16::try_from(number % u128::from(radix)).unwrap();
        number /= u128::from(radix);
    }
    assert_eq!(number, 0);
    numerals
}

const KEY_128: &str = "2B7E151628AED2A6ABF7158809CF4F3C";
const KEY_192: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F";
const KEY_256: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";
const TWEAK_10: &str = "39383736353433323130";
const TWEAK_36: &str = "3737373770717273373737";
const DIGITS: &str = "0123456789";
const LETTERS: &str = "0123456789abcdefghi";

#[test]
fn nist_sample_vectors() {
    // Samples 1 to 9 of NIST's "FF1samples.pdf".
    let samples = [
        (KEY_128, 10, "", DIGITS, "2433477484"),
        (KEY_128, 10, TWEAK_10, DIGITS, "6124200773"),
        (KEY_128, 36, TWEAK_36, LETTERS, "a9tv40mll9kdu509eum"),
        (KEY_192, 10, "", DIGITS, "2830668132"),
        (KEY_192, 10, TWEAK_10, DIGITS, "2496655549"),
        (KEY_192, 36, TWEAK_36, LETTERS, "xbj3kv35jrawxv32ysr"),
        (KEY_256, 10, "", DIGITS, "6657667009"),
        (KEY_256, 10, TWEAK_10, DIGITS, "1001623463"),
        (KEY_256, 36, TWEAK_36, LETTERS, "xs8a0azh2avyalyzuwd"),
    ];
    for (key, radix, tweak, plain, image) in samples {
        let parse = |text: &str| -> Vec<u16> {
            let value = |letter: char| u16::try_from(letter.to_digit(36).unwrap()).unwrap();
            text.chars().map(value).collect()
        };
        let length = u32::try_from(plain.len()).unwrap();
        let ff1 = Ff1::new(&hex(key), radix, length, &hex(tweak)).unwrap();
        let (plain, image) = (number(&parse(plain), radix), number(&parse(image), radix));
        assert_eq!(ff1.encrypt(plain), Some(image));
        assert_eq!(ff1.decrypt(image), Some(plain));
    }
}

/// A small generator, so that the cases are the same every time.
struct Cases(u64);

impl Cases {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

fn fpe_encrypt(key: &[u8], radix: u32, length: u32, tweak: &[u8], plain: u128) -> u128 {
    let text = FlexibleNumeralString::from(numerals(plain, radix, length));
    let image = match key.len() {
        16 => FF1::<Aes128>::new(key, radix).unwrap().encrypt(tweak, &text),
        24 => FF1::<Aes192>::new(key, radix).unwrap().encrypt(tweak, &text),
        _ => FF1::<Aes256>::new(key, radix).unwrap().encrypt(tweak, &text),
    };
    number(&Vec::from(image.unwrap()), radix)
}

/// Every length of a radix whose domain fits: from a million values to halves of 64 bits.
fn lengths_that_fit(radix: u32) -> Vec<u32> {
    (2_u32..=128)
        .filter(|length| {
            u64::from(radix).checked_pow(length.div_ceil(2)).is_some()
                && u128::from(radix).checked_pow(*length).is_none_or(|domain| domain >= super::MIN_DOMAIN)
        })
        .collect()
}

/// The tweak, one byte for the round, and the data are filled up to whole blocks.
#[test]
fn every_length_of_a_tweak_equals_the_crate_fpe() {
    let (mut cases, key) = (Cases(2), hex(KEY_256));
    for (radix, length) in [(2, 20), (10, 12), (62, 8), (62, 20)] {
        for tweak_length in 0..=33 {
            let tweak = cases.bytes(tweak_length);
            let ff1 = Ff1::new(&key, radix, length, &tweak).unwrap();
            let plain = cases.wide() % ff1.domain();
            let image = fpe_encrypt(&key, radix, length, &tweak, plain);
            assert_eq!(ff1.encrypt(plain), Some(image), "{radix}^{length}, {tweak_length} bytes");
        }
    }
}

#[test]
fn its_debug_text_shows_no_key() {
    let ff1 = Ff1::new(&hex(KEY_128), 10, 10, &hex(TWEAK_10)).unwrap();
    assert_eq!(format!("{ff1:?}"), "Ff1 { domain: 10000000000, .. }");
}

#[test]
fn every_domain_of_radix_2_to_82_equals_the_crate_fpe() {
    let mut cases = Cases(1);
    let mut compared = 0;
    for radix in 2..=82 {
        for length in lengths_that_fit(radix) {
            let key_length = [16, 24, 32][(cases.next() % 3) as usize];
            let key = cases.bytes(key_length);
            let tweak_length = [0, 1, 7, 8, 11, 15, 16, 17, 40][(cases.next() % 9) as usize];
            let tweak = cases.bytes(tweak_length);
            let ff1 = Ff1::new(&key, radix, length, &tweak).unwrap();
            let last = ff1.domain() - 1;
            let mut plain = vec![0, last];
            plain.extend((0..18).map(|_| cases.wide() % ff1.domain()));
            // Once alone and once in lockstep with others.
            let mut images = plain.clone();
            ff1.encrypt_all(&mut images).unwrap();
            for (plain, image) in plain.iter().zip(&images) {
                let expected = fpe_encrypt(&key, radix, length, &tweak, *plain);
                assert_eq!((*image, radix, length), (expected, radix, length));
                assert_eq!(ff1.encrypt(*plain), Some(expected));
                assert_eq!(ff1.decrypt(expected), Some(*plain));
                compared += 1;
            }
            ff1.decrypt_all(&mut images).unwrap();
            assert_eq!(images, plain);
        }
    }
    assert!(compared >= 20_000, "only {compared} cases");
}

#[test]
fn a_range_equals_its_numbers_one_by_one() {
    for (radix, length) in [(10, 6), (62, 8), (62, 11), (62, 20), (2, 38), (34, 9)] {
        let ff1 = Ff1::new(&[5; 32], radix, length, b"").unwrap();
        for count in [0, 1, 2, 8, 9, 63, 64, 65, 200] {
            let last = ff1.domain() - u128::try_from(count).unwrap();
            for start in [0, 991, last / 2, last] {
                let mut images = vec![0; count];
                ff1.encrypt_range(start, &mut images).unwrap();
                for (number, image) in (start..).zip(images) {
                    assert_eq!(ff1.encrypt(number), Some(image));
                }
            }
        }
    }
}

#[test]
fn a_million_numbers_map_onto_themselves() {
    let ff1 = Ff1::new(&[9; 32], 10, 6, b"").unwrap();
    let mut images = vec![0; 1_000_000];
    ff1.encrypt_range(0, &mut images).unwrap();
    let mut seen = vec![false; 1_000_000];
    for image in &images {
        let place = &mut seen[usize::try_from(*image).unwrap()];
        assert!(!*place, "{image} twice");
        *place = true;
    }
    ff1.decrypt_all(&mut images).unwrap();
    assert!(images.iter().copied().eq(0..1_000_000));
}

#[test]
fn a_walk_permutes_the_numbers_below_its_limit() {
    let walk = Walk::new(Ff1::new(&[4; 32], 2, 21, b"").unwrap(), 1_300_007).unwrap();
    let mut images = vec![0; 1_300_007];
    walk.encrypt_range(0, &mut images).unwrap();
    let mut sorted = images.clone();
    sorted.sort_unstable();
    assert!(sorted.iter().copied().eq(0..1_300_007));
    for number in [0, 1, 77_777, 1_300_006] {
        let image = images[usize::try_from(number).unwrap()];
        assert_eq!(walk.encrypt(number), Some(image));
        assert_eq!(walk.decrypt(image), Some(number));
    }
    let mut part = vec![0; 1000];
    walk.encrypt_range(1_299_007, &mut part).unwrap();
    assert_eq!(part, images[1_299_007..]);
}

#[test]
fn nothing_outside_the_domain_is_mapped() {
    let ff1 = Ff1::new(&[9; 32], 10, 6, b"").unwrap();
    assert_eq!(ff1.encrypt(1_000_000), None);
    assert_eq!(ff1.decrypt(u128::MAX), None);
    let mut numbers = [5, 1_000_000];
    assert_eq!(ff1.encrypt_all(&mut numbers), None);
    assert_eq!(ff1.decrypt_all(&mut numbers), None);
    assert_eq!(numbers, [5, 1_000_000]);
    for start in [999_999, u128::MAX] {
        assert_eq!(ff1.encrypt_range(start, &mut numbers), None);
    }
    assert_eq!(numbers, [5, 1_000_000]);
    let walk = Walk::new(ff1.clone(), 1_000_000).unwrap();
    assert_eq!(walk.encrypt(1_000_000), None);
    assert_eq!(walk.decrypt(1_000_000), None);
    assert_eq!(walk.encrypt_range(999_999, &mut numbers), None);
    let mut last = [0, 0];
    walk.encrypt_range(999_998, &mut last).unwrap();
    assert_eq!(last.map(Some), [999_998, 999_999].map(|number| walk.encrypt(number)), "up to the end of the domain");
    assert_eq!(numbers, [5, 1_000_000]);
}

#[test]
fn bad_parameters_are_refused() {
    let error = |key: &[u8], radix, length| Ff1::new(key, radix, length, b"").unwrap_err();
    let key = [0; 32];
    assert_eq!(error(&key[..31], 10, 6), Ff1Error::KeyLength);
    assert_eq!(error(&[], 10, 6), Ff1Error::KeyLength);
    for radix in [0, 1, 65_537, u32::MAX] {
        assert_eq!(error(&key, radix, 6), Ff1Error::Radix);
    }
    for (radix, length) in [(10, 0), (10, 1), (10, 5), (2, 19), (999, 2)] {
        assert_eq!(error(&key, radix, length), Ff1Error::DomainTooSmall);
    }
    for (radix, length) in [(2, 127), (10, 40), (62, 21), (10, u32::MAX)] {
        assert_eq!(error(&key, radix, length), Ff1Error::DomainTooLarge);
    }
    let ff1 = || Ff1::new(&key, 2, 30, b"").unwrap();
    assert_eq!(Walk::new(ff1(), (1 << 30) + 1).unwrap_err(), Ff1Error::DomainTooLarge);
    assert_eq!(Walk::new(ff1(), 1 << 26).unwrap_err(), Ff1Error::DomainTooSmall);
    assert_eq!(Walk::new(ff1(), 0).unwrap_err(), Ff1Error::DomainTooSmall);
    assert!(!format!("{:?}", ff1()).contains("templates"));
}
