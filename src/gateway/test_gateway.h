// For tests: a gateway with one issuer of identity tokens, one of grants, a gatekeeper, a rule and a few named shapes, in
// front of an origin that keeps what it was asked.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "gateway/clock.h"
#include "gateway/gateway.h"
#include "policy/rules.h"
#include "shape/claim_codec.h"

namespace sluice::gateway {

inline constexpr std::string_view kIdentitySecret = "identity secret, thirty-two bytes or more";
inline constexpr std::string_view kCookieSecret = "session cookie secret, thirty-two bytes or more";
inline constexpr std::string_view kGatekeeperSecret = "gatekeeper secret, thirty-two bytes or more";
inline constexpr std::string_view kApiSecret = "the API's secret, thirty-two bytes or more";
inline constexpr std::string_view kWhere = "where=org_id%20%3D%20%241&params%5B1%5D=7";
inline const std::string kItemsClaim = R"({"table":"items","where":"org_id = $1","params":{"1":"7"}})";
inline const std::string kItems = "/v1/shape?table=items&offset=-1&" + std::string(kWhere);
inline const std::string kLive = "/v1/shape?table=items&offset=0_0&handle=h-1&live=true&" + std::string(kWhere);

using FieldList = std::vector<std::pair<std::string, std::string>>;

inline token::Key key(std::string_view secret, std::string key_id = "") {
  return *token::Key::hmac_sha256(secret, std::move(key_id));
}

// Says one thing, then nothing for ever.
class EndlessStream : public http::BodyStream {
 public:
  Task<std::expected<Buffer, http::BodyError>> next() override {
    if (!std::exchange(said_, true)) co_return Buffer::of_static("data: 1\n\n");
    co_await wait_for_ever();
    co_return Buffer();
  }

  static Task<void> wait_for_ever() {
    boost::asio::steady_timer never(co_await boost::asio::this_coro::executor, std::chrono::steady_clock::time_point::max());
    co_await never.async_wait(use_task);
  }

 private:
  bool said_ = false;
};

// Keeps what it was asked, answers as an origin does.
class RecordingOrigin : public origin::Origin {
 public:
  enum class Manner { kAtOnce, kNever, kEvents };

  Task<void> serve(std::shared_ptr<const origin::AuthorizedRequest> request, http::Response& response) override {
    asked.push_back(std::move(request));
    if (manner == Manner::kNever) return EndlessStream::wait_for_ever();
    if (manner == Manner::kEvents) {
      response.stream = std::make_unique<EndlessStream>();
      return {};
    }
    response.status = status;
    response.fields.add("content-type", "application/json");
    response.fields.add("cache-control", "public, max-age=604800");
    response.fields.add("surrogate-control", "max-age=9");
    response.fields.add("electric-handle", "h-1");
    response.buffers.push_back(Buffer::of_static(body));
    return {};
  }
  Health health() const override { return now; }
  void drain() override {}

  std::vector<std::shared_ptr<const origin::AuthorizedRequest>> asked;
  Manner manner = Manner::kAtOnce;
  Health now = Health::kActive;
  int status = 200;
  std::string_view body = "[]";
};

// Answers what it is told to, and keeps what it was asked.
class ToldAuthorizer final : public policy::Authorizer {
 public:
  Task<policy::Decision> authorize(const policy::Principal& principal, const shape::Definition& asked) override {
    definitions.push_back(asked);
    subjects.emplace_back(principal.subject());
    co_return narrower&& decision.kind == policy::Decision::Kind::kAllow ? policy::Decision::allow(*narrower, "narrower")
                                                                         : with_shape(asked);
  }

  policy::Decision decision;  // with kAllow: of what was asked
  std::optional<shape::GrantedShape> narrower;
  std::vector<shape::Definition> definitions;
  std::vector<std::string> subjects;

 private:
  policy::Decision with_shape(const shape::Definition& asked) const {
    policy::Decision answer = decision;
    if (answer.kind == policy::Decision::Kind::kAllow) answer.granted = shape::GrantedShape{.definition = asked};
    return answer;
  }
};

inline identity::Issuer issuer(std::string name, std::vector<token::Key> keys, std::vector<std::string> types_refused = {}) {
  token::VerifierOptions options;
  options.name = std::move(name);
  options.types_refused = std::move(types_refused);
  return {token::Verifier(std::move(options)), std::make_shared<identity::FixedKeys>(std::move(keys))};
}

inline std::shared_ptr<identity::Authenticator> authenticator(identity::Issuer issuer) {
  identity::AuthenticatorOptions options;
  options.issuers.push_back(std::move(issuer));
  return std::make_shared<identity::Authenticator>(std::move(options));
}

inline policy::ShapeTemplateConfig own_items() {
  policy::ShapeTemplateConfig config;
  config.table = "items";
  config.where = "org_id = $1";
  config.params = {"{claims.org_id}"};
  return config;
}

inline std::shared_ptr<policy::Authorizer> own_items_rule() {
  policy::RuleConfig rule;
  rule.name = "own";
  rule.line = 12;
  rule.shape = own_items();
  return std::make_shared<policy::Rules>(*policy::Rules::make({rule}));
}

inline policy::ShapeTemplate shape_template(policy::ShapeTemplateConfig config) {
  return *policy::ShapeTemplate::make(config);
}

inline GatewayOptions test_options() {
  GatewayOptions made;
  made.public_url = "https://sync.example.com";
  made.cors_origins = {"https://app.example.com"};
  made.identities = authenticator(issuer("app", {key(kIdentitySecret)}, {"shape+jwt"}));
  made.grant_issuers.push_back(issuer("api", {key(kApiSecret)}));
  made.minter = gatekeeper::MinterOptions{.keys = {key(kGatekeeperSecret)}, .issuer = made.public_url};
  made.authorizer = own_items_rule();
  made.shapes.emplace("items", NamedShape{shape_template(own_items())});
  policy::ShapeTemplateConfig titles = own_items();
  titles.columns = {"id", "title"};
  made.shapes.emplace("titles", NamedShape{shape_template(titles)});
  policy::ShapeTemplateConfig orgs;
  orgs.table = "orgs";
  made.shapes.emplace("orgs", NamedShape{shape_template(orgs), true});
  return made;
}

// `more`: further members, each with a comma before it.
inline std::string identity_token(int org_id = 7, const std::string& more = "", std::string_view secret = kIdentitySecret) {
  return token::sign(key(secret), R"({"iss":"idp","sub":"alice","iat":)" + std::to_string(now_s() - 1) + R"(,"org_id":)" +
                                      std::to_string(org_id) + R"(,"exp":)" + std::to_string(now_s() + 600) + more + "}");
}

inline std::string api_grant(const std::string& shape, std::int64_t lifetime_s = 600, const std::string& more = "") {
  static const token::Key api = key(kApiSecret);
  return token::sign(api, R"({"exp":)" + std::to_string(now_s() + lifetime_s) + R"(,"shape":)" + shape + more + "}");
}

// One request and its answer, for as long as it takes.
struct Call {
  http::Fields fields;
  http::Request request;
  http::Response response;
  std::string target, body;
  bool done = false;

  std::string text() const {
    std::string all;
    for (const Buffer& buffer : response.buffers) all += buffer.bytes();
    return all;
  }
  std::string code() const {
    const auto json = Json::parse(text());
    if (!json || !json->root().is_object()) return "not JSON: " + text();
    std::string_view value;
    return json->root()["error"].get(value) ? "none" : std::string(value);
  }
};

class GatewayTest : public ::testing::Test {
 protected:
  explicit GatewayTest(GatewayOptions options = test_options()) : gateway(std::move(options), parts()) {}
  ~GatewayTest() override {
    gateway.drain();
    poll();
    calls.clear();
    std::filesystem::remove(audit_file);
  }

  // Begins a request and goes on with everything that need not wait.
  Call& start(http::Handler& handler, http::Method method, std::string_view target, const FieldList& fields = {},
              std::string_view body = {}) {
    Call& call = *calls.emplace_back(std::make_unique<Call>());
    call.target = target;
    call.body = body;
    for (const auto& [name, value] : fields) call.fields.add(name, value);
    const std::size_t mark = call.target.find('?');
    call.request.method = method;
    call.request.path = std::string_view(call.target).substr(0, mark);
    if (mark != std::string::npos) call.request.query = std::string_view(call.target).substr(mark + 1);
    call.request.fields = &call.fields;
    call.request.body = call.body;
    call.request.peer = "192.0.2.1";
    Task<void> task = handler.handle(call.request, call.response);
    if (!task.valid()) {
      call.done = true;
      return call;
    }
    boost::asio::co_spawn(context, std::move(task), [&call](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      call.done = true;
    });
    poll();
    return call;
  }
  void poll() {
    context.restart();
    context.poll();
  }

  // Sends a request and keeps the answer; true where the origin was asked.
  bool send(http::Method method, std::string_view target, const FieldList& fields = {}, std::string_view body = {}) {
    const std::size_t before = origin.asked.size();
    last = &start(gateway, method, target, fields, body);
    if (!last->done) {
      context.restart();
      context.run();
    }
    return origin.asked.size() > before;
  }
  bool get(std::string_view target, const std::string& token) {
    return send(http::Method::kGet, target, {{"authorization", "Bearer " + token}});
  }
  http::Response& response() { return last->response; }
  std::string text() const { return last->text(); }
  std::string code() const { return last->code(); }
  const shape::Definition& definition() const { return origin.asked.back()->shape().definition; }

  // To its end.
  void read_stream(Call& call) {
    boost::asio::co_spawn(context, read_all(*call.response.stream), [&call](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
      call.response.stream.reset();
    });
    poll();
  }
  static Task<void> read_all(http::BodyStream& stream) {
    while (true) {
      const auto piece = co_await stream.next();
      if (!piece || piece->empty()) co_return;
    }
  }

  std::string audited() {
    audit.flush();
    std::ostringstream text;
    text << std::ifstream(audit_file).rdbuf();
    return text.str();
  }
  GatewayParts parts() { return {origin, metrics, revocations, *store, audit}; }

  const std::string audit_file = ::testing::TempDir() + "sluice_audit_" + std::to_string(::getpid()) + "_" +
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl";
  boost::asio::io_context context;
  RecordingOrigin origin;
  Metrics metrics;
  gatekeeper::Revocations revocations;
  std::unique_ptr<gatekeeper::RevocationStore> store = gatekeeper::memory_revocations(revocations);
  Audit audit{{.enabled = true, .file = audit_file}};
  std::vector<std::unique_ptr<Call>> calls;
  Call* last = nullptr;
  Gateway gateway;
};

}  // namespace sluice::gateway
