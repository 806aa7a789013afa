//! Calls of tools in the demo: a few of this morning, and one that waits.
use super::{
    history::{Actor, Story, World, about, seal},
    matters::Matter,
};
use crate::{
    operations::{legible, registry::Registry},
    policy::Version,
    requests::State,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// What became of a call.
#[derive(Clone, Copy)]
enum Fate {
    /// It needed nobody.
    Ran,
    Released,
    Denied,
    /// For so many minutes from now.
    Waits(i64),
}

impl World {
    /// Those that come before the requests that wait, and those that come after.
    pub fn calls(
        &mut self,
        next: &mut impl FnMut() -> i64,
        now: DateTime<Utc>,
        people: &[Actor],
        registry: &Registry,
        policy: &Version,
        waiting: bool,
    ) -> Vec<Story> {
        let caller = |role: &str| people.iter().find(|p| p.roles.iter().any(|r| r.name() == role)).expect("the demo has one of each role");
        let all: &[(i64, &str, &str, &str, Value, &str, Fate)] = &[
            (
                350,
                "sre",
                "grafana",
                "query",
                json!({"panel": "결제 성공률", "hours": 6}),
                "결제 성공률 알림을 확인합니다. (INC-204)",
                Fate::Ran,
            ),
            (
                344,
                "sre",
                "grafana",
                "silence",
                json!({"alert": "batch-delay", "minutes": 30}),
                "정산 배치 재실행 동안 알림을 끕니다.",
                Fate::Ran,
            ),
            (
                338,
                "ops",
                "github",
                "create_issue",
                json!({"repo": "hanbit/billing", "title": "정산 배치 지연"}),
                "배치 지연 원인을 추적할 이슈를 만듭니다.",
                Fate::Ran,
            ),
            (
                331,
                "sre",
                "kubernetes",
                "restart",
                json!({"namespace": "billing", "deployment": "worker"}),
                "메모리 누수로 멈춘 정산 작업자를 다시 시작합니다.",
                Fate::Released,
            ),
            (
                322,
                "ops",
                "postgres",
                "execute",
                json!({"sql": "delete from coupon where used_at is null", "database": "shop"}),
                "쓰지 않은 쿠폰을 정리합니다.",
                Fate::Denied,
            ),
            (
                3,
                "sre",
                "kubernetes",
                "scale",
                json!({"namespace": "shop", "deployment": "checkout", "replicas": 12, "reason": "프로모션 시작 전 증설", "rollback": {"after_minutes": 120, "replicas": 4}}),
                "10시 프로모션에 맞춰 결제 서버를 늘립니다. (CHG-88)",
                Fate::Waits(170),
            ),
        ];
        let mut stories = Vec::new();
        for (minutes, role, server, tool, arguments, reason, fate) in all.iter().filter(|call| matches!(call.6, Fate::Waits(_)) == waiting)
        {
            let at = now - TimeDelta::minutes(*minutes);
            let matter = matter(server, tool, role, arguments, reason);
            let mut story = Self::story(next(), at, caller(role), matter, registry, policy);
            let voter = caller("approver").id;
            match fate {
                Fate::Waits(left) => story.expires(now + TimeDelta::minutes(*left)),
                Fate::Ran => self.runs_at_once(&mut story),
                Fate::Released => {
                    self.approved(&mut story, voter, at + TimeDelta::seconds(74));
                    self.executed(&mut story, at + TimeDelta::milliseconds(74_150));
                }
                Fate::Denied => self.denied_because(
                    &mut story,
                    voter,
                    at + TimeDelta::seconds(41),
                    "조건이 너무 넓습니다. 만료된 쿠폰만 고르도록 고쳐서 다시 요청하세요.",
                ),
            }
            stories.push(story);
        }
        stories
    }

    /// Nobody was asked.
    fn runs_at_once(&mut self, story: &mut Story) {
        let r = &mut story.request;
        let at = r.created_at;
        (r.state, r.version, r.decided_at) = (State::Approved, r.version + 1, Some(at));
        r.execute_by = Some(at + r.ruling.execute_within());
        let entry = about(r, "request.approved").with("binding", r.binding_hex()).with("approvals", 0);
        story.events.push(seal(r.requester_id, "web", at, 2, entry));
        self.executed(story, at + TimeDelta::milliseconds(120));
    }
}

fn matter(server: &str, tool: &str, role: &str, arguments: &Value, reason: &str) -> Matter {
    let text = legible(arguments);
    Matter {
        operation: "tool.call",
        fields: json!({"server": server, "tool": tool, "role": role, "arguments": arguments}),
        target: ("tool", format!("{server}/{tool}"), format!("{server} · {tool}")),
        before: json!({"release": "held", "role": role, "arguments": null}),
        after: json!({"release": "released", "role": role, "arguments": text}),
        reason: reason.into(),
    }
}
