#include "policy/http_authorizer.h"

#include "policy/http_exchange.h"
#include "policy/timed.h"

namespace sluice::policy {
namespace {

using http::ClientError;
using std::chrono::seconds;

// Short of what most servers wait for the next request of a kept connection (Node: 5 s).
constexpr std::chrono::milliseconds kIdleTimeout{4'000};

http::ClientOptions client_options(http::Url url, std::chrono::milliseconds timeout) {
  http::ClientOptions options;
  options.origin = std::move(url);
  options.connect_timeout = timeout;
  options.answer_timeout = timeout;
  options.read_timeout = timeout;
  options.idle_timeout = kIdleTimeout;
  options.header_bytes_max = 16 * 1024;
  return options;
}

// No answer can have come of it.
bool may_be_repeated(ClientError error) {
  return error == ClientError::kConnect || error == ClientError::kReset;
}

// The whole body; nullopt where it is too long or breaks off.
Task<std::optional<std::string>> read_body(http::ClientResponse& response) {
  if (response.body_bytes.value_or(0) > kHttpAnswerBytesMax) co_return std::nullopt;
  std::string body;
  while (true) {
    const auto piece = co_await response.body->next();
    if (!piece || body.size() + piece->bytes().size() > kHttpAnswerBytesMax) co_return std::nullopt;
    if (piece->empty()) co_return body;
    body += piece->bytes();
  }
}

std::expected<std::optional<std::set<shape::TableName>>, std::string> parse_tables(
    const std::optional<std::set<std::string>>& names) {
  if (!names) return std::nullopt;
  std::set<shape::TableName> tables;
  for (const std::string& name : *names) {
    auto table = shape::TableName::parse(name);
    if (!table) return std::unexpected("tables: '" + name + "' " + std::string(to_string(table.error())));
    tables.insert(std::move(*table));
  }
  return tables;
}

}  // namespace

HttpAuthorizer::HttpAuthorizer(const HttpAuthorizerConfig& config, http::Url url, token::Key secret,
                               std::optional<std::set<shape::TableName>> tables)
    : name_(config.name),
      line_(config.line),
      timeout_(config.timeout),
      anonymous_(config.anonymous),
      tables_(std::move(tables)),
      target_(url.path),
      secret_(std::move(secret)),
      client_(client_options(std::move(url), config.timeout)) {}

std::expected<std::unique_ptr<HttpAuthorizer>, std::string> HttpAuthorizer::make(const HttpAuthorizerConfig& config) {
  const auto at_fault = [&](const std::string& why) { return std::unexpected("authorizer '" + config.name + "': " + why); };
  auto url = http::Url::parse(config.url);
  if (!url) return at_fault("url: " + url.error());
  auto secret = token::Key::hmac_sha256(config.secret);
  if (!secret) return at_fault("secret: " + std::string(to_string(secret.error())));
  if (config.timeout <= std::chrono::milliseconds(0)) return at_fault("timeout_ms: must be above 0");
  auto tables = parse_tables(config.tables);
  if (!tables) return at_fault(tables.error());
  return std::unique_ptr<HttpAuthorizer>(
      new HttpAuthorizer(config, std::move(*url), std::move(*secret), std::move(*tables)));
}

Task<Decision> HttpAuthorizer::authorize(const Principal& principal, const shape::Definition& asked) {
  Decision decision;
  if (principal.is_anonymous() && !anonymous_)
    decision = Decision::abstain("it is not asked about anonymous callers");
  else if (tables_ && !tables_->contains(asked.table()))
    decision = Decision::abstain("it is not asked about this table");
  else
    decision = co_await with_timeout(ask(write_http_question(principal, asked), asked), timeout_);
  decision.authorizer = name_;
  decision.line = line_;
  co_return decision;
}

Task<Decision> HttpAuthorizer::ask(std::string question, const shape::Definition& asked) {
  auto response = co_await send(question);
  if (!response && may_be_repeated(response.error())) response = co_await send(question);
  if (!response) co_return Decision::failed("no answer: " + std::string(to_string(response.error())));
  if (response->status != 200) co_return Decision::failed("answered status " + std::to_string(response->status));
  const auto body = co_await read_body(*response);
  if (!body) co_return Decision::failed("the answer's body is too long or broke off");
  co_return read_http_answer(*body, asked);
}

Task<std::expected<http::ClientResponse, ClientError>> HttpAuthorizer::send(const std::string& question) {
  const auto now_s = std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.target = target_;
  request.fields.add("content-type", "application/json");
  request.fields.add("accept", "application/json");
  request.fields.add("sluice-timestamp", std::to_string(now_s));
  request.fields.add("sluice-signature", http_signature(secret_, now_s, question));
  request.body = question;
  co_return co_await client_.send(std::move(request));
}

}  // namespace sluice::policy
