//! As much of DNS as it takes to ask for addresses: RFC 1035 over UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const CLASS_IN: u16 = 1;
const RESPONSE: u16 = 0x8000;
const RECURSION_DESIRED: u16 = 0x0100;
const NO_SUCH_NAME: u16 = 3;

/// Which addresses to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn record(self) -> u16 {
        match self {
            Self::V4 => 1,
            Self::V6 => 28,
        }
    }
}

/// A question as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// At random, so that nobody can answer who has not seen it.
    pub id: u16,
    /// Absolute, without the last dot.
    pub name: String,
    /// Which addresses.
    pub family: Family,
}

impl Question {
    /// The packet.
    pub fn encode(&self) -> Vec<u8> {
        let header = [self.id, RECURSION_DESIRED, 1, 0, 0, 0];
        let mut packet: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
        for label in self.name.split('.') {
            // Names of Kubernetes have at most 63 bytes between dots.
            packet.push(u8::try_from(label.len()).unwrap_or(0));
            packet.extend(label.as_bytes());
        }
        packet.push(0);
        packet.extend([self.family.record(), CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
        packet
    }

    /// The addresses in a packet, if it answers this question. A name that does not exist has none. One that was cut
    /// has as many as it could carry.
    pub fn answer(&self, packet: &[u8]) -> Option<Vec<IpAddr>> {
        let mut reader = Reader { packet, at: 0 };
        let [id, flags, questions, answers, ..] = reader.header()?;
        (id == self.id && flags & RESPONSE != 0 && questions == 1).then_some(())?;
        let asked = (reader.name()?, reader.u16()?, reader.u16()?);
        let is_ours = |name: &str| name.eq_ignore_ascii_case(&self.name);
        (is_ours(&asked.0) && asked.1 == self.family.record() && asked.2 == CLASS_IN).then_some(())?;
        match flags & 0xf {
            0 => {}
            NO_SUCH_NAME => return Some(Vec::new()),
            _ => return None,
        }
        let mut addresses = Vec::new();
        for _ in 0..answers {
            let Some((name, kind, class, data)) = reader.record() else { break };
            if is_ours(&name) && kind == self.family.record() && class == CLASS_IN {
                addresses.extend(self.address(data));
            }
        }
        Some(addresses)
    }

    fn address(&self, data: &[u8]) -> Option<IpAddr> {
        match self.family {
            Family::V4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            Family::V6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
        }
    }
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.packet.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn header(&mut self) -> Option<[u16; 6]> {
        let mut header = [0; 6];
        for field in &mut header {
            *field = self.u16()?;
        }
        Some(header)
    }

    fn record(&mut self) -> Option<(String, u16, u16, &'a [u8])> {
        let (name, kind, class) = (self.name()?, self.u16()?, self.u16()?);
        self.bytes(4)?;
        let length = self.u16()?;
        Some((name, kind, class, self.bytes(length.into())?))
    }

    /// A name, which may go on elsewhere. Pointers may only go back, so that there is an end.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut after, mut limit) = (self.at, None, self.at);
        loop {
            let length = *self.packet.get(at)?;
            match length {
                0 => break,
                1..=63 => {
                    let label = self.packet.get(at + 1..=at + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(std::str::from_utf8(label).ok()?);
                    (name.len() <= 255).then_some(())?;
                    at += 1 + usize::from(length);
                }
                192.. => {
                    let low = *self.packet.get(at + 1)?;
                    after.get_or_insert(at + 2);
                    at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                    (at < limit).then_some(())?;
                    limit = at;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn question(family: Family) -> Question {
        Question { id: 0x1234, name: "task-0.ns.svc.cluster.local".to_owned(), family }
    }

    /// An answer as CoreDNS gives it: the question, and records that point to its name.
    fn reply(question: &Question, code: u16, addresses: &[IpAddr]) -> Vec<u8> {
        let mut packet = question.encode();
        packet[2..4].copy_from_slice(&(0x8400 | code).to_be_bytes());
        packet[6..8].copy_from_slice(&u16::try_from(addresses.len()).unwrap().to_be_bytes());
        for address in addresses {
            let data = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            packet.extend([0xc0, 12]);
            packet.extend([Family::of(*address).record(), CLASS_IN].into_iter().flat_map(u16::to_be_bytes));
            packet.extend([0, 0, 0, 5, 0, u8::try_from(data.len()).unwrap()]);
            packet.extend(data);
        }
        packet
    }

    fn addresses(family: Family) -> Vec<IpAddr> {
        let texts = if family == Family::V4 { ["10.0.0.1", "10.0.0.2"] } else { ["fd00::1", "fd00::2"] };
        texts.map(|text| text.parse().unwrap()).to_vec()
    }

    #[test]
    fn addresses_are_found() {
        for family in [Family::V4, Family::V6] {
            let (question, addresses) = (question(family), addresses(family));
            assert_eq!(question.answer(&reply(&question, 0, &addresses)), Some(addresses.clone()));
            assert_eq!(question.answer(&reply(&question, 0, &[])), Some(Vec::new()));
            assert_eq!(question.answer(&reply(&question, NO_SUCH_NAME, &[])), Some(Vec::new()));
            // Not now, and refused.
            assert_eq!(question.answer(&reply(&question, 2, &[])), None);
            assert_eq!(question.answer(&reply(&question, 5, &[])), None);
        }
    }

    #[test]
    fn what_was_not_asked_is_no_answer() {
        let ours = question(Family::V4);
        let others = [
            Question { id: 1, ..ours.clone() },
            Question { name: "task-1.ns.svc.cluster.local".to_owned(), ..ours.clone() },
            Question { family: Family::V6, ..ours.clone() },
        ];
        for other in others {
            assert_eq!(ours.answer(&reply(&other, 0, &addresses(other.family))), None, "{other:?}");
        }
        assert_eq!(ours.answer(&ours.encode()), None, "a question");
        // Records of another name or family, in an answer to ours.
        assert_eq!(ours.answer(&reply(&ours, 0, &addresses(Family::V6))), Some(Vec::new()));
        let upper = Question { name: ours.name.to_uppercase(), ..ours.clone() };
        assert_eq!(ours.answer(&reply(&upper, 0, &addresses(Family::V4))), Some(addresses(Family::V4)));
    }

    #[test]
    fn a_cut_answer_has_some() {
        let ours = question(Family::V4);
        let whole = reply(&ours, 0, &addresses(Family::V4));
        assert_eq!(ours.answer(&whole[..whole.len() - 1]).unwrap().len(), 1);
    }

    #[test]
    fn pointers_that_go_round_have_an_end() {
        let ours = question(Family::V4);
        let mut packet = reply(&ours, 0, &addresses(Family::V4));
        let at = u8::try_from(ours.encode().len()).unwrap();
        packet[usize::from(at) + 1] = at;
        assert_eq!(ours.answer(&packet), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(at in 0_usize..100, bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            let ours = question(Family::V4);
            let mut packet = reply(&ours, 0, &addresses(Family::V4));
            for (place, byte) in packet.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
            let _ = ours.answer(&packet);
        }
    }
}
