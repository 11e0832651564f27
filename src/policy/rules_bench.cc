// What a decision costs: rules spread over tables, rules that all stand for one table, conditions, remembered decisions.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "policy/remembered.h"
#include "policy/rules.h"

namespace sluice::policy {
namespace {

constexpr std::int64_t kNow_s = 1'800'000'000;

Principal principal_with(const std::string& claims) {
  const auto key = token::Key::hmac_sha256("a key of thirty-two bytes or more, for benches");
  token::VerifierOptions options;
  options.name = "app";
  options.keys = {*key};
  const std::string text = R"({"iss":"https://tenant.example.com/","sub":"user|0123456789","aud":"https://api.example.com",)"
                           R"("exp":1800003600,"iat":1800000000,)" +
                           claims + "}";
  return Principal(token::Verifier(options).verify(token::sign(*key, text), kNow_s).value());
}

const Principal& member() {
  static const Principal principal = principal_with(R"("org_id":7,"role":"member","roles":["reader","writer"])");
  return principal;
}

shape::Definition asked(const std::string& table) {
  shape::DefinitionText text;
  text.table = table;
  return shape::Definition::make(text).value();
}

RuleConfig rule_for(const std::string& table) {
  RuleConfig rule;
  rule.name = table;
  rule.shape.table = table;
  rule.shape.where = "org_id = $1";
  rule.shape.params = {"{claims.org_id::int8}"};
  return rule;
}

void run(benchmark::State& state, const Rules& rules, const shape::Definition& definition) {
  for (auto _ : state) {
    const Decision decision = rules.decide(member(), definition);
    if (decision.kind != Decision::Kind::kAllow) state.SkipWithError("not allowed");
    benchmark::DoNotOptimize(decision);
  }
  state.SetItemsProcessed(state.iterations());
}

// One rule a table.
void decide_over_tables(benchmark::State& state) {
  std::vector<RuleConfig> configs;
  for (int i = 0; i < state.range(0); ++i) configs.push_back(rule_for("table_" + std::to_string(i)));
  const Rules rules = Rules::make(configs).value();
  run(state, rules, asked("table_" + std::to_string(state.range(0) / 2)));
}
BENCHMARK(decide_over_tables)->Arg(1)->Arg(10)->Arg(100);

// All for one table, each with a condition; only the last one's holds.
void decide_over_conditions(benchmark::State& state) {
  std::vector<RuleConfig> configs;
  for (int i = 0; i < state.range(0); ++i) {
    configs.push_back(rule_for("items"));
    configs.back().when = i + 1 == state.range(0) ? "role = 'member'" : "role = 'role " + std::to_string(i) + "'";
  }
  const Rules rules = Rules::make(configs).value();
  run(state, rules, asked("items"));
}
BENCHMARK(decide_over_conditions)->Arg(1)->Arg(10)->Arg(100);

// The client spells the rule's own shape out.
void decide_spelled_out(benchmark::State& state) {
  const Rules rules = Rules::make({rule_for("items")}).value();
  shape::DefinitionText text;
  text.table = "items";
  text.where = "org_id = $1";
  text.params = {{1, "7"}};
  run(state, rules, shape::Definition::make(text).value());
}
BENCHMARK(decide_spelled_out);

class Open : public Authorizer {
 public:
  Task<Decision> authorize(const Principal&, const shape::Definition& definition) override {
    co_return Decision::allow({.definition = definition}, "allowed");
  }
};

Task<void> ask_repeatedly(benchmark::State& state, Authorizer& authorizer, const shape::Definition& definition) {
  for (auto _ : state) {
    const Decision decision = co_await authorizer.authorize(member(), definition);
    benchmark::DoNotOptimize(decision);
  }
}

void remembered_hit(benchmark::State& state) {
  Remembered remembered(std::make_unique<Open>(), {.ttl = std::chrono::hours(1)});
  const auto definition = asked("items");
  boost::asio::io_context context{1};
  boost::asio::co_spawn(context, ask_repeatedly(state, remembered, definition), boost::asio::detached);
  context.run();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(remembered_hit);

}  // namespace
}  // namespace sluice::policy

BENCHMARK_MAIN();
