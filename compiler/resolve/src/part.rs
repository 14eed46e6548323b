//! What one item contributes to the program, and how contributions become one [`Program`].

use kspec_model::program::{
    Accept, ApiServer, Audit, Authentication, Encryption, Exemption, Grant, Guarantee, Manifest, Moved,
    MutationBinding, Namespace, Network, Principal, Program, Role, RuleBinding, ServiceAccount, Test, Workload,
};

macro_rules! part {
    ($($list:ident: $ty:ty,)*; $($single:ident: $one:ty,)*) => {
        /// One item's contribution.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct Part {
            $(pub(crate) $list: Vec<$ty>,)*
            $(pub(crate) $single: Vec<$one>,)*
        }

        impl Part {
            /// How much of each list it holds.
            fn counts(&self) -> Counts {
                Counts { $($list: self.$list.len(),)* $($single: self.$single.len(),)* }
            }
        }

        /// Lengths of a [`Part`]'s lists, or offsets into the collected ones.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        struct Counts { $($list: usize,)* $($single: usize,)* }

        impl Counts {
            fn add(&mut self, other: Self) {
                $(self.$list += other.$list;)*
                $(self.$single += other.$single;)*
            }
        }

        /// All contributions, in item order.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct Collected {
            counts: Vec<Counts>,
            singles: Part,
        }

        impl Collected {
            /// Starts afresh from every part, in order.
            pub(crate) fn rebuild<'a>(&mut self, program: &mut Program, parts: impl Iterator<Item = &'a Part>) {
                self.counts.clear();
                $(program.$list.clear();)*
                $(self.singles.$single.clear();)*
                for part in parts {
                    self.counts.push(part.counts());
                    $(program.$list.extend(part.$list.iter().cloned());)*
                    $(self.singles.$single.extend(part.$single.iter().cloned());)*
                }
                $(program.$single = self.singles.$single.first().cloned();)*
            }

            /// Replaces the contribution of the item at `index`, in time proportional to what changed (and a sum of
            /// offsets).
            pub(crate) fn replace(&mut self, program: &mut Program, index: usize, part: &Part) {
                let mut at = Counts::default();
                for counts in self.counts.iter().take(index) {
                    at.add(*counts);
                }
                let Some(old) = self.counts.get_mut(index) else { return };
                $(program.$list.splice(at.$list..at.$list + old.$list, part.$list.iter().cloned());)*
                $(self.singles.$single.splice(at.$single..at.$single + old.$single, part.$single.iter().cloned());)*
                $(program.$single = self.singles.$single.first().cloned();)*
                *old = part.counts();
            }

            /// Every block of a kind that a program has at most one of, the first included.
            pub(crate) fn singles(&self) -> &Part {
                &self.singles
            }
        }
    };
}

part! {
    namespaces: Namespace,
    workloads: Workload,
    service_accounts: ServiceAccount,
    principals: Principal,
    roles: Role,
    grants: Grant,
    networks: Network,
    manifests: Manifest,
    moved: Moved,
    accepts: Accept,
    guarantees: Guarantee,
    rules: RuleBinding,
    mutations: MutationBinding,
    exemptions: Exemption,
    tests: Test,
    ;
    encryption: Encryption,
    audit: Audit,
    authentication: Authentication,
    api_server: ApiServer,
}
