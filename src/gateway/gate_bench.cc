// What authentication and authorization add to a request: BM_Admit less BM_ParseOnly is the cost of both for a token that
// was seen before.
#include <benchmark/benchmark.h>

#include "gateway/clock.h"
#include "gateway/gate.h"
#include "gateway/grant_content.h"
#include "gateway/published.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kDefinition = "table=items&where=%22org_id%22%20%3D%20%241&params%5B1%5D=7";
constexpr std::string_view kProtocol = "&offset=0_0&handle=38083685-1729874417404&log=full";

struct Fixture {
  explicit Fixture(const std::string& shape = R"({"table":"items","where":"org_id = $1","params":{"1":"7"}})",
                   std::string_view more = "")
      : query(std::string(kDefinition) + std::string(kProtocol) + std::string(more)) {
    const auto key = token::Key::hmac_sha256("gatekeeper secret, thirty-two bytes or more");
    identity::AuthenticatorOptions options;
    token::VerifierOptions verifier;
    verifier.name = "gatekeeper";
    options.issuers.push_back({token::Verifier(verifier), std::make_shared<identity::FixedKeys>(std::vector{*key})});
    options.read_content = read_grant_content;
    gate.emplace(std::make_shared<identity::Authenticator>(std::move(options)), LimitsOptions{});
    const std::string token = token::sign(
        *key,
        R"({"iss":"https://sync.example.com","aud":"sluice:gate","sub":"user-1234567890","jti":"0123456789abcdef",)"
        R"("iat":1764000000,"exp":)" +
            std::to_string(now_s() + 3600) + R"(,"shape":)" + shape + "}",
        "shape+jwt");
    fields.add("host", "sync.example.com");
    fields.add("accept", "*/*");
    fields.add("authorization", "Bearer " + token);
    request.method = http::Method::kGet;
    request.path = "/v1/shape";
    request.query = query;
    request.fields = &fields;
  }

  std::string query;
  http::Fields fields;
  http::Request request;
  gatekeeper::Revocations revocations;
  std::optional<Gate> gate;
};

// The work that a gateway without tokens would have as well.
void BM_ParseOnly(benchmark::State& state) {
  const Fixture fixture;
  for (auto _ : state) {
    auto asked = shape::parse_shape_query(fixture.request.query, shape::Dialect::kGrant);
    auto checked = shape::check_position(*asked);
    auto definition = shape::Definition::make(*asked->definition);
    auto request = std::make_shared<shape::Request>(
        shape::Request{*std::move(definition), std::move(asked->position), std::move(asked->subset)});
    benchmark::DoNotOptimize(checked);
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(BM_ParseOnly);

void admit(benchmark::State& state, Fixture& fixture) {
  const std::int64_t now = now_s();
  for (auto _ : state) {
    auto admission = fixture.gate->admit_grant(fixture.request, fixture.revocations, now);
    if (!admission) state.SkipWithError("refused");
    benchmark::DoNotOptimize(admission);
  }
}

void BM_Admit(benchmark::State& state) {
  Fixture fixture;
  admit(state, fixture);
}
BENCHMARK(BM_Admit);

// With ten thousand revocations to look among.
void BM_AdmitAmongRevocations(benchmark::State& state) {
  Fixture fixture;
  for (int i = 0; i < 10'000; ++i)
    fixture.revocations.add({.value = "token-" + std::to_string(i), .forget_at_s = now_s() + 3600}, now_s());
  admit(state, fixture);
}
BENCHMARK(BM_AdmitAmongRevocations);

// A shape that is narrower than the granted one, asked for before.
void BM_AdmitNarrower(benchmark::State& state) {
  Fixture fixture(R"({"table":"items","where":"org_id = $1","params":{"1":"7"}})", "&columns=id,title");
  admit(state, fixture);
}
BENCHMARK(BM_AdmitNarrower);

// What every request pays for the policy's being replaceable.
void BM_TakeState(benchmark::State& state) {
  const Published<int> published(std::make_shared<const int>(1));
  for (auto _ : state) benchmark::DoNotOptimize(published.get());
}
BENCHMARK(BM_TakeState);

}  // namespace
}  // namespace sluice::gateway

BENCHMARK_MAIN();
