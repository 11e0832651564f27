#include "policy/spicedb/check_template.h"

#include <gtest/gtest.h>

#include "policy/spicedb/spicedb_authorizer.h"
#include "policy/test_principal.h"

namespace sluice::policy::spicedb {
namespace {

constexpr std::string_view kCheck = "org:{params.1}#member@user:{sub}";

std::string error_of(std::string_view check, std::string_view consistency = "minimize_latency") {
  const auto made = CheckTemplate::parse(check, consistency);
  return made ? "" : made.error();
}

std::expected<Check, std::string> filled(std::string_view check, const std::vector<std::string>& params,
                                         const std::string& claims = "") {
  const Principal alice = test_principal(claims);
  return CheckTemplate::parse(check, "minimize_latency")->fill({.principal = alice, .params = &params});
}

TEST(CheckTemplate, FillsEachPart) {
  EXPECT_EQ(filled(kCheck, {"7"}), (Check{"org", "7", "member", "user", "alice"}));
  EXPECT_EQ(filled("acme/doc:a|{params.1}#can_view@acme/group:{claims.g}#member", {"7"}, R"("g":12)"),
            (Check{"acme/doc", "a|7", "can_view", "acme/group", "12", "member"}));
  EXPECT_EQ(filled(R"(org:{claims."https://a.b/org:#@".id}#member@user:{sub})", {}, R"("https://a.b/org:#@":{"id":1})"),
            (Check{"org", "1", "member", "user", "alice"}));
  EXPECT_EQ(filled("{claims.kind}:1#{claims.right}@user:x", {}, R"("kind":"doc","right":"view")"),
            (Check{"doc", "1", "view", "user", "x"}));
}

TEST(CheckTemplate, NoValueReachesOutOfItsPlace) {
  for (const char* org : {"1#member@user:bob", "1#x", "a:b", "*", "", "a b", "a.b", "1@2", "\xc3\xa4", "a\n", "{sub}"}) {
    const auto check = filled(kCheck, {org});
    ASSERT_FALSE(check) << org;
    EXPECT_EQ(check.error(), "the check's resource id is none that SpiceDB takes");
  }
  EXPECT_FALSE(filled(kCheck, {std::string("1\0", 2)}));
  EXPECT_FALSE(filled(kCheck, {std::string(1025, 'a')}));
  EXPECT_TRUE(filled(kCheck, {std::string(1024, 'a')}));
  EXPECT_FALSE(filled("org:1#member@user:{claims.u}", {}, R"("u":"*")"));
  EXPECT_FALSE(filled("org:1#{claims.right}@user:x", {}, R"("right":"View")"));
  EXPECT_FALSE(filled("{claims.kind}:1#view@user:x", {}, R"("kind":"a/b")"));
  EXPECT_FALSE(filled("org:1#member@group:x#{claims.r}", {}, R"("r":"")"));
}

TEST(CheckTemplate, NamesThePlaceThatHasNoValue) {
  const auto check = filled("org:1#member@user:{claims.user}", {}, R"("user":["a-secret-value"])");
  ASSERT_FALSE(check);
  EXPECT_TRUE(check.error().starts_with("the check's subject id: ")) << check.error();
  EXPECT_EQ(check.error().find("a-secret-value"), std::string::npos);
  EXPECT_FALSE(filled(kCheck, {}));
}

TEST(CheckTemplate, RefusesWhatIsNoCheck) {
  for (const char* check : {"",
                            "org",
                            "org:1",
                            "org:1#member",
                            "org:1#member@user",
                            ":1#member@user:x",
                            "org:#member@user:x",
                            "org:1#@user:x",
                            "org:1#member@:x",
                            "org:1#member@user:",
                            "org:1#member@user:x#",
                            "or:1#member@user:x",
                            "org:1#Member@user:x",
                            "org:*#member@user:x",
                            "org:1#member@user:*",
                            "org:1#member@user:x#y#z",
                            "org:{params.1#member@user:x",
                            "org:{what}#member@user:x",
                            "org:1#mem_@user:x",
                            "/org:1#member@user:x"}) {
    EXPECT_TRUE(error_of(check).starts_with("check: ")) << check;
  }
  EXPECT_EQ(error_of(kCheck), "");
}

TEST(CheckTemplate, H68_ReadsConsistency) {
  const Principal alice = test_principal(R"("z":"GhUKEzE2")");
  const std::vector<std::string> params = {"7"};
  const auto consistency = [&](std::string_view text) {
    return CheckTemplate::parse(kCheck, text)->fill({.principal = alice, .params = &params})->consistency;
  };
  EXPECT_EQ(consistency("minimize_latency"), (Consistency{Consistency::Kind::kMinimizeLatency}));
  EXPECT_EQ(consistency("fully_consistent"), (Consistency{Consistency::Kind::kFullyConsistent}));
  EXPECT_EQ(consistency("at_least_as_fresh:{claims.z}"), (Consistency{Consistency::Kind::kAtLeastAsFresh, "GhUKEzE2"}));
  for (const char* text : {"", "full", "at_least_as_fresh", "at_least_as_fresh:{z}"}) {
    EXPECT_TRUE(error_of(kCheck, text).starts_with("consistency: ")) << text;
  }
}

std::string refused(SpiceDbRule rule, ClientOptions client = {.endpoint = "localhost:50051", .token = "x", .tls = false}) {
  SpiceDbConfig config{.name = "spice", .client = std::move(client), .rules = {std::move(rule)}};
  const auto made = SpiceDbAuthorizer::make(std::move(config));
  return made ? "" : made.error();
}

SpiceDbRule rule_with(const std::string& check) {
  SpiceDbRule rule;
  rule.name = "r";
  rule.shape = {.table = "projects", .where = "org_id = $1", .params = {"{params.1}"}, .columns = {}, .replica = {}};
  rule.check = check;
  return rule;
}

TEST(SpiceDbAuthorizerConfig, ChecksOnlyWhatIsGranted) {
  EXPECT_EQ(refused(rule_with(std::string(kCheck))), "");
  EXPECT_EQ(refused(rule_with("org:{params.2}#member@user:{sub}")),
            "rule 'r': check: {params.2} is not among the rule's params");
  EXPECT_EQ(refused(rule_with("org:{query.org}#member@user:{sub}")),
            "rule 'r': check: only a named shape has query parameters");
  // The caller would choose a where clause that has nothing to do with the parameter that is checked.
  SpiceDbRule any = rule_with(std::string(kCheck));
  any.shape.where.reset();
  any.shape.params.clear();
  any.any_where = true;
  EXPECT_EQ(refused(any), "rule 'r': check: with any_where, {params.n} says nothing about the rows that are asked for");
  any.check = "org:all#member@user:{sub}";
  EXPECT_EQ(refused(any), "");
}

TEST(SpiceDbAuthorizerConfig, SendsNoTokenInTheClear) {
  const SpiceDbRule rule = rule_with(std::string(kCheck));
  for (const char* endpoint : {"spicedb.internal:50051", "10.0.0.1:50051", "[2001:db8::1]:50051", "localhost.evil.org:1"}) {
    EXPECT_TRUE(refused(rule, {.endpoint = endpoint, .tls = false}).starts_with("tls: ")) << endpoint;
    EXPECT_EQ(refused(rule, {.endpoint = endpoint, .tls = false, .insecure = true}), "");
    EXPECT_EQ(refused(rule, {.endpoint = endpoint}), "");
  }
  for (const char* endpoint : {"localhost:1", "127.0.0.1:65535", "127.8.9.1:1", "[::1]:1"}) {
    EXPECT_EQ(refused(rule, {.endpoint = endpoint, .tls = false}), "") << endpoint;
  }
}

TEST(SpiceDbAuthorizerConfig, TakesHostAndPortAndNothingElse) {
  const SpiceDbRule rule = rule_with(std::string(kCheck));
  for (const char* endpoint :
       {"", "localhost", "localhost:", ":1", "localhost:0", "localhost:65536", "localhost:1x", "unix:/tmp/x",
        "http://localhost:1", "dns:///localhost:1", "a b:1", "::1:1", "[::1]", "[::1:1", "[localhost]:1", "xds:///x"}) {
    EXPECT_TRUE(refused(rule, {.endpoint = endpoint, .tls = false}).starts_with("endpoint: ")) << endpoint;
  }
}

}  // namespace
}  // namespace sluice::policy::spicedb
