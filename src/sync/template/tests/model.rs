//! The whole loop around the plan, with a model of both servers: the controller dies before or after
//! any effect, replies are lost, imports fail, and people promote other versions.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::sync::{
    template::{
        files::needs_content,
        version::{Seek, needs_active_content, seek},
    },
    testing::World as _,
};

#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The source is edited to another text.
    Edit(bool),
    Describe(bool),
    /// The imports that run end.
    Ends {
        given_up: Option<bool>,
    },
    PromoteOther,
    /// Somebody makes a version with the name that is meant for ours.
    Usurp,
    /// Somebody makes the template.
    OtherCreates,
    Archive,
    /// The template gets another name, or its own one back.
    Rename(bool),
    /// The manifest says nothing any more: `spec: {}` by the same manager.
    HandBack,
    Outage(bool),
    Request(u8),
    Scope {
        writes: usize,
        before: bool,
    },
}

const ONE_LOOK: Happening = Happening::Scope {
    writes: usize::MAX,
    before: false,
};

#[derive(Clone, Debug)]
struct Built {
    name: String,
    version: Version,
}

#[derive(Clone, Debug)]
struct World {
    scenario: Scenario,
    template: Option<Template>,
    versions: Vec<Built>,
    /// The name and id of the version that was made last, as the controller remembers it.
    made: Option<(String, Uuid)>,
    is_down: bool,
    /// Whether the object is still there.
    stays: bool,
    created: usize,
    writes: usize,
}

impl World {
    /// An object of a user.
    fn new(exists: bool) -> Self {
        Self::of(USER, &json!({"files": files("a")}), exists)
    }

    /// An object that import made for a template.
    fn imported() -> Self {
        Self::of(MANAGER_CODERD, &json!({"organization": "acme"}), true)
    }

    fn of(manager: &str, spec: &Value, exists: bool) -> Self {
        let mut scenario = Scenario::of(manager, spec)
            .change(|scenario| scenario.own.organization = Some(Spelling::Canonical));
        scenario.stored.status = testing::unwritten();
        Self {
            scenario,
            stays: true,
            template: exists.then(template),
            versions: Vec::new(),
            made: None,
            is_down: false,
            created: 0,
            writes: 0,
        }
    }

    fn find(&self, is: impl Fn(&Built) -> bool) -> Find {
        let found = self.versions.iter().find(|built| is(built));
        found.map_or(Find::Absent, |built| Find::Found(built.version.clone()))
    }

    fn is_taken(&self, name: &str, template_id: Option<Uuid>) -> bool {
        self.versions
            .iter()
            .any(|it| it.name == name && it.version.template_id == template_id)
    }

    fn version(&mut self, id: Uuid) -> &mut Version {
        let mut versions = self.versions.iter_mut().map(|built| &mut built.version);
        versions.find(|version| version.id == id).unwrap()
    }

    fn look(&mut self, budget: usize, dies_before: bool) {
        let looked = testing::look(self, budget, dies_before);
        self.writes += looked.writes;
        self.stays = looked.exists;
    }

    /// Nothing happens to an object that is gone.
    fn happen(&mut self, happening: Happening) {
        if !self.stays {
            return;
        }
        self.scenario.now += jiff::SignedDuration::from_secs(3);
        match happening {
            Happening::Edit(other) => {
                let text = files(if other { "b" } else { "a" });
                self.scenario.stored.edit(USER, "files", Some(text));
            }
            Happening::Describe(other) => {
                let text = if other { "one" } else { "two" };
                self.scenario
                    .stored
                    .edit(USER, "description", Some(json!(text)));
            }
            Happening::Ends { given_up } => {
                let job = given_up.map_or(VersionJob::Succeeded, failed);
                for built in &mut self.versions {
                    if built.version.job == VersionJob::Active {
                        built.version.job = job.clone();
                    }
                }
            }
            Happening::PromoteOther => {
                if let Some(external) = &mut self.template {
                    external.live.active_version_id = id("other");
                }
            }
            Happening::Usurp => {
                let name = self.scenario.stored.status.pointer("/version/name");
                let Some(name) = name.and_then(Value::as_str).map(str::to_owned) else {
                    return;
                };
                let template_id = self.template.as_ref().map(|external| external.live.id);
                if !self.is_taken(&name, template_id) {
                    let made = format!("v{}", self.versions.len());
                    let version = Version {
                        creator: Some(id("ann")),
                        template_id,
                        ..version(&made, None, VersionJob::Succeeded)
                    };
                    self.versions.push(Built { name, version });
                }
            }
            Happening::OtherCreates => {
                self.template.get_or_insert_with(template);
            }
            Happening::Archive => {
                let active = self
                    .template
                    .as_ref()
                    .map(|external| external.live.active_version_id);
                for built in &mut self.versions {
                    let is_active = Some(built.version.id) == active;
                    built.version.is_archived |= !is_active && built.version.template_id.is_some();
                }
            }
            Happening::Rename(other) => {
                // Before, another template could be made under the old name.
                let is_bound = self.scenario.stored.status.pointer("/binding/id").is_some();
                if let Some(external) = self.template.as_mut().filter(|_| is_bound) {
                    external.live.name = if other { "other" } else { "Go" }.to_owned();
                }
            }
            Happening::HandBack => self
                .scenario
                .stored
                .apply(USER, &Map::new(), false)
                .unwrap(),
            Happening::Outage(is_down) => self.is_down = is_down,
            Happening::Request(value) => {
                let value = value.to_string();
                self.scenario
                    .stored
                    .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, &value);
            }
            Happening::Scope { writes, before } => self.look(writes, before),
        }
    }

    fn come_to_rest(&mut self) {
        self.happen(Happening::Outage(false));
        for _ in 0..6 {
            self.happen(ONE_LOOK);
            self.happen(Happening::Ends { given_up: None });
        }
        let writes = self.writes;
        for _ in 0..3 {
            self.happen(ONE_LOOK);
        }
        assert_eq!(self.writes, writes, "no rest: {self:?}");
    }
}

impl testing::World<CoderTemplate> for World {
    fn scenario(&mut self) -> &mut Scenario {
        &mut self.scenario
    }

    /// What `controller/template/observe.rs` sees.
    fn observe(&mut self) {
        let template_id = self.template.as_ref().map(|external| external.live.id);
        self.scenario.external = match &self.template {
            _ if self.is_down => External::Unknown(failure()),
            Some(external) => External::Present(external.clone()),
            None => External::Absent,
        };
        let object: CoderTemplate = self.scenario.stored.object();
        let ownership = self.scenario.look(|context| context.ownership.clone());
        let declared = declared_source(
            &object,
            &ownership,
            read_source(&object),
            variables(&object),
        )
        .and_then(Result::ok);
        let hash = declared.map(|it| it.hash).unwrap_or_default();
        self.scenario.own.version = match seek(&object, &hash) {
            _ if self.is_down || hash.is_empty() => Find::NotSought,
            Seek::Nothing => Find::NotSought,
            Seek::ById(id) => self.find(|it| it.version.id == id),
            Seek::ByName(name) => match &self.made {
                Some((made, id)) if made == name => self.find(|it| it.version.id == *id),
                _ => self.find(|it| {
                    let is_ours = it.version.creator == Some(US);
                    it.name == name
                        && it.version.template_id == template_id
                        && (is_ours || template_id.is_some())
                }),
            },
        };
        let decides = !hash.is_empty() && needs_active_content(&object, &hash);
        let active = self
            .template
            .as_ref()
            .map(|external| external.live.active_version_id);
        let is_mirrored = active.is_some_and(|id| needs_content(&object, &ownership, id));
        self.scenario.own.active = (decides || is_mirrored).then(|| content("somebody's"));
    }

    fn act(&mut self, effect: &Effect) {
        let template_id = self.template.as_ref().map(|external| external.live.id);
        match effect {
            Effect::Delete => panic!("kept: {self:?}"),
            Effect::CreateVersion {
                name,
                template_id: asked,
                executables: _,
            } => {
                assert_eq!(*asked, template_id, "{self:?}");
                // Names without a template are not unique.
                let is_taken = asked.is_some() && self.is_taken(name, *asked);
                assert!(!is_taken, "built twice: {self:?}");
                let made = format!("v{}", self.versions.len());
                let version = Version {
                    template_id: *asked,
                    ..version(&made, None, VersionJob::Active)
                };
                self.made = Some((name.clone(), version.id));
                self.versions.push(Built {
                    name: name.clone(),
                    version,
                });
            }
            Effect::Unarchive(id) => self.version(*id).is_archived = false,
            Effect::Create(new) => {
                assert!(self.template.is_none(), "{self:?}");
                let version = self.version(new.template_version_id);
                assert_eq!(version.job, VersionJob::Succeeded);
                assert_eq!(version.template_id, None);
                version.template_id = Some(id(ID));
                let now = self.scenario.now;
                let mut made = template();
                made.live.active_version_id = new.template_version_id;
                made.live.description = new.description.clone();
                made.live.created_by_id = US;
                made.live.created_at = now;
                self.template = Some(made);
                self.created += 1;
            }
            Effect::Promote(id) | Effect::PromotePinned(id) => {
                let version = self.version(*id).clone();
                assert_eq!(version.job, VersionJob::Succeeded, "{self:?}");
                assert_eq!(version.template_id, template_id, "{self:?}");
                assert!(!version.is_archived, "{self:?}");
                self.template.as_mut().unwrap().live.active_version_id = *id;
            }
        }
    }

    fn update(&mut self, changes: &[Change]) {
        let [change] = changes else {
            panic!("more than one field: {self:?}")
        };
        assert_eq!(
            *change,
            Change {
                field: "description",
                ..change.clone()
            }
        );
        let text = change.value.as_ref().and_then(Value::as_str);
        self.template.as_mut().unwrap().live.description = text.unwrap_or_default().to_owned();
    }
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => any::<bool>().prop_map(Happening::Edit),
        1 => any::<bool>().prop_map(Happening::Describe),
        4 => prop::option::weighted(0.3, any::<bool>())
            .prop_map(|given_up| Happening::Ends { given_up }),
        1 => Just(Happening::PromoteOther),
        1 => Just(Happening::Usurp),
        1 => Just(Happening::OtherCreates),
        1 => Just(Happening::Archive),
        1 => any::<bool>().prop_map(Happening::Outage),
        1 => (0_u8..3).prop_map(Happening::Request),
        8 => (0_usize..6, any::<bool>())
            .prop_map(|(writes, before)| Happening::Scope { writes, before }),
    ]
}

/// What may also happen where the object need not stay.
fn anything() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => any_happening(),
        1 => any::<bool>().prop_map(Happening::Rename),
        1 => Just(Happening::HandBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_happens_each_source_is_built_once_and_one_template_has_it(
        exists in any::<bool>(),
        happenings in prop::collection::vec(any_happening(), 0..30),
    ) {
        let mut world = World::new(exists);
        for happening in happenings {
            world.happen(happening);
        }
        world.come_to_rest();
        // What failed for good waits for a person.
        world.happen(Happening::Request(9));
        world.come_to_rest();
        prop_assert!(world.created <= usize::from(!exists));
        let text = world.scenario.stored.spec["files"]["main.tf"].as_str().unwrap().to_owned();
        let external = world.template.clone().unwrap();
        let active = world.versions.iter().find(|it| it.version.id == external.live.active_version_id);
        prop_assert!(
            active.is_some_and(|it| {
                source::is_version_of(&it.name, &hash(&text))
                    && it.version.creator == Some(US)
            }),
            "{:?}", world
        );
        let description = world.scenario.stored.spec.get("description").cloned().unwrap_or_default();
        prop_assert_eq!(description.as_str().unwrap_or_default(), &external.live.description);
        world.observe();
        prop_assert_eq!(world.scenario.condition(ConditionType::Ready).unwrap().0, "True");
    }

    /// That no template is deleted is asserted where the world takes an effect.
    #[test]
    fn whatever_is_renamed_or_handed_back_we_delete_imported_objects_and_no_template(
        exists in prop::option::of(any::<bool>()),
        happenings in prop::collection::vec(anything(), 0..40),
    ) {
        let mut world = exists.map_or_else(World::imported, World::new);
        for happening in happenings {
            world.happen(happening);
        }
        world.come_to_rest();
        if !world.stays {
            let owners = world.scenario.stored.owners.values().flatten();
            prop_assert!(owners.into_iter().all(|owner| owner == MANAGER_CODERD), "{:?}", world);
            prop_assert_eq!(world.created, 0, "made here: {:?}", world);
        }
    }
}
