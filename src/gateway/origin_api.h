// The bare shape API over an origin, as `sluice origin` serves it and any client or proxy of the protocol asks it
// (PROTOCOL sections 1, 2 and 11): `/`, `/v1/shape`, `/v1/health`.
//
// Whoever holds the API's secret may ask for any shape; there are no principals here. The secret comes in the query string
// (`secret`, or the older `api_secret`) and is compared in constant time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/request_memo.h"
#include "http/message.h"
#include "origin/origin.h"
#include "shape/request_codec.h"

namespace sluice::gateway {

struct OriginApiOptions {
  std::string secret;                   // must not be empty unless insecure
  bool insecure = false;                // anybody may ask
  std::string server = "Sluice/0.1.0";  // the electric-server field
};

class OriginApi final : public http::Handler {
 public:
  // Throws std::invalid_argument where there is neither a secret nor `insecure`. The origin outlives it.
  OriginApi(OriginApiOptions options, origin::Origin& origin);

  Task<void> handle(const http::Request& request, http::Response& response) override;

 private:
  Task<void> handle_shape(const http::Request& request, http::Response& response);
  void answer_health(http::Response& response) const;

  const OriginApiOptions options_;
  origin::Origin& origin_;
  RequestMemo memo_;
};

}  // namespace sluice::gateway
