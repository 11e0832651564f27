#include "policy/combined.h"

#include <gtest/gtest.h>

#include "policy/narrowing.h"
#include "policy/rules.h"
#include "policy/test_authorizer.h"

namespace sluice::policy {
namespace {

using Kind = Decision::Kind;
using shape::GrantedShape;

const shape::Definition kItems = test_definition("items");
const shape::Definition kOwn = test_definition("items", "org_id = $1", {{1, "7"}});
const shape::Definition kOwnOpen = test_definition("items", "org_id = $1 AND done = false", {{1, "7"}});

Decision allow(const shape::Definition& definition, std::optional<shape::LogMode> log = {},
               shape::SubsetRights subset = {}) {
  return Decision::allow(GrantedShape{definition, log, subset}, "allowed");
}

Decision ask(Authorizer& authorizer, const shape::Definition& asked = kItems) {
  return decide(authorizer, Principal::anonymous(), asked);
}

TEST(FirstThatAnswers, PassesOverThoseThatAbstain) {
  FakeAuthorizer silent(Decision::abstain("no rule")), open(allow(kItems), "open"), never(Decision::deny("no"));
  FirstThatAnswers first({&silent, &open, &never});
  const Decision decision = ask(first);
  EXPECT_EQ(decision.kind, Kind::kAllow);
  EXPECT_EQ(decision.authorizer, "open");
  EXPECT_TRUE(never.asked().empty());
}

TEST(FirstThatAnswers, ADenialOrAFailureIsAnAnswer) {
  FakeAuthorizer denies(Decision::deny("no")), fails(Decision::failed("down")), open(allow(kItems));
  FirstThatAnswers denied({&denies, &open}), failed({&fails, &open});
  EXPECT_EQ(ask(denied).kind, Kind::kDeny);
  EXPECT_EQ(ask(failed).kind, Kind::kFailed);
  EXPECT_TRUE(open.asked().empty());
}

TEST(FirstThatAnswers, DeniesByDefault) {
  FirstThatAnswers none({});
  EXPECT_EQ(ask(none).kind, Kind::kDeny);
  Decision near = Decision::abstain("rule 'own': missing");
  near.nearest = Nearest{"own", 3, "missing"};
  FakeAuthorizer rules(near, "rules"), api(Decision::abstain("it abstained"), "api");
  FirstThatAnswers both({&rules, &api});
  const Decision decision = ask(both);
  EXPECT_EQ(decision.kind, Kind::kDeny);
  EXPECT_EQ(decision.reason, "rules: rule 'own': missing; api: it abstained");
  EXPECT_EQ(decision.nearest, near.nearest);
}

TEST(AllOf, EachIsAskedWithWhatTheOneBeforeGranted) {
  FakeAuthorizer rules(allow(kOwn), "rules"), api(allow(kOwnOpen), "api");
  AllOf all({&rules, &api});
  const Decision decision = ask(all);
  ASSERT_EQ(decision.kind, Kind::kAllow) << decision.reason;
  EXPECT_EQ(decision.granted->definition, kOwnOpen);
  EXPECT_EQ(api.asked(), std::vector{kOwn});
  EXPECT_EQ(decision.reason, "rules: allowed; api: allowed");
}

TEST(AllOf, RulesAreAskedForWhatIsLeft) {
  RuleConfig rule;
  rule.name = "some columns";
  rule.shape.table = "items";
  rule.shape.columns = {"id", "title", "done"};
  rule.anonymous = true;
  auto rules = Rules::make({rule});
  const std::vector<std::string> fewer = {"id", "title"};
  FakeAuthorizer api(allow(kItems.with_columns(fewer, shape::Replica::kDefault).with_queryable_columns(fewer)));
  AllOf all({&api, &*rules}), reversed({&*rules, &api}), twice({&*rules, &*rules});
  EXPECT_EQ(ask(all).granted->definition,
            api.asked().front().with_columns(fewer, shape::Replica::kDefault).with_queryable_columns(fewer));
  EXPECT_EQ(ask(reversed).granted->definition.columns(), fewer);
  EXPECT_EQ(ask(twice).granted->definition.columns(), (std::vector<std::string>{"done", "id", "title"}));
}

TEST(AllOf, OneThatDoesNotAllowIsEnough) {
  FakeAuthorizer open(allow(kItems)), denies(Decision::deny("no")), silent(Decision::abstain("nothing")),
      fails(Decision::failed("down"));
  AllOf denied({&open, &denies}), abstained({&open, &silent}), failed({&open, &fails}), none({});
  EXPECT_EQ(ask(denied).kind, Kind::kDeny);
  EXPECT_EQ(ask(abstained).kind, Kind::kDeny);
  EXPECT_EQ(ask(failed).kind, Kind::kFailed);
  EXPECT_EQ(ask(none).kind, Kind::kDeny);
}

TEST(AllOf, AWiderAnswerFails) {
  FakeAuthorizer rules(allow(kOwn), "rules"), wide(allow(kItems), "wide");
  AllOf all({&rules, &wide});
  const Decision decision = ask(all);
  EXPECT_EQ(decision.kind, Kind::kFailed);
  EXPECT_EQ(decision.authorizer, "wide");
  EXPECT_FALSE(decision.granted);
}

TEST(AllOf, LimitsAddUp) {
  FakeAuthorizer first(allow(kItems, shape::LogMode::kFull, {.limit_max = 100})),
      second(allow(kItems, {}, {.limit_max = 10}));
  AllOf all({&first, &second}), reversed({&second, &first});
  for (AllOf* each : {&all, &reversed}) {
    const Decision decision = ask(*each);
    EXPECT_EQ(decision.granted->log, shape::LogMode::kFull);
    EXPECT_EQ(decision.granted->subset.limit_max, 10u);
  }
  FakeAuthorizer no_subset(allow(kItems, {}, {.allowed = false}));
  AllOf without({&first, &no_subset});
  EXPECT_FALSE(ask(without).granted->subset.allowed);
  FakeAuthorizer changes(allow(kItems, shape::LogMode::kChangesOnly));
  AllOf contradiction({&first, &changes});
  EXPECT_EQ(ask(contradiction).kind, Kind::kDeny);
}

TEST(Checked, AFinalAbstentionDenies) {
  FakeAuthorizer silent(Decision::abstain("nothing"));
  Checked checked(silent);
  EXPECT_EQ(ask(checked).kind, Kind::kDeny);
}

TEST(Checked, NothingPassesThatWasNotAskedFor) {
  FakeAuthorizer other_table(allow(test_definition("secrets"))), wide(allow(kItems)),
      full(allow(test_definition("items", {}, {}, {}, "full")));
  Decision empty = Decision::deny("");
  empty.kind = Kind::kAllow;
  FakeAuthorizer says_nothing(empty);
  Checked table(other_table), rows(wide), replica(full), nothing(says_nothing);
  EXPECT_EQ(ask(table).kind, Kind::kFailed);
  EXPECT_EQ(ask(rows, kOwn).kind, Kind::kFailed);
  EXPECT_EQ(ask(rows, test_definition("items", {}, {}, "id")).kind, Kind::kFailed);
  EXPECT_EQ(ask(replica).kind, Kind::kFailed);
  EXPECT_EQ(ask(nothing).kind, Kind::kFailed);
  EXPECT_EQ(ask(rows).kind, Kind::kAllow);
}

TEST(Narrowing, OfAWholeTableAnyRowsAreWithin) {
  const auto subquery = test_definition("items", "org_id IN (SELECT org_id FROM members WHERE user_id = $1)", {{1, "a"}});
  EXPECT_TRUE(lies_within(kItems, subquery).has_value());
  EXPECT_TRUE(lies_within(subquery, subquery).has_value());
  EXPECT_FALSE(lies_within(kOwn, subquery).has_value());
  EXPECT_FALSE(lies_within(subquery, kItems).has_value());
  EXPECT_FALSE(lies_within(kItems, test_definition("secrets", "true")).has_value());
}

TEST(Narrowing, TheSameRowsInFewerColumnsAreWithin) {
  const auto columns = [](const shape::Definition& of, std::vector<std::string> names) {
    return of.with_columns(names, shape::Replica::kDefault).with_queryable_columns(names);
  };
  EXPECT_TRUE(lies_within(kOwn, columns(kOwn, {"id", "org_id"})).has_value());
  EXPECT_TRUE(lies_within(columns(kOwn, {"a", "id", "org_id"}), columns(kOwn, {"id", "org_id"})).has_value());
  EXPECT_FALSE(lies_within(columns(kOwn, {"id", "org_id"}), kOwn).has_value());
  EXPECT_FALSE(lies_within(columns(kOwn, {"id", "org_id"}), columns(kOwn, {"id", "org_id", "secret"})).has_value());
}

}  // namespace
}  // namespace sluice::policy
