//! The whole loop around the plan, with a model of both servers: people edit on either side, and the
//! controller dies before or after any effect.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::sync::testing::Looked;

#[derive(Clone, Copy, Debug)]
enum Happening {
    SetTtl(Option<i64>),
    SetRunning(Option<bool>),
    CoderSetsTtl(Option<i64>),
    CoderBegins(bool),
    CoderCreates,
    /// The workspace, its owner or its organization gets another name, or its own one back.
    CoderRenames(Renamed),
    CoderDeletes,
    /// The manifest says nothing any more: `spec: {}` by the same manager.
    HandBack,
    /// A tool strips the record of who owns what.
    Strip,
    BuildEnds(Job),
    Outage(bool),
    Pause(bool),
    /// The controller looks; it dies after so many writes, before or after the last one.
    Scope {
        writes: usize,
        before: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Renamed {
    Workspace,
    Owner,
    Organization,
    Nothing,
}

#[derive(Clone, Debug)]
struct World {
    scenario: Scenario,
    coderd: Option<Workspace>,
    is_gone: bool,
    is_down: bool,
    exists: bool,
    seen: Option<Build>,
    created: usize,
    deleted: usize,
    /// Every write, on either side.
    writes: usize,
}

impl World {
    fn new(spec: &Value) -> Self {
        Self::of(USER, spec)
    }

    /// An object that import made for a workspace.
    fn imported() -> Self {
        let mut world = Self::of(MANAGER_CODERD, &json!({"organization": "acme"}));
        world.coderd = Some(world.workspace(id("ann")));
        world
    }

    fn of(manager: &str, spec: &Value) -> Self {
        let mut scenario =
            Scenario::of(manager, spec).change(|scenario| scenario.own.site = Some(site()));
        scenario.stored.status = testing::unwritten();
        Self {
            scenario,
            coderd: None,
            is_gone: false,
            is_down: false,
            exists: true,
            seen: None,
            created: 0,
            deleted: 0,
            writes: 0,
        }
    }

    fn tick(&mut self, seconds: i64) {
        let by = jiff::SignedDuration::from_secs(seconds);
        self.scenario.now += by;
        self.scenario.own.stable_for += Duration::try_from(by).unwrap();
    }

    fn workspace(&self, creator: Uuid) -> Workspace {
        Workspace {
            creator: Some(creator),
            created_at: self.scenario.now,
            build: Build {
                initiator: creator,
                ..build(1, Transition::Start, Job::Active)
            },
            ..workspace()
        }
    }

    /// One look of the driver.
    fn look(&mut self, budget: usize, dies_before: bool) {
        if self.exists {
            let Looked { writes, exists } = testing::look(self, budget, dies_before);
            self.writes += writes;
            self.exists = exists;
        }
    }

    fn happen(&mut self, happening: Happening) {
        self.tick(2);
        let stored = &mut self.scenario.stored;
        match happening {
            Happening::SetTtl(millis) => stored.edit(USER, "ttlMillis", millis.map(Value::from)),
            Happening::SetRunning(running) => {
                stored.edit(USER, "running", running.map(Value::from));
            }
            Happening::CoderSetsTtl(millis) => {
                if let Some(external) = &mut self.coderd {
                    external.ttl_millis = millis;
                }
            }
            Happening::CoderBegins(running) => {
                if let Some(external) = self
                    .coderd
                    .as_mut()
                    .filter(|external| !external.build.is_active())
                {
                    let number = external.build.number + 1;
                    external.build = foreign(number, Transition::towards(running), Job::Active);
                }
            }
            Happening::CoderCreates => {
                if self.coderd.is_none() && !self.is_gone {
                    self.coderd = Some(self.workspace(id("ann")));
                }
            }
            Happening::CoderRenames(what) => {
                // Before, another workspace could be made under the old name.
                let is_bound = stored.status.pointer("/binding/id").is_some();
                if let Some(external) = self.coderd.as_mut().filter(|_| is_bound) {
                    let Workspace {
                        name,
                        owner,
                        organization,
                        ..
                    } = workspace();
                    (external.name, external.owner, external.organization) =
                        (name, owner, organization);
                    match what {
                        Renamed::Workspace => "other".clone_into(&mut external.name),
                        Renamed::Owner => "other".clone_into(&mut external.owner),
                        Renamed::Organization => "other".clone_into(&mut external.organization),
                        Renamed::Nothing => {}
                    }
                }
            }
            Happening::CoderDeletes => {
                if let Some(external) = self
                    .coderd
                    .as_mut()
                    .filter(|external| !external.build.is_active())
                {
                    let number = external.build.number + 1;
                    external.build = foreign(number, Transition::Delete, Job::Active);
                }
            }
            Happening::HandBack => stored.apply(USER, &Map::new(), false).unwrap(),
            Happening::Strip => stored.owners.clear(),
            Happening::BuildEnds(job) => {
                if let Some(external) = self
                    .coderd
                    .as_mut()
                    .filter(|external| external.build.is_active())
                {
                    external.build.job = job;
                    if external.build.has_deleted() {
                        (self.coderd, self.is_gone) = (None, true);
                    }
                }
            }
            Happening::Outage(is_down) => self.is_down = is_down,
            Happening::Pause(paused) => {
                stored.annotate(names::ANNOTATION_PAUSED, if paused { "true" } else { "" });
            }
            Happening::Scope { writes, before } => self.look(writes, before),
        }
    }

    /// Nothing happens any more but what has begun.
    fn come_to_rest(&mut self, end: Job) {
        self.happen(Happening::Outage(false));
        self.happen(Happening::Pause(false));
        for round in 0..16 {
            self.look(usize::MAX, false);
            // Delete builds end well at last, or the object waits for a person.
            let end = if self.scenario.stored.is_terminating && round > 2 {
                Job::Succeeded
            } else {
                end
            };
            self.happen(Happening::BuildEnds(end));
            self.tick(if self.scenario.stored.is_terminating {
                2_000
            } else {
                4
            });
        }
        let writes = self.writes;
        for _ in 0..3 {
            self.look(usize::MAX, false);
            self.tick(10);
        }
        assert_eq!(self.writes, writes, "no rest: {self:?}");
    }
}

impl testing::World<CoderWorkspace> for World {
    fn scenario(&mut self) -> &mut Scenario {
        &mut self.scenario
    }

    fn observe(&mut self) {
        let is_bound = self.scenario.stored.status.pointer("/binding/id").is_some();
        self.scenario.external = match &self.coderd {
            _ if self.is_down => External::Unknown(failure()),
            Some(external) => External::Present(external.clone()),
            None if is_bound && self.is_gone => External::Gone,
            None => External::Absent,
        };
        let build = self.coderd.as_ref().map(|external| external.build.clone());
        if build != self.seen {
            self.scenario.own.stable_for = Duration::ZERO;
            self.seen = build;
        }
    }

    fn update(&mut self, changes: &[Change]) {
        let [change] = changes else {
            panic!("more than one setting: {self:?}")
        };
        assert_eq!(change.field, "ttlMillis", "nobody declared it: {self:?}");
        let millis = change.value.as_ref().and_then(Value::as_i64);
        self.coderd.as_mut().unwrap().ttl_millis = millis;
    }

    fn act(&mut self, effect: &Effect) {
        match effect {
            Effect::Create(_) => {
                if self.coderd.is_none() {
                    self.coderd = Some(self.workspace(US));
                    self.created += 1;
                }
            }
            Effect::Build(new) => {
                if new.transition == Transition::Delete {
                    self.deleted += 1;
                }
                let external = self.coderd.as_mut().unwrap();
                assert!(!external.build.is_active(), "while a build is active");
                external.build = build(external.build.number + 1, new.transition, Job::Active);
            }
        }
    }
}

fn any_ttl() -> impl Strategy<Value = Option<i64>> {
    prop::option::of((1_i64..4).prop_map(|minutes| minutes * 60_000))
}

fn any_end() -> impl Strategy<Value = Job> {
    prop_oneof![4 => Just(Job::Succeeded), 1 => Just(Job::Failed), 1 => Just(Job::Canceled)]
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => any_ttl().prop_map(Happening::SetTtl),
        2 => prop::option::of(any::<bool>()).prop_map(Happening::SetRunning),
        2 => any_ttl().prop_map(Happening::CoderSetsTtl),
        2 => any::<bool>().prop_map(Happening::CoderBegins),
        1 => Just(Happening::CoderCreates),
        4 => any_end().prop_map(Happening::BuildEnds),
        1 => any::<bool>().prop_map(Happening::Outage),
        1 => any::<bool>().prop_map(Happening::Pause),
        8 => (0_usize..6, any::<bool>())
            .prop_map(|(writes, before)| Happening::Scope { writes, before }),
    ]
}

/// What may also happen where the object need not stay.
fn anything() -> impl Strategy<Value = Happening> {
    let renamed = prop_oneof![
        Just(Renamed::Workspace),
        Just(Renamed::Owner),
        Just(Renamed::Organization),
        Just(Renamed::Nothing),
    ];
    prop_oneof![
        8 => any_happening(),
        1 => renamed.prop_map(Happening::CoderRenames),
        1 => Just(Happening::HandBack),
        1 => Just(Happening::Strip),
        1 => Just(Happening::CoderDeletes),
    ]
}

fn any_spec() -> impl Strategy<Value = Value> {
    let policy = prop::option::of(prop_oneof![Just("Delete"), Just("Retain")]);
    let drift = prop::option::of(Just("Observe"));
    (policy, drift).prop_map(|(policy, drift)| {
        let mut spec = json!({"templateName": "go"});
        if let Some(policy) = policy {
            spec["deletionPolicy"] = json!(policy);
        }
        if let Some(drift) = drift {
            spec["driftPolicy"] = json!(drift);
        }
        spec
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_there_is_one_workspace_and_both_sides_agree(
        spec in any_spec(),
        happenings in prop::collection::vec(any_happening(), 0..30),
        end in any_end(),
    ) {
        let mut world = World::new(&spec);
        for happening in happenings {
            world.happen(happening);
        }
        world.come_to_rest(end);
        prop_assert!(world.created <= 1, "{:?}", world);
        prop_assert_eq!(world.deleted, 0);
        let external = world.coderd.as_ref().unwrap();
        let status = &world.scenario.stored.status;
        prop_assert_eq!(&status["binding"]["id"], &json!(ID));
        let origin = if world.created == 1 { "kubernetes" } else { "coderd" };
        prop_assert_eq!(&status["binding"]["origin"], &json!(origin), "{:?}", world);
        let wanted = world.scenario.stored.spec.get("ttlMillis").and_then(Value::as_i64);
        if spec.get("driftPolicy").is_none() {
            prop_assert_eq!(wanted, external.ttl_millis, "{:?}", world);
        }
        if let Some(running) = external.build.run_state() {
            prop_assert_eq!(&world.scenario.stored.spec["running"], &json!(running), "{:?}", world);
        }
    }

    #[test]
    fn whatever_is_renamed_handed_back_or_gone_we_delete_imported_objects_and_no_workspace(
        spec in prop::option::of(any_spec()),
        happenings in prop::collection::vec(anything(), 0..40),
    ) {
        let mut world = spec.as_ref().map_or_else(World::imported, World::new);
        for happening in happenings {
            if world.exists {
                world.happen(happening);
            }
        }
        if world.exists {
            world.come_to_rest(Job::Succeeded);
        }
        prop_assert_eq!(world.deleted, 0, "{:?}", world);
        if !world.exists {
            let stored = &world.scenario.stored;
            let owners = stored.owners.values().flatten();
            prop_assert!(owners.into_iter().all(|owner| owner == MANAGER_CODERD), "{:?}", world);
            prop_assert_eq!(world.created, 0, "made here: {:?}", world);
        }
    }

    #[test]
    fn whatever_happens_only_delete_in_effect_deletes(
        spec in any_spec(),
        before in prop::collection::vec(anything(), 0..25),
        after in prop::collection::vec(any_happening(), 0..12),
    ) {
        let mut world = World::new(&spec);
        for happening in before {
            if world.exists {
                world.happen(happening);
            }
        }
        if !world.exists {
            return Ok(());
        }
        world.scenario.stored.delete();
        let policy = world.scenario.stored.spec.get("deletionPolicy").cloned();
        let had_finalizer = world.scenario.stored.has_finalizer;
        world.exists = had_finalizer;
        for happening in after {
            if world.exists && !matches!(happening, Happening::CoderCreates) {
                world.happen(happening);
            }
        }
        if world.exists {
            world.come_to_rest(Job::Succeeded);
        }
        prop_assert!(!world.exists, "never let go: {:?}", world);
        let retained = policy == Some(json!("Retain"));
        let declared = policy == Some(json!("Delete"));
        let ours = world.created > 0;
        if retained || !declared && !ours {
            prop_assert_eq!(world.deleted, 0, "{:?}", world);
        }
        if had_finalizer && ours && !retained {
            prop_assert!(world.coderd.is_none(), "left behind: {:?}", world);
        }
    }
}
