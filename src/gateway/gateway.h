// The gateway: routes of a Sluice deployment, from a request to an answer.
//
//   POST     /gatekeeper/<table>          credentials and a definition in, ShapeStream options out
//   GET|POST /v1/shape, /proxy/v1/shape   a grant and a shape request in, the origin's answer out
//   GET|POST /v1/shapes/<name>            credentials in, the configured shape's answer out
//   GET      /healthz, /readyz            the process runs; it can answer
//
// A path is compared byte for byte and once (SECURITY E2, H57); every other one is 404 here and goes nowhere. OPTIONS is
// answered here; DELETE is 405 for end users (E11).
//
// One Gateway serves all connections; it is immutable after construction but for counters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gatekeeper/minter.h"
#include "gateway/cors.h"
#include "gateway/gate.h"
#include "gateway/held_requests.h"
#include "gateway/metrics.h"
#include "gateway/shape_answer.h"
#include "http/message.h"
#include "origin/origin.h"
#include "policy/authorizer.h"
#include "policy/shape_template.h"

namespace sluice::gateway {

struct NamedShape {
  policy::ShapeTemplate shape;
  // Nobody needs to authenticate. Said by the configuration in so many words (SECURITY H62).
  bool is_public = false;
};

struct GatewayOptions {
  std::string public_url;  // without a trailing slash
  std::vector<std::string> cors_origins;
  bool debug = false;
  std::vector<token::Verifier> identities;
  std::vector<token::Verifier> grants;              // [[gate.issuer]], beside the minter's own
  std::optional<gatekeeper::MinterOptions> minter;  // no gatekeeper without it
  std::shared_ptr<policy::Authorizer> authorizer;   // with a minter: never null
  std::map<std::string, NamedShape, std::less<>> shapes;
};

class Gateway : public http::Handler {
 public:
  // `origin` and `metrics` must outlive it.
  Gateway(GatewayOptions options, origin::Origin& origin, Metrics& metrics);

  Task<void> handle(const http::Request& request, http::Response& response) override;

  // Answers every held request now. Any thread.
  void drain() { held_.cut_all(); }

 private:
  struct Target {
    Route route = Route::kNone;
    std::string_view argument;  // the table, or the shape's name
  };
  static Target route(std::string_view path);

  Task<void> dispatch(const Target& target, const http::Request& request, http::Response& response);
  Task<void> granted_shape(const http::Request& request, http::Response& response);
  Task<void> named_shape(std::string_view name, const http::Request& request, http::Response& response);
  Task<void> gatekeeper(std::string_view table, const http::Request& request, http::Response& response);
  Task<void> serve(Admission admission, ShapeAnswerOptions answer, http::Response& response);
  Task<void> serve_later(Task<void> work, Admission admission, ShapeAnswerOptions answer, http::Response& response);
  Task<void> decide_and_mint(policy::Principal principal, shape::Definition asked, http::Response& response);
  Task<void> finish_later(Task<void> work, Route route, const http::Request& request, http::Response& response);
  void finish(Route route, const http::Request& request, http::Response& response);
  void refuse(const Refusal& refusal, http::Response& response);

  GatewayOptions options_;
  origin::Origin& origin_;
  Metrics& metrics_;
  HeldRequests held_;
  Cors cors_;
  Gate gate_;
  std::optional<gatekeeper::Minter> minter_;
  std::string proxy_url_;
};

}  // namespace sluice::gateway
