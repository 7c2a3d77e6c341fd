//! Dealing places in the order of the ring.

use super::member::Place;
use super::{AHEAD, Fair, Turn};
use std::hash::Hash;

impl<K: Copy + Eq + Hash> Fair<K> {
    /// The next turn, if there is a place for a job and somebody who may want it.
    pub fn next_turn(&mut self) -> Option<Turn<K>> {
        loop {
            self.set_aside();
            let tenant = match self.ready.pop_front() {
                Some(tenant) => tenant,
                None if self.free > 0 => {
                    let tenant = self.ring.pop_front()?;
                    let is_ahead = std::mem::take(&mut self.member(tenant).ahead);
                    if is_ahead && self.member(tenant).place == Place::Asked {
                        self.deal_ahead(tenant);
                        continue;
                    }
                    tenant
                }
                None => return None,
            };
            if self.member(tenant).room() > 0 {
                return Some(self.ask(tenant));
            }
            self.fill_up(tenant);
            // Its place in queues of kinds is for somebody who can use it.
            self.kinds.leave_all(tenant);
            self.rouse();
        }
    }

    fn ask(&mut self, tenant: K) -> Turn<K> {
        let free = self.free;
        let member = self.member(tenant);
        if member.deficit == 0 {
            member.deficit = member.visit();
        }
        let (due, places) = (member.due(), std::mem::take(&mut member.aside) + free);
        let most = due.min(places);
        member.place = Place::Asked;
        member.reserved = most;
        let stays = most == due && member.more && !member.ahead;
        self.free = places - most;
        if stays {
            self.stay(tenant);
        } else if most < due && self.short.is_none() {
            self.short = Some(tenant);
        }
        Turn { tenant, most, kinds: self.kinds.reserve(tenant, most) }
    }

    /// Its turn is out, and its next visit begins all the same: it takes the places of that when it is back.
    fn deal_ahead(&mut self, tenant: K) {
        let member = self.member(tenant);
        member.deficit += member.visit();
        if member.lacks() > 0 {
            self.short = Some(tenant);
        } else {
            // Its own bound keeps it from more.
            member.deficit -= member.visit();
        }
    }

    /// Places that became free go to the visit that lacks them before anybody else's goes on, although its file is being
    /// asked: else whoever takes most at once, or has a slow file, would lose them to the others.
    fn set_aside(&mut self) {
        let Some(tenant) = self.short else { return };
        let free = self.free;
        let member = self.member(tenant);
        let lacks = member.lacks();
        let taken = lacks.min(free);
        member.aside += taken;
        let stays = member.more && !member.ahead && member.deficit <= AHEAD * member.visit();
        self.free -= taken;
        if taken == lacks {
            self.short = None;
            if stays {
                self.stay(tenant);
            }
        }
    }

    /// It has all places of its visit, and is in the ring for the next one.
    fn stay(&mut self, tenant: K) {
        self.member(tenant).ahead = true;
        self.ring.push_back(tenant);
    }
}
