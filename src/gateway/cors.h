// Cross-origin access for browsers (Fetch standard, "CORS protocol").
//
// The gateway answers preflights itself, puts its fields on every answer, errors included (a browser hides an answer
// without them), and never reflects an origin that is not listed (SECURITY H64). `*` stands for any origin and is answered
// with `*`, which browsers refuse to combine with cookies.
//
// Where cookies authenticate, origins that are listed exactly may send them (Access-Control-Allow-Credentials), and a
// request with a cookie must show that it comes from one of them or from the deployment's own (E16).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace sluice::gateway {

struct CorsOptions {
  // Each `scheme://host[:port]` as a browser sends it, or `*`.
  std::vector<std::string> origins;
  std::string own_origin;  // of the deployment's public URL
  bool cookies = false;    // whether any authenticates
};

class Cors {
 public:
  explicit Cors(CorsOptions options);

  // Access-Control-Allow-Origin and -Expose-Headers where the origin is listed, and `Vary` whether or not.
  void add_fields(const http::Request& request, http::Response& response) const;
  // A whole answer to OPTIONS.
  void answer_preflight(const http::Request& request, http::Response& response) const;

  // Whether a request that a cookie authenticates may come from where it says: `Origin`, where present, is the
  // deployment's own or listed exactly (never by `*`, never "null"); without it nothing that changes anything (POST), and
  // nothing that the browser says another site began (Sec-Fetch-Site).
  bool may_use_cookies(const http::Request& request) const;

 private:
  bool listed(std::string_view origin) const;
  // Access-Control-Allow-Origin and -Credentials; false where the request's Origin may have nothing.
  bool allow_origin(const http::Request& request, http::Response& response) const;

  CorsOptions options_;
  bool any_ = false;
};

// scheme://host[:port] of a URL as a browser writes it: in lower case, without the scheme's own port.
std::string origin_of(std::string_view url);

}  // namespace sluice::gateway
